package io.cairn.bench.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A cluster that the launcher's {@code dev} runs, on ports that were free. It ends with this
 * program, also when that is told to stop.
 */
public final class RunningCluster implements AutoCloseable {
  /** Generous: what is measured is reported, and a busy machine is not a failure. */
  public static final Duration READY = Duration.ofSeconds(120);

  private static final Duration STOP = Duration.ofSeconds(60);

  /**
   * What to run.
   *
   * @param directory the cluster's data; its parent gets what the command prints.
   * @param processes one process per role.
   * @param nodeCount storage nodes.
   * @param volumes name and size, such as "1GiB".
   * @param logs what every JVM logs beside, as values of {@code -Xlog}.
   * @param environment variables that set options of the roles.
   */
  public record Settings(
      Path directory,
      boolean processes,
      int nodeCount,
      Map<String, String> volumes,
      List<String> logs,
      Map<String, String> environment) {
    /** A cluster whose roles have the options that {@code cairn dev} gives them. */
    public Settings(
        Path directory,
        boolean processes,
        int nodeCount,
        Map<String, String> volumes,
        List<String> logs) {
      this(directory, processes, nodeCount, volumes, logs, Map.of());
    }

    /** A cluster whose JVMs log nothing beside. */
    public Settings(Path directory, boolean processes, int nodeCount, Map<String, String> volumes) {
      this(directory, processes, nodeCount, volumes, List.of());
    }

    /** Three nodes. */
    public Settings(Path directory, boolean processes, Map<String, String> volumes) {
      this(directory, processes, 3, volumes);
    }
  }

  /** What the launcher adds to the flags of the JVM. */
  private static final String JVM_OPTIONS = "CAIRN_JAVA_OPTS";

  private Settings settings;
  private final Ports ports;
  private final Path outputFile;
  private final Path errorFile;
  private final Map<String, Member> members = new LinkedHashMap<>();
  private final Thread endOfProgram = Thread.ofPlatform().unstarted(this::endWithTheProgram);
  private Process process;
  private double readySeconds;

  private RunningCluster(Settings settings, Ports ports) {
    this.settings = settings;
    this.ports = ports;
    Path directory = settings.directory();
    outputFile = directory.resolveSibling(directory.getFileName() + ".out");
    errorFile = directory.resolveSibling(directory.getFileName() + ".err");
    Path run = directory.resolve("run");
    for (int number = 1; number <= 3; number++) {
      add(run, "metadata-" + number, ports.base() + 10 + number);
    }
    for (int number = 1; number <= settings.nodeCount(); number++) {
      add(run, "storage-" + number, ports.base() + 40 + number);
    }
    add(run, "gateway-1", ports.base() + 61);
  }

  private void add(Path run, String name, int httpPort) {
    members.put(name, new Member(run, name, httpPort, settings.environment()));
  }

  /** Starts a cluster and returns when it has said ready for each volume. */
  public static RunningCluster start(Settings settings) {
    RunningCluster cluster = new RunningCluster(settings, Ports.free());
    Runtime.getRuntime().addShutdownHook(cluster.endOfProgram);
    try {
      cluster.start();
      return cluster;
    } catch (RuntimeException e) {
      cluster.close();
      throw new ChaosFailure(e.getMessage() + cluster.logTails(), e);
    }
  }

  private String logTails() {
    StringBuilder text = new StringBuilder();
    Path devLog = settings.directory().resolve("run").resolve("dev.log");
    text.append("\n--- dev.log\n").append(text(devLog));
    if (settings.processes()) {
      members
          .values()
          .forEach(m -> text.append("\n--- ").append(m.name()).append('\n').append(m.logTail()));
    }
    return text.toString();
  }

  /** Starts it again in its directory with one more storage node, an empty one; it must not run. */
  public Member startWithAnotherNode() {
    int number = settings.nodeCount() + 1;
    settings =
        new Settings(
            settings.directory(),
            settings.processes(),
            number,
            settings.volumes(),
            settings.logs(),
            settings.environment());
    Path run = settings.directory().resolve("run");
    add(run, "storage-" + number, ports.base() + 40 + number);
    start();
    return member("storage-" + number);
  }

