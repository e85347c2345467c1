package io.cairn.bench.chaos;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One process of a cluster that {@code cairn dev --processes} started, by its files in DIR/run. */
public final class Member {
  private static final Duration END = Duration.ofSeconds(30);
  private static final Duration START = Duration.ofSeconds(60);

  private final Path runDirectory;
  private final String name;
  private final int httpPort;

  /** Options that it was given by the environment, which its command does not have. */
  private final Map<String, String> environment;

  Member(Path runDirectory, String name, int httpPort, Map<String, String> environment) {
    this.runDirectory = runDirectory;
    this.name = name;
    this.httpPort = httpPort;
    this.environment = environment;
  }

  /** Such as storage-1. */
  public String name() {
    return name;
  }

  /** Where it serves metrics and health. */
  public int httpPort() {
    return httpPort;
  }

  /** Its process, if it runs. */
  public Optional<ProcessHandle> process() {
    try {
      long pid = Long.parseLong(Files.readString(file("pid")).strip());
      return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).filter(this::isThisMember);
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** A pid is given again to others: only who was started with this member's file is the member. */
  private boolean isThisMember(ProcessHandle process) {
    try {
      String line =
          Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"))
              .replace('\0', ' ');
      return line.contains(runDirectory.getParent().toString()) && line.contains(name + ".yaml");
    } catch (IOException e) {
      return false;
    }
  }

  /** SIGKILL; returns when the process is gone. */
  public void kill() {
    ProcessHandle process = required();
    Signals.send("KILL", List.of(process));
    Await.until(name + " is dead", END, () -> !process.isAlive());
  }

  /** SIGTERM, as for a restart that was planned; returns when it has ended. */
  public void terminate() {
    ProcessHandle process = required();
    Signals.send("TERM", List.of(process));
    Await.until(name + " has stopped", START, () -> !process.isAlive(), this::logTail);
  }

  /** SIGSTOP; returns when it stands still. */
  public void pause() {
    Signals.stop(required());
  }

  /** SIGCONT. */
  public void resume() {
    Signals.send("CONT", List.of(required()));
  }

  /** Starts it again, by the command that the cluster left for that; returns when it is ready. */
  public void restart() {
    start();
    awaitReady();
  }

  /** Starts it again and does not wait. */
  public void start() {
    if (process().isPresent()) {
      throw new ChaosFailure(name + " runs already");
    }
    File nothing = new File("/dev/null");
    ProcessBuilder builder =
        new ProcessBuilder("sh", file("cmd").toString())
            .redirectInput(nothing)
            .redirectOutput(nothing)
            .redirectError(nothing);
    builder.environment().putAll(environment);
    try {
      builder.start();
    } catch (IOException e) {
      throw new ChaosFailure(name + " cannot be started", e);
    }
    Await.until(name + " runs", START, () -> process().isPresent(), this::logTail);
  }

  /**
   * Has its next start, and those after it, run that launcher with the same configuration, in the
   * same place.
   *
   * @param javaOptions flags of its JVM beside the launcher's, of which none has a blank.
   */
  public void install(Path launcher, List<String> javaOptions) {
    String role = name.substring(0, name.indexOf('-'));
    Path configuration = runDirectory.resolveSibling("conf").resolve(name + ".yaml");
    String line =
        "echo $$ > \"%s\"; CAIRN_NO_BUILD=1 CAIRN_JAVA_OPTS=\"%s\" exec \"%s\" %s --config \"%s\" >> \"%s\" 2>&1"
            .formatted(
                file("pid"),
                String.join(" ", javaOptions),
                launcher,
                role,
                configuration,
                file("log"));
    try {
      Files.writeString(file("cmd"), line + "\n");
    } catch (IOException e) {
      throw new ChaosFailure("the command of " + name + " cannot be written", e);
    }
  }

  private Path file(String kind) {
    return runDirectory.resolve(name + "." + kind);
  }

  /** Waits until /readyz says so. */
  public void awaitReady() {
    Await.until(
        name + " is ready",
        START,
        () -> HttpProbe.status(httpPort, "/readyz") == 200,
        this::logTail);
  }

  /** Its metrics now. */
  public Metrics metrics() {
    return Metrics.of(httpPort);
  }

  /** The end of its log. */
  public String logTail() {
    return Logs.tail(file("log"));
  }

  private ProcessHandle required() {
    return process()
        .orElseThrow(() -> new ChaosFailure(name + " does not run; its log ends:\n" + logTail()));
  }
}
