package io.cairn.bench.load;

import io.cairn.bench.chaos.Ports;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Trees;
import io.cairn.bench.machine.Machine;
import io.cairn.client.cli.CommandFailure;
import io.cairn.metadata.options.Sizes;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn load}: fio's figures of a real cluster beside those of peers, and profiles. */
@Command(
    name = "load",
    description = {
      "Starts a cluster of processes in a new directory and peers beside it, runs fio on them in"
          + " turn through NBD, and prints one table with latencies, the processor's time per"
          + " request and ratios.",
      "Needs fio; nbdkit and qemu-nbd are measured if they are installed. What invalidates a"
          + " figure stands in bench/docs/measuring.md."
    })
public final class LoadCommand implements Callable<Integer> {
  private static final Set<String> PEERS = Set.of("nbdkit", "qemu-nbd", "raw", "none");
  private static final int SHORT_MEBIBYTES = 64;
  private static final int TOP_FRAMES = 20;

  @Spec private CommandSpec spec;

  @Option(
      names = "--rows",
      paramLabel = "ROW",
      split = ",",
      description =
          "Which, separated by commas: "
              + Row.SYNTAX
              + ". Default: those that the project is"
              + " measured by.")
  private List<String> rowNames = Row.DEFAULT;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "10",
      description = "Of each measurement. Default: ${DEFAULT-VALUE}")
  private int seconds;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "3",
      description =
          "Measurements of each row on each target, in turn; figures are medians. Default:"
              + " ${DEFAULT-VALUE}")
  private int repeat;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "Seconds of each row on each target that do not count. Default: ${DEFAULT-VALUE}")
  private int warmUpSeconds;

  @Option(
      names = "--peers",
      paramLabel = "NAME",
      split = ",",
      defaultValue = "nbdkit,qemu-nbd,raw",
      description = "Of nbdkit, qemu-nbd, raw; or none. Default: ${DEFAULT-VALUE}")
  private List<String> peers;

  @Option(
      names = "--export",
      paramLabel = "PEER",
      description =
          "A peer that somebody else serves over NBD, and whose processor time is that of the named"
              + " programs: "
              + ExportTarget.SYNTAX
              + "; its data is overwritten. Repeatable.")
  private List<String> exports = new ArrayList<>();

  @Option(
      names = "--size",
      paramLabel = "S",
      defaultValue = "1GiB",
      description = "Of the region that is written and read. Default: ${DEFAULT-VALUE}")
  private String size;

  @Option(
      names = "--paced-iops",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Rate of the paced rows. Default: ${DEFAULT-VALUE}")
  private int pacedIops;

  @Option(
      names = "--short",
      description =
          "As every build does it: each row a second, once, on 64 MiB; no figure means"
              + " anything.")
  private boolean shortForm;

  @Option(
      names = "--profile",
      paramLabel = "DIR",
      description =
          "Profiles gateway and storage nodes during each measurement, and writes a flame graph and"
              + " the largest costs of each row. The figures of such a run are those of a profiled"
              + " program.")
  private Path profiles;

  @Option(
      names = "--plots",
      paramLabel = "DIR",
      description =
          "Draws latencies of each row, and throughput of its random ones over depths of 1 to 64,"
              + " which are measured for that.")
  private Path plots;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "An empty directory on the device to be measured, which stays. Default: a temporary one,"
              + " which does not.")
  private Path directory;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "table|json",
      defaultValue = "table",
      description = "Default: ${DEFAULT-VALUE}")
  private Output output;

  /** Forms of what is printed. */
  enum Output {
    /** For people. */
    TABLE,
    /** For programs. */
    JSON
  }

  private final Map<String, String> skipped = new LinkedHashMap<>();
  private final Map<String, Stacks> stacks = new LinkedHashMap<>();

  @Override
  public Integer call() throws IOException {
    final List<Row> rows = rows();
    final long regionBytes = regionBytes();
    checkPeers();
    Path work = directory == null ? Files.createTempDirectory("cairn-load") : directory;
    Files.createDirectories(work);
    List<AutoCloseable> open = new ArrayList<>();
    Thread hook = new Thread(() -> close(open));
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      measure(rows, regionBytes, work, open);
    } finally {
      close(open);
      Runtime.getRuntime().removeShutdownHook(hook);
      if (directory == null) {
        Trees.delete(work);
      }
    }
    return 0;
  }

  private void measure(List<Row> rows, long regionBytes, Path work, List<AutoCloseable> open)
      throws IOException {
    RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                work.resolve("cluster"),
                true,
                Map.of(CairnTarget.volumeName(), (regionBytes >> 20) + "MiB")));
    open.add(cluster);
    note(String.format("ready after %.1f s", cluster.readySeconds()));
    CairnTarget cairn = new CairnTarget(cluster, regionBytes);
    List<Target> targets = new ArrayList<>(List.of(cairn));
    addPeers(targets, regionBytes, work, open);
    Matrix matrix =
        new Matrix(
            new FioRun(work, regionBytes, pacedIops),
            targets,
            shortForm
                ? new Matrix.Settings(1, 1, 0, false)
                : new Matrix.Settings(seconds, repeat, warmUpSeconds, true),
            this::note);
    List<Row> all = plots == null ? rows : Plots.withDepths(rows);
    matrix.prewrite(all);
    List<Matrix.Result> results = matrix.run(all, around(work));
    check(results);
    writeProfiles();
    Machine machine = Machine.here(Program.launcher().getParent(), work);
    if (plots != null) {
      Plots.write(plots, machine, rows, results);
    }
    Report report =
        new Report(
            machine,
            spec.commandLine().getParseResult().originalArgs(),
            cairn.jvmFlags(),
            targets,
            skipped,
            results);
    PrintWriter out = spec.commandLine().getOut();
    out.println(output == Output.JSON ? report.json() : report.table());
    out.flush();
  }

  private void addPeers(
      List<Target> targets, long regionBytes, Path work, List<AutoCloseable> open) {
    Ports ports = Ports.free();
    Path file = work.resolve("raw-file");
    if (peers.contains("nbdkit")) {
      addPeer(
          "nbdkit-memory",
          () -> List.of(NbdTarget.nbdkitMemory(work, ports.base() + 1, regionBytes)),
          targets,
          open);
    }
    if (peers.contains("qemu-nbd")) {
      addPeer("qemu-nbd", () -> qemuNbd(ports.base(), regionBytes, work), targets, open);
    }
    if (peers.contains("raw")) {
      addPeer("raw-file", () -> List.of(new RawFileTarget(file)), targets, open);
    }
    for (String export : exports) {
      ExportTarget target = ExportTarget.parse(export);
      addPeer(target.name(), () -> List.of(target), targets, open);
    }
    if (exports.isEmpty()) {
      skipped.put(
          "ceph and others",
          "no cluster of theirs is known; --export NAME=URI,PROGRAM,… measures one that runs");
    }
  }

  private static List<Target> qemuNbd(int basePort, long regionBytes, Path work) {
    List<Target> both = new ArrayList<>();
    for (Row.Form form : List.of(Row.Form.CLOSED, Row.Form.ALWAYS)) {
      Path file = work.resolve("qemu-nbd-" + form + ".raw");
      try (var channel = new java.io.RandomAccessFile(file.toFile(), "rw")) {
        channel.setLength(regionBytes);
      } catch (IOException e) {
        throw new CommandFailure(file + " cannot be made: " + e.getMessage(), e);
      }
      both.add(NbdTarget.qemuNbd(work, basePort + 2 + form.ordinal(), file, form));
    }
    return both;
  }

  /** A peer that cannot be started is left out, and the report says why. */
  private void addPeer(
      String name,
      Supplier<List<? extends Target>> start,
      List<Target> targets,
      List<AutoCloseable> open) {
    try {
      List<? extends Target> started = start.get();
      targets.addAll(started);
      open.addAll(started);
    } catch (RuntimeException e) {
      skipped.put(name, e.getMessage());
    }
  }

  private Matrix.Around around(Path work) throws IOException {
    if (profiles == null) {
      return (row, target, measurement) -> measurement.get();
    }
    Files.createDirectories(profiles);
    Profiler profiler = Profiler.unpack(work);
    return (row, target, measurement) -> {
      if (!(target instanceof CairnTarget cairn)) {
        return measurement.get();
      }
      profiler.start(cairn.profiled());
      Sample sample = measurement.get();
      Stacks all = stacks.computeIfAbsent(row.name(), name -> new Stacks());
      profiler
          .stop(cairn.profiled(), work)
          .forEach((member, taken) -> all.addBelow(member.replaceFirst("-\\d+$", ""), taken));
      return sample;
    };
  }

  private void writeProfiles() throws IOException {
    for (Map.Entry<String, Stacks> entry : stacks.entrySet()) {
      String title = Row.parse(entry.getKey()).title() + ": gateway and three storage nodes";
      Files.writeString(
          profiles.resolve(entry.getKey() + ".svg"), FlameGraph.draw(title, entry.getValue()));
      Files.writeString(
          profiles.resolve(entry.getKey() + ".txt"),
          title + System.lineSeparator() + entry.getValue().text(TOP_FRAMES));
    }
  }

  private static void check(List<Matrix.Result> results) {
    for (Matrix.Result result : results) {
      if (result.samples().stream().anyMatch(sample -> sample.ios() == 0)) {
        throw new CommandFailure(
            result.row().name() + " on " + result.target().name() + ": no request was served");
      }
    }
  }

  private List<Row> rows() {
    try {
      return new LinkedHashSet<>(rowNames).stream().map(Row::parse).toList();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--rows: " + e.getMessage(), e);
    }
  }

  private long regionBytes() {
    if (seconds < 1 || repeat < 1 || warmUpSeconds < 0 || pacedIops < 1) {
      throw new ParameterException(
          spec.commandLine(), "--seconds, --repeat and --paced-iops are from 1, --warm-up from 0");
    }
    if (shortForm) {
      return (long) SHORT_MEBIBYTES << 20;
    }
    try {
      return Sizes.parseBytes(size) >> 20 << 20;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--size: " + e.getMessage(), e);
    }
  }

  private void checkPeers() {
    try {
      exports.forEach(ExportTarget::parse);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--export: " + e.getMessage(), e);
    }
    for (String peer : peers) {
      if (!PEERS.contains(peer)) {
        throw new ParameterException(spec.commandLine(), "--peers: '" + peer + "' is not known");
      }
    }
  }

  private void note(String line) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("cairn: note: " + line);
    err.flush();
  }

  /** In the order opposite to the start; also by the hook when the program is told to end. */
  private static synchronized void close(List<AutoCloseable> open) {
    while (!open.isEmpty()) {
      try {
        open.removeLast().close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
