package io.cairn.bench.load;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Trees;
import io.cairn.bench.machine.Machine;
import io.cairn.client.cli.CommandFailure;
import io.cairn.metadata.options.Durations;
import io.cairn.metadata.options.Sizes;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
          + " request and ratios, and one with each process's memory, idle cost and pauses.",
      "Needs fio; nbdkit, qemu-nbd and Ceph are measured if they are installed. What invalidates a"
          + " figure stands in bench/docs/measuring.md."
    })
public final class LoadCommand implements Callable<Integer> {
  private static final int SHORT_MEBIBYTES = 64;

  /** What the manifests for Kubernetes give a storage node. */
  private static final long JOURNAL_BYTES = 1L << 30;

  /** What {@code cairn dev} gives a storage node. */
  private static final long JOURNAL_MIN_BYTES = 128L << 20;

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
  private List<String> rowNames;

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
      description =
          "Of nbdkit, qemu-nbd, raw, ceph, and by iSCSI of tgt, tgt-direct; or none. What is not"
              + " installed is left out. Default: all of the protocol")
  private List<String> peers;

  @Option(
      names = "--protocol",
      paramLabel = "nbd|iscsi",
      defaultValue = "nbd",
      description =
          "How rows are asked for: by NBD and fio, or by iSCSI and libiscsi; with iSCSI there are"
              + " no paced rows. Default: ${DEFAULT-VALUE}")
  private Protocol protocol;

  /** How rows are asked for. */
  enum Protocol {
    /** By fio. */
    NBD(List.of("nbdkit", "qemu-nbd", "raw", "ceph"), Row.DEFAULT),
    /** By libiscsi, which Debian's fio does not have. */
    ISCSI(List.of("tgt", "tgt-direct"), Row.ISCSI);

    private final List<String> peers;
    private final List<String> rows;

    Protocol(List<String> peers, List<String> rows) {
      this.peers = peers;
      this.rows = rows;
    }
  }

  @Option(
      names = "--replicas",
      paramLabel = "1-3",
      defaultValue = "3",
      description = "Copies that the cluster keeps of what is measured. Default: ${DEFAULT-VALUE}")
  private int replicas;

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
      names = "--for",
      paramLabel = "D",
      description =
          "One measurement of each row that takes so long, like 10m or 90s, instead of --seconds"
              + " and --repeat: for pauses and for what grows.")
  private String duration;

  @Option(
      names = "--idle",
      paramLabel = "N",
      defaultValue = "20",
      description =
          "Seconds after the last row in which the processes are looked at while nobody asks them"
              + " for anything. Default: ${DEFAULT-VALUE}")
  private int idleSeconds;

  @Option(
      names = "--scale",
      paramLabel = "chunks|volumes|clients|replicas",
      split = ",",
      description =
          "Instead of rows: requests a second and processor time over the number of chunks in use,"
              + " of volumes attached, of clients or of replicas; several by commas. Volumes and"
              + " clients beside nbdkit, if it is among the peers.")
  private List<Scale> scales = new ArrayList<>();

  @Mixin private TierOptions tier;

  @Mixin private RepairOptions repair;

  @Option(
      names = "--size",
      paramLabel = "S",
      defaultValue = "1GiB",
      description = "Of the region that is written and read. Default: ${DEFAULT-VALUE}")
  private String size;

  @Option(
      names = "--journal",
      paramLabel = "S",
      description =
          "Write-back cache of each node that serves rows or scales, from 128MiB. Default: 1GiB for"
              + " rows, what the manifests give a node; 128MiB for scales and with --short")
  private String journal;

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
              + " the largest costs of each row, or of each point of a scale. The figures of such a"
              + " run are those of a profiled program.")
  private Path profiles;

  @Option(
      names = "--plots",
      paramLabel = "DIR",
      description =
          "Draws latencies of each row, and throughput of its random ones over depths of 1 to 64,"
              + " which are measured for that; or the scales.")
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

  @Override
  public Integer call() throws IOException {
    final List<Row> rows = rows();
    final long regionBytes = regionBytes();
    journalBytes();
    checkPeers();
    Path work = directory == null ? Files.createTempDirectory("cairn-load") : directory;
    Files.createDirectories(work);
    List<AutoCloseable> open = new ArrayList<>();
    Thread hook = new Thread(() -> close(open));
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      if (tier.chosen()) {
        measureTier(regionBytes, work, open);
      } else if (repair.chosen()) {
        measureRepair(regionBytes, work, open);
      } else if (scales.isEmpty()) {
        measure(rows, regionBytes, work, open);
      } else {
        measureScales(work, open);
      }
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
    final long journalBytes = journalBytes();
    RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                work.resolve("cluster"),
                true,
                3,
                Map.of(CairnTarget.volumeName(), (regionBytes >> 20) + "MiB"),
                List.of(Pauses.option(work)),
                CairnTarget.options(journalBytes)));
    open.add(cluster);
    note(String.format("ready after %.1f s", cluster.readySeconds()));
    Peers others = new Peers(work, regionBytes, open);
    others.start(peers(), exports);
    others.skipped().forEach((name, reason) -> note(name + " is left out: " + reason));
    List<Target> targets =
        new ArrayList<>(List.of(new CairnTarget(cluster, regionBytes, replicas, journalBytes)));
    targets.addAll(others.started());
    Matrix matrix =
        new Matrix(client(work), regionBytes, pacedIops, targets, settings(), this::note);
    List<Row> all = plots == null ? rows : Plots.withDepths(rows);
    matrix.prewrite(all);
    final long beginMillis = System.currentTimeMillis();
    Profiles taken = new Profiles(profiles, work);
    List<Matrix.Result> results = matrix.run(all, taken.around(""));
    check(results);
    List<Footprint> footprints = footprints(cluster, targets.subList(0, 1), work, beginMillis);
    taken.write();
    Machine machine = Machine.here(Program.launcher().getParent(), work);
    if (plots != null) {
      Plots.write(plots, machine, rows, results);
    }
    Report report =
        new Report(
            machine,
            spec.commandLine().getParseResult().originalArgs(),
            CairnTarget.jvmFlags(cluster),
            targets,
            others.skipped(),
            results,
            footprints);
    print(output == Output.JSON ? report.json() : report.table());
  }

  private Client client(Path work) {
    return protocol == Protocol.NBD ? new FioRun(work) : new IscsiRun();
  }

  private List<String> peers() {
    return peers == null ? protocol.peers : peers;
  }

  /** Each scale has a cluster of its own, which is stopped before the next one's starts. */
  private void measureScales(Path work, List<AutoCloseable> open) throws IOException {
    final long journalBytes = journalBytes();
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    Machine machine = Machine.here(Program.launcher().getParent(), work);
    ObjectNode root = mapper.createObjectNode();
    root.set("machine", mapper.valueToTree(machine));
    root.set("arguments", mapper.valueToTree(spec.commandLine().getParseResult().originalArgs()));
    ArrayNode all = root.putArray("scales");
    StringBuilder tables = new StringBuilder(machine.line() + System.lineSeparator());
    Profiles taken = new Profiles(profiles, work);
    for (Scale scale : new LinkedHashSet<>(scales)) {
      Path directory = Files.createDirectories(work.resolve(scale.name().toLowerCase(Locale.ROOT)));
      ScaleRun run =
          new ScaleRun(scale, directory, journalBytes, shortForm, settings(), this::note);
      RunningCluster cluster = run.start();
      open.add(cluster);
      open.add(run);
      if (peers().contains("nbdkit")) {
        run.startPeer();
      }
      note(String.format("%s: ready after %.1f s", scale.title(), cluster.readySeconds()));
      final long beginMillis = System.currentTimeMillis();
      List<Matrix.Result> results = run.run(cluster, taken.around(scale.title() + " "));
      check(results);
      taken.write();
      ScaleReport report =
          new ScaleReport(
              scale,
              results,
              footprints(cluster, List.of(results.getFirst().target()), directory, beginMillis));
      if (plots != null) {
        report.plot(plots, machine);
      }
      root.set("jvmFlags", mapper.valueToTree(CairnTarget.jvmFlags(cluster)));
      all.add(report.json(mapper));
      tables.append(System.lineSeparator()).append(report.table());
      close(open);
    }
    print(output == Output.JSON ? mapper.writeValueAsString(root) : tables.toString());
  }

  private void measureTier(long regionBytes, Path work, List<AutoCloseable> open)
      throws IOException {
    Matrix.Settings length = settings();
    TierRun run =
        new TierRun(
            work,
            tier.settings(shortForm, regionBytes, length.seconds(), length.repeat()),
            this::note);
    open.add(run);
    run.start();
    run.run();
    print(run.report()::table, root -> run.report().json(new ObjectMapper(), root), work);
  }

  private void measureRepair(long sizeBytes, Path work, List<AutoCloseable> open)
      throws IOException {
    Matrix.Settings length = settings();
    RepairRun run =
        new RepairRun(
            work,
            repair.settings(
                shortForm, sizeBytes, pacedIops, length.seconds(), length.warmUpSeconds()),
            this::note);
    open.add(run);
    run.run();
    print(run.report()::table, run.report()::json, work);
  }

  private void print(Supplier<String> table, Consumer<ObjectNode> json, Path work)
      throws IOException {
    if (output == Output.TABLE) {
      print(table.get());
      return;
    }
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    ObjectNode root = mapper.createObjectNode();
    Path tree = Program.launcher().getParent();
    root.set("machine", mapper.valueToTree(Machine.here(tree, work)));
    root.set("arguments", mapper.valueToTree(spec.commandLine().getParseResult().originalArgs()));
    json.accept(root);
    print(mapper.writeValueAsString(root));
  }

  private Matrix.Settings settings() {
    if (shortForm) {
      return new Matrix.Settings(1, 1, 0, false);
    }
    return duration == null
        ? new Matrix.Settings(seconds, repeat, warmUpSeconds, true)
        : new Matrix.Settings((int) duration().toSeconds(), 1, warmUpSeconds, true);
  }

  private Duration duration() {
    try {
      return Durations.parse(duration);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--for: " + e.getMessage(), e);
    }
  }

  private List<Footprint> footprints(
      RunningCluster cluster, List<Target> ours, Path logs, long beginMillis) {
    if (!shortForm) {
      Matrix.settle(ours, this::note);
    }
    return Footprint.of(
        cluster.members(), logs, beginMillis, Duration.ofSeconds(shortForm ? 1 : idleSeconds));
  }

  private void print(String text) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(text);
    out.flush();
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
      return new LinkedHashSet<>(rowNames == null ? protocol.rows : rowNames)
          .stream().map(Row::parse).toList();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--rows: " + e.getMessage(), e);
    }
  }

  private long regionBytes() {
    if (seconds < 1 || repeat < 1 || warmUpSeconds < 0 || pacedIops < 1 || idleSeconds < 1) {
      throw new ParameterException(
          spec.commandLine(),
          "--seconds, --repeat, --paced-iops and --idle are from 1, --warm-up from 0");
    }
    if (duration != null && duration().toSeconds() < 1) {
      throw new ParameterException(spec.commandLine(), "--for is from 1s");
    }
    if (shortForm) {
      return (long) SHORT_MEBIBYTES << 20;
    }
    return mebibytes("--size", size);
  }

  private long journalBytes() {
    if (journal == null) {
      return shortForm || !scales.isEmpty() ? JOURNAL_MIN_BYTES : JOURNAL_BYTES;
    }
    if (tier.chosen() || repair.chosen()) {
      throw new ParameterException(spec.commandLine(), "--journal goes without --tier, --repair");
    }
    long bytes = mebibytes("--journal", journal);
    if (bytes < JOURNAL_MIN_BYTES) {
      throw new ParameterException(
          spec.commandLine(),
          "--journal: '" + journal + "' is less than " + Sizes.format(JOURNAL_MIN_BYTES));
    }
    return bytes;
  }

  private long mebibytes(String option, String text) {
    try {
      return Sizes.parseBytes(text) >> 20 << 20;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), option + ": " + e.getMessage(), e);
    }
  }

  private void checkPeers() {
    try {
      exports.forEach(ExportTarget::parse);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--export: " + e.getMessage(), e);
    }
    for (String peer : peers()) {
      if (!protocol.peers.contains(peer) && !"none".equals(peer)) {
        throw new ParameterException(
            spec.commandLine(),
            "--peers: '" + peer + "' is none of " + String.join(", ", protocol.peers) + ", none");
      }
    }
    if (replicas < 1 || replicas > CairnTarget.REPLICAS) {
      throw new ParameterException(spec.commandLine(), "--replicas is from 1 to 3");
    }
    if (protocol == Protocol.ISCSI) {
      boolean another = tier.chosen() || repair.chosen() || !scales.isEmpty();
      if (!exports.isEmpty() || plots != null || another) {
        throw new ParameterException(
            spec.commandLine(),
            "--protocol iscsi goes without --export, --plots, --tier, --repair, --scale");
      }
      if (rows().stream().anyMatch(row -> row.form() == Row.Form.PACED)) {
        throw new ParameterException(spec.commandLine(), "--rows: no paced rows by iSCSI");
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
