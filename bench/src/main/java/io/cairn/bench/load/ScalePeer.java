package io.cairn.bench.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A disk in another server's memory, asked over as many connections as ours is at that point: what
 * so many connections cost by themselves.
 *
 * @param served by that server, which the run closes.
 * @param count of what is scaled; also of connections.
 * @param sizeBytes of the part that is used, by all connections.
 */
record ScalePeer(NbdTarget served, int count, long sizeBytes) implements ScalePoint {

  @Override
  public String name() {
    return served.name() + "-" + count;
  }

  @Override
  public String description() {
    return served.description();
  }

  @Override
  public boolean can(Row row) {
    return served.can(row);
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    List<String> arguments = new ArrayList<>(served.fioArguments(row, regionBytes));
    // The last of two depths holds.
    arguments.add("--iodepth=" + row.depth() / count);
    arguments.add("--thread");
    arguments.add("--numjobs=" + count);
    return arguments;
  }

  @Override
  public Optional<NbdAddress> address(Row row) {
    return served.address(row);
  }

  @Override
  public List<ProcessHandle> servers(Row row) {
    return served.servers(row);
  }

  @Override
  public void close() {}
}
