package io.cairn.bench.sim;

/**
 * In every second run copying tools on both gateways ask where the volume has data, around the
 * blocks that many use and everywhere: what is told to be a hole they would not read.
 *
 * <p>Draws from a source of its own.
 */
final class SimExtents {
  private static final long SALT = 0xE87E_0000_000CL;
  private static final int BLOCKS_MAX = 64;

  private final SimCluster cluster;
  private final SimWorkload workload;
  private final SimRandom random;
  private final boolean some;

  SimExtents(SimCluster cluster, SimWorkload workload, long seed) {
    this.cluster = cluster;
    this.workload = workload;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(2);
  }

  void begin() {
    if (some) {
      cluster.gateways().forEach(this::ask);
    }
  }

  private void ask(SimGateway gateway) {
    cluster
        .world()
        .after(
            random.between(2_000_000L, 60_000_000L),
            () -> {
              int all = workload.blockCount();
              int count = random.oneIn(20) ? all : 1 + random.below(BLOCKS_MAX);
              int block = random.oneIn(3) ? random.below(all) : 0;
              workload.by(
                  gateway,
                  session -> workload.extents(session, block, Math.min(count, all - block)));
              ask(gateway);
            });
  }
}
