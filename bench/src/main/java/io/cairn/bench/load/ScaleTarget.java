package io.cairn.bench.load;

import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.RunningCluster;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * One point of a scale: a volume of ours, and how it is used there.
 *
 * @param count of what is scaled; also the name.
 * @param sizeBytes of the part that is used.
 * @param strideBytes a request begins at each multiple of it, and nowhere else.
 * @param clients that share the requests in flight.
 */
record ScaleTarget(
    RunningCluster cluster, int count, String volume, long sizeBytes, long strideBytes, int clients)
    implements ScalePoint {

  @Override
  public String name() {
    return Integer.toString(count);
  }

  @Override
  public String description() {
    return "volume " + volume;
  }

  @Override
  public boolean can(Row row) {
    return true;
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    List<String> arguments = new ArrayList<>();
    arguments.add("--ioengine=nbd");
    arguments.add("--uri=" + cluster.uri(volume));
    arguments.add("--iodepth=" + row.depth() / clients);
    arguments.add("--thread");
    arguments.add("--numjobs=" + clients);
    if (strideBytes > row.blockBytes()) {
      arguments.add("--blockalign=" + strideBytes);
    }
    return arguments;
  }

  /** Writes each block that will be used once, the rest never. */
  List<String> prewriteArguments() {
    int blockBytes = Scale.ROWS.getFirst().blockBytes();
    boolean all = strideBytes <= blockBytes;
    return List.of(
        "--name=prewrite",
        "--ioengine=nbd",
        "--uri=" + cluster.uri(volume),
        "--iodepth=32",
        "--bs=" + (all ? 1 << 20 : blockBytes),
        "--rw=write" + (all ? "" : ":" + (strideBytes - blockBytes)),
        "--size=" + sizeBytes,
        "--io_size=" + (all ? sizeBytes : sizeBytes / strideBytes * blockBytes));
  }

  @Override
  public Optional<NbdAddress> address(Row row) {
    return Optional.of(new NbdAddress(cluster.nbdPort(), volume));
  }

  @Override
  public List<ProcessHandle> servers(Row row) {
    return profiled().stream().map(Member::process).flatMap(Optional::stream).toList();
  }

  @Override
  public List<ProcessHandle> metadata() {
    return cluster.members("metadata").stream()
        .map(Member::process)
        .flatMap(Optional::stream)
        .toList();
  }

  @Override
  public List<Member> profiled() {
    return Stream.of("gateway", "storage").flatMap(p -> cluster.members(p).stream()).toList();
  }

  @Override
  public void close() {}
}
