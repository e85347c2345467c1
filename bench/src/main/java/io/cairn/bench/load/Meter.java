package io.cairn.bench.load;

import java.util.List;
import java.util.function.Supplier;

/** Counts what a target's processes and the machine use while somebody loads the target. */
final class Meter {
  private Meter() {}

  /** Runs the load; what the target's processes do until it returns is counted as its. */
  static Sample measure(Target target, Row row, Supplier<Served> load) {
    List<ProcessHandle> servers = target.servers(row);
    List<ProcessHandle> metadata = target.metadata();
    long begin = System.nanoTime();
    long machine = ProcessorTime.machineNanos();
    long server = ProcessorTime.ofNanos(servers);
    long beside = ProcessorTime.ofNanos(metadata);
    Served served = load.get();
    server = ProcessorTime.ofNanos(servers) - server;
    beside = ProcessorTime.ofNanos(metadata) - beside;
    machine = ProcessorTime.machineNanos() - machine;
    double others =
        (double) (machine - server - beside - served.clientNanos()) / (System.nanoTime() - begin);
    return new Sample(
        served.ios(),
        served.iops(),
        served.bytesPerSecond(),
        served.latencies(),
        server,
        beside,
        served.clientNanos(),
        Math.max(0, others));
  }
}