  /** Starts it again in its directory; it must not run. */
  public void start() {
    List<String> command =
        Program.command(
            "dev",
            "--data",
            settings.directory().toString(),
            "--nodes",
            Integer.toString(settings.nodeCount()),
            "--base-port",
            Integer.toString(ports.base()),
            "--nbd",
            "127.0.0.1:" + ports.nbd(),
            "--iscsi",
            "127.0.0.1:" + ports.iscsi());
    settings
        .volumes()
        .forEach((name, size) -> command.addAll(List.of("--volume", name + ":" + size)));
    if (settings.processes()) {
      command.add("--processes");
    }
    long begin = System.nanoTime();
    try {
      Files.createDirectories(settings.directory().toAbsolutePath().getParent());
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectInput(new File("/dev/null"))
              .redirectOutput(outputFile.toFile())
              .redirectError(errorFile.toFile());
      for (String log : settings.logs()) {
        builder.environment().merge(JVM_OPTIONS, "-Xlog:" + log, (a, b) -> a + " " + b);
      }
      builder.environment().putAll(settings.environment());
      process = builder.start();
    } catch (IOException e) {
      throw new ChaosFailure(String.join(" ", command) + " cannot be run", e);
    }
    Await.until(
        "every volume is ready",
        READY,
        () -> {
          if (!process.isAlive()) {
            throw new ChaosFailure("cairn dev ended with " + process.exitValue() + ": " + output());
          }
          return text(outputFile).lines().filter(l -> l.startsWith("ready nbd://")).count()
              == settings.volumes().size();
        },
        this::output);
    readySeconds = (System.nanoTime() - begin) / 1e9;
  }

  /** From the launcher's start to the last ready line. */
  public double readySeconds() {
    return readySeconds;
  }

  /** What the command printed since its start. */
  public String output() {
    return text(outputFile) + text(errorFile);
  }

  private static String text(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }

  /** Where the volume is served. */
  public String uri(String volume) {
    return "nbd://127.0.0.1:" + ports.nbd() + "/" + volume;
  }

  /** Where the volume is served as LUN 0 of its target, as libiscsi and QEMU write it. */
  public String iscsiUri(String volume) {
    return "iscsi://127.0.0.1:" + ports.iscsi() + "/" + iscsiTarget(volume) + "/0";
  }

  /** The name of the volume's target. */
  public static String iscsiTarget(String volume) {
    return "iqn.2026-11.io.cairn:" + volume;
  }

  /** The port for iSCSI on 127.0.0.1. */
  public int iscsiPort() {
    return ports.iscsi();
  }

  /** The port for NBD on 127.0.0.1. */
  public int nbdPort() {
    return ports.nbd();
  }

  /** A free port for iSCSI of a second gateway. */
  public int secondIscsiPort() {
    return ports.secondIscsi();
  }

  /** A free port for NBD of a second gateway. */
  public int secondNbdPort() {
    return ports.secondNbd();
  }

  /** A free port for HTTP of a second gateway. */
  public int secondHttpPort() {
    return ports.secondHttp();
  }

  /** The base from which the other ports follow. */
  public int basePort() {
    return ports.base();
  }

  /** The cluster's data. */
  public Path directory() {
    return settings.directory();
  }

  /** What the operator's verbs find the cluster by. */
  public String metadataAddresses() {
    List<String> addresses = new ArrayList<>();
    for (int number = 1; number <= 3; number++) {
      addresses.add("127.0.0.1:" + (ports.base() + number));
    }
    return String.join(",", addresses);
  }

  /** A member by its name. */
  public Member member(String name) {
    return Optional.ofNullable(members.get(name))
        .orElseThrow(() -> new IllegalArgumentException("there is no " + name));
  }

  /** All members. */
  public List<Member> members() {
    return List.copyOf(members.values());
  }

  /** The members whose names begin so. */
  public List<Member> members(String prefix) {
    return members.values().stream().filter(m -> m.name().startsWith(prefix)).toList();
  }

