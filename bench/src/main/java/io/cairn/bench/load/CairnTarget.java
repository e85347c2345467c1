package io.cairn.bench.load;

import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.client.cli.CommandFailure;
import io.cairn.metadata.options.Sizes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * This product: a cluster of three storage processes, and two volumes, of which one is durable at
 * each write. The cluster belongs to whoever made it.
 */
final class CairnTarget implements Target {
  static final String NAME = "cairn";

  private static final String FLUSHED = "load";
  private static final String ALWAYS = "always";

  /** Copies of the volume that the cluster has. */
  static final int REPLICAS = 3;

  private static final String FEWER = "load-replicas-";

  private final RunningCluster cluster;
  private final int replicas;
  private final long journalBytes;

  /**
   * Makes the volume that is durable at each write, and one of fewer replicas when that is asked
   * for; one of three, {@link #volumeName}, the cluster has.
   *
   * @param journalBytes what its nodes were given, see {@link #options}.
   */
  CairnTarget(RunningCluster cluster, long regionBytes, int replicas, long journalBytes) {
    this.cluster = cluster;
    this.replicas = replicas;
    this.journalBytes = journalBytes;
    create(ALWAYS, regionBytes, "always");
    if (replicas != REPLICAS) {
      create(FEWER + replicas, regionBytes, "flush");
    }
  }

  /** Options of the processes of a cluster whose nodes have journals of so many bytes. */
  static Map<String, String> options(long journalBytes) {
    return Map.of("CAIRN_STORAGE_JOURNAL_SIZE", (journalBytes >> 20) + "MiB");
  }

  private void create(String volume, long sizeBytes, String durability) {
    if (Program.ask(
            "volume",
            "create",
            volume,
            "--size",
            (sizeBytes >> 20) + "MiB",
            "--durability",
            durability,
            "--replicas",
            Integer.toString(replicas),
            "-o",
            "json",
            "--metadata",
            cluster.metadataAddresses())
        == null) {
      throw new CommandFailure("the volume '" + volume + "' could not be made");
    }
  }

  /** The volume that the cluster must have. */
  static String volumeName() {
    return FLUSHED;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    return "three storage processes, a gateway, and "
        + (replicas == 1 ? "one replica" : replicas + " replicas")
        + ", journals of "
        + Sizes.format(journalBytes)
        + " a node; durable at flush, or always where the row says so";
  }

  @Override
  public boolean can(Row row) {
    return true;
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    return NbdTarget.fioArguments(cluster.uri(volume(row)), row);
  }

  private String volume(Row row) {
    if (row.form() == Row.Form.ALWAYS) {
      return ALWAYS;
    }
    return replicas == REPLICAS ? FLUSHED : FEWER + replicas;
  }

  @Override
  public Optional<IscsiAddress> iscsi(Row row) {
    return Optional.of(
        new IscsiAddress(cluster.iscsiPort(), RunningCluster.iscsiTarget(volume(row)), 0));
  }

  @Override
  public Optional<NbdAddress> address(Row row) {
    return Optional.of(new NbdAddress(cluster.nbdPort(), volume(row)));
  }

  @Override
  public List<ProcessHandle> servers(Row row) {
    return members("gateway", "storage").stream()
        .map(Member::process)
        .flatMap(Optional::stream)
        .toList();
  }

  @Override
  public List<ProcessHandle> metadata() {
    return members("metadata").stream().map(Member::process).flatMap(Optional::stream).toList();
  }

  @Override
  public List<Member> profiled() {
    return members("gateway", "storage");
  }

  /** The flags that the JVMs were started with, of one process of each kind. */
  static Map<String, List<String>> jvmFlags(RunningCluster cluster) {
    Map<String, List<String>> flags = new LinkedHashMap<>();
    for (String name : List.of("gateway-1", "storage-1", "metadata-1")) {
      cluster.member(name).process().ifPresent(process -> flags.put(name, jvmFlags(process)));
    }
    return flags;
  }

  /** The flags of the JVM that runs there, without places. */
  static List<String> jvmFlags(ProcessHandle process) {
    try {
      String line = Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
      List<String> words = new ArrayList<>();
      for (String word : line.split("\0")) {
        if (word.startsWith("@")) {
          words.addAll(Files.readAllLines(Path.of(word.substring(1))));
        } else {
          words.add(word);
        }
      }
      return words.stream()
          .filter(word -> word.startsWith("-X") || word.startsWith("--"))
          .filter(word -> !word.startsWith("--config") && !word.startsWith("-Xlog:"))
          // Where the tree lies is nobody's business.
          .map(word -> word.replaceFirst("=/.*/", "="))
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private List<Member> members(String... prefixes) {
    return List.of(prefixes).stream().flatMap(p -> cluster.members(p).stream()).toList();
  }

  @Override
  public void close() {}
}
