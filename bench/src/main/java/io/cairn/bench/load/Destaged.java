package io.cairn.bench.load;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Metrics;
import io.cairn.bench.chaos.RunningCluster;
import java.time.Duration;

/** What was written before is on its way to the tier, and must not be counted as a load's. */
final class Destaged {
  private static final Duration LIMIT = Duration.ofMinutes(40);

  /** Longer than a journal waits until it counts as idle. */
  private static final Duration QUIET = Duration.ofSeconds(3);

  private Destaged() {}

  /** Waits until the nodes have destaged what they wish to. */
  static void await(RunningCluster cluster) {
    double[] last = {-1};
    long[] sinceNanos = {System.nanoTime()};
    Await.until(
        "the nodes have destaged what they wish to",
        LIMIT,
        () -> {
          double now = 0;
          boolean running = false;
          for (Member member : cluster.members("storage")) {
            Metrics metrics = member.metrics();
            now += metrics.sum("cairn_storage_destage_blocks_total");
            running |= metrics.sum("cairn_storage_destage_running") > 0;
          }
          if (running || now != last[0]) {
            last[0] = now;
            sinceNanos[0] = System.nanoTime();
          }
          return System.nanoTime() - sinceNanos[0] > QUIET.toNanos();
        },
        () -> last[0] + " blocks destaged");
  }
}