  /** The metadata server that leads, when one is known. */
  public Optional<Member> metadataLeader() {
    JsonNode status = Program.ask("status", "-o", "json", "--metadata", metadataAddresses());
    if (status == null) {
      return Optional.empty();
    }
    for (JsonNode server : status.path("metadata")) {
      if (server.path("leader").asBoolean()) {
        return Optional.of(metadataServer(server.path("address").asText()));
      }
    }
    return Optional.empty();
  }

  /** The metadata server that the others find at HOST:PORT. */
  Member metadataServer(String address) {
    int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    return member("metadata-" + (port - ports.base()));
  }

  /** What {@code volume show} says, or null when the metadata does not answer. */
  public JsonNode volume(String name) {
    return Program.ask(
        "volume",
        "show",
        name,
        "--brief",
        "-o",
        "json",
        "--timeout",
        "5",
        "--metadata",
        metadataAddresses());
  }

  /** Whether what {@code volume show} said, if it did, is that every replica is in sync. */
  public static boolean isInSync(JsonNode shown) {
    JsonNode health = shown == null ? null : shown.path("health");
    return health != null
        && health.path("chunks").asInt() > 0
        && health.path("inSync").asInt() == health.path("chunks").asInt();
  }

  /** Waits until every chunk has all its replicas in sync; returns the seconds that it took. */
  public double awaitInSync(String volume, Duration limit) {
    return Await.until(
        volume + " is in sync",
        limit,
        () -> isInSync(volume(volume)),
        () -> String.valueOf(volume(volume)));
  }

  /**
   * Waits until the chunks are known to lack a replica: before, a wait for in sync proves nothing.
   */
  public double awaitDegraded(String volume, Duration limit) {
    return Await.until(
        volume + " lacks a replica",
        limit,
        () -> {
          JsonNode shown = volume(volume);
          JsonNode health = shown == null ? null : shown.path("health");
          return health != null && health.path("inSync").asInt() < health.path("chunks").asInt();
        },
        () -> String.valueOf(volume(volume)));
  }

  /** SIGKILL to the command and to every member, in one call; returns when all are dead. */
  public void killEverything() {
    List<ProcessHandle> all = new ArrayList<>();
    all.add(process.toHandle());
    members.values().forEach(member -> member.process().ifPresent(all::add));
    Signals.send("KILL", all);
    Await.until(
        "every process is dead",
        STOP,
        () -> all.stream().noneMatch(ProcessHandle::isAlive),
        () -> all.toString());
  }

  /** SIGTERM to the command, as a user would stop it. Returns the exit code. */
  public int stop() {
    process.destroy();
    try {
      if (!process.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new ChaosFailure(
            "cairn dev did not stop within " + STOP.toSeconds() + " s of SIGTERM");
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }

  /** CPU time that the command and its members have used so far. */
  public Duration cpuTime() {
    Duration sum = cpuTime(process.toHandle());
    for (Member member : members.values()) {
      sum = sum.plus(member.process().map(RunningCluster::cpuTime).orElse(Duration.ZERO));
    }
    return sum;
  }

  private static Duration cpuTime(ProcessHandle handle) {
    return handle.info().totalCpuDuration().orElse(Duration.ZERO);
  }

  /** Leaves nothing running, in whatever state the cluster is. */
  @Override
  public void close() {
    endProcesses();
    try {
      Runtime.getRuntime().removeShutdownHook(endOfProgram);
    } catch (IllegalStateException e) {
      // The program ends already, and its hook found nothing left.
      return;
    }
  }

  /** Also what this program has started beside it: clients, other gateways. */
  private void endWithTheProgram() {
    endProcesses();
    ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly);
  }

  private void endProcesses() {
    List<ProcessHandle> left = new ArrayList<>();
    try {
      if (process != null && process.isAlive()) {
        members("").forEach(m -> m.process().ifPresent(p -> Signals.send("CONT", List.of(p))));
        stop();
      }
    } finally {
      if (process != null && process.isAlive()) {
        left.add(process.toHandle());
      }
      members.values().forEach(member -> member.process().ifPresent(left::add));
      left.forEach(ProcessHandle::destroyForcibly);
      left.forEach(handle -> handle.onExit().join());
    }
  }
}
