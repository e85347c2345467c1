package io.cairn.bench.load;

import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * This product: a cluster of processes with three replicas, and two volumes, of which one is
 * durable at each write. The cluster belongs to whoever made it.
 */
final class CairnTarget implements Target {
  static final String NAME = "cairn";

  private static final String FLUSHED = "load";
  private static final String ALWAYS = "always";

  private final RunningCluster cluster;

  /** Makes the second volume; the first one, {@link #volumeName}, the cluster has. */
  CairnTarget(RunningCluster cluster, long regionBytes) {
    this.cluster = cluster;
    if (Program.ask(
            "volume",
            "create",
            ALWAYS,
            "--size",
            (regionBytes >> 20) + "MiB",
            "--durability",
            "always",
            "-o",
            "json",
            "--metadata",
            cluster.metadataAddresses())
        == null) {
      throw new CommandFailure("the volume '" + ALWAYS + "' could not be made");
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
    return "three storage processes with a replica each and a gateway; durable at flush, or always"
        + " where the row says so";
  }

  @Override
  public boolean can(Row row) {
    return true;
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    return NbdTarget.fioArguments(cluster.uri(volume(row)), row);
  }

  private static String volume(Row row) {
    return row.form() == Row.Form.ALWAYS ? ALWAYS : FLUSHED;
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

  /** The members that profiles are taken of. */
  List<Member> profiled() {
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
      return Arrays.stream(line.split("\0"))
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
