package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.HttpProbe;
import io.cairn.bench.chaos.Logs;
import io.cairn.bench.chaos.Signals;
import io.cairn.client.cli.Role;
import io.cairn.metadata.clock.WallClock;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** One process of the product on its host, from its own configuration file. */
final class Server {
  private static final Duration END = Duration.ofSeconds(30);

  private final Role role;
  private final Host host;
  private final Engine engine;
  private final int httpPort;
  private final Path config;
  private final Path log;
  private final Path clock;
  private volatile Process process;
  private Optional<ProcessHandle> handle = Optional.empty();
  private volatile int life;
  private volatile boolean stopped;
  private volatile long terminatedNanos;

  /**
   * A server that does not run yet.
   *
   * @param settings its options, without the address for HTTP.
   */
  Server(
      Role role,
      Host host,
      Engine engine,
      int httpPort,
      Path directory,
      Map<String, String> settings) {
    this.role = role;
    this.host = host;
    this.engine = engine;
    this.httpPort = httpPort;
    config = directory.resolve(host.name() + ".yaml");
    log = directory.resolve(host.name() + ".log");
    clock = directory.resolve(host.name() + ".clock");
    Map<String, String> all = new LinkedHashMap<>(settings);
    all.put("http.address", host.address() + ":" + httpPort);
    StringBuilder text = new StringBuilder();
    all.forEach((key, value) -> text.append(key + ": '" + value + "'\n"));
    try {
      Files.writeString(config, text);
    } catch (IOException e) {
      throw new ChaosFailure(config + " cannot be written", e);
    }
  }

  Role role() {
    return role;
  }

  Host host() {
    return host;
  }

  String name() {
    return host.name();
  }

  boolean isAlive() {
    return process != null && process.isAlive();
  }

  /** Starts it and does not wait. */
  synchronized void start() {
    String javaOptions = heap(role) + " -Xss512k -D" + WallClock.OFFSET_PROPERTY + "=" + clock;
    List<String> command = new ArrayList<>(host.prefix());
    command.addAll(
        engine.command(
            lifeName(life + 1), javaOptions, role.verb(), "--config", config.toString()));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().put("CAIRN_NO_BUILD", "1");
    builder.environment().put("CAIRN_JAVA_OPTS", javaOptions);
    try {
      process = builder.start();
      stopped = false;
      handle = Optional.empty();
      life++;
    } catch (IOException e) {
      throw new ChaosFailure(name() + " cannot be started", e);
    }
  }

  /** Sizes with which a dozen of them fit on one machine. */
  private static String heap(Role role) {
    return switch (role) {
      case METADATA -> "-Xms16m -Xmx128m";
      case STORAGE -> "-Xms32m -Xmx256m -XX:MaxDirectMemorySize=256m";
      case GATEWAY -> "-Xms32m -Xmx256m -XX:MaxDirectMemorySize=512m";
    };
  }

  /** Its time of day is wrong by so much; 0 for right. At once, and also in its next lives. */
  void setClock(long offsetMillis) {
    try {
      Path next = clock.resolveSibling(clock.getFileName() + ".next");
      Files.writeString(next, Long.toString(offsetMillis));
      // Never half of a number.
      Files.move(next, clock, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new ChaosFailure(clock + " cannot be written", e);
    }
  }

  /** Each life has its own, as what is left of the one before may not be gone yet. */
  private String lifeName(int number) {
    return host.name() + "-" + ProcessHandle.current().pid() + "-" + number;
  }

  /** SIGKILL; returns when it is gone. */
  synchronized void kill() {
    if (process.isAlive()) {
      handle().ifPresent(ProcessHandle::destroyForcibly);
    }
    Await.until(name() + " is dead", END, () -> !process.isAlive());
  }

  /** SIGKILL if need be, and a start, unless somebody else has started it since that life. */
  synchronized void restart(int ofLife) {
    if (life == ofLife) {
      if (isAlive()) {
        kill();
      }
      start();
    }
  }

  /** SIGTERM; it ends when it is done. */
  void terminate() {
    terminatedNanos = System.nanoTime();
    signal("TERM");
  }

  /** The time since it was told to end. */
  Duration terminatedFor() {
    return Duration.ofNanos(System.nanoTime() - terminatedNanos);
  }

  /** Returns when it has ended, or when the time is over. */
  void awaitEnd(Duration limit) throws InterruptedException {
    process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** SIGSTOP. */
  void stop() {
    stopped = true;
    signal("STOP");
  }

  /** SIGCONT, to whichever of its lives was stopped. */
  void goOn() {
    if (isAlive()) {
      signal("CONT");
    }
    stopped = false;
  }

  private void signal(String name) {
    Signals.send(name, List.of(living()));
  }

  /** The server's own process, of whatever runs it; empty when it has ended. */
  private synchronized Optional<ProcessHandle> handle() {
    if (handle.isEmpty()) {
      handle = engine.server(lifeName(life), process);
    }
    return handle;
  }

  private ProcessHandle living() {
    return handle().orElseThrow(() -> new ChaosFailure(name() + " has ended just now"));
  }

  /** Whether it stands still by {@link #stop}. */
  boolean isStopped() {
    return stopped;
  }

  /** How often it was started. */
  int life() {
    return life;
  }

  int httpPort() {
    return httpPort;
  }

  long pid() {
    return living().pid();
  }

  /** Whether it says that it can serve. */
  boolean isReady() {
    return isAlive()
        && HttpProbe.status(new InetSocketAddress(host.address(), httpPort), "/readyz") == 200;
  }

  /** The end of its log. */
  String logTail() {
    return Logs.tail(log);
  }
}
