package io.cairn.bench.sim;

/**
 * In a third of the runs readers on both gateways go through the volume in order, with several
 * requests under way, so that they are kept with one replica and read ahead of. They do not wait
 * for each other: a stale owner goes on.
 *
 * <p>Draws from a source of its own, so that a run without them is the same run as ever.
 */
final class SimScans {
  private static final long SALT = 0x5CA7_0000_0009L;

  /** What an owner writes anew when some replica could not read it is one record in a journal. */
  private static final int BLOCKS_MAX = 16;

  private final SimCluster cluster;
  private final SimWorkload workload;
  private final SimRandom random;
  private final boolean some;

  SimScans(SimCluster cluster, SimWorkload workload, long seed) {
    this.cluster = cluster;
    this.workload = workload;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(3);
  }

  void begin() {
    if (some) {
      cluster.gateways().forEach(gateway -> scan(gateway, 1 + random.below(BLOCKS_MAX), 0));
    }
  }

  private void scan(SimGateway gateway, int blocks, int from) {
    cluster
        .world()
        .after(
            random.between(2_000_000L, 30_000_000L),
            () -> {
              workload.by(gateway, session -> workload.read(session, from, blocks));
              if (random.oneIn(40)) {
                scan(gateway, 1 + random.below(BLOCKS_MAX), workload.someChunk(random));
              } else {
                scan(gateway, blocks, workload.follows(from, blocks));
              }
            });
  }
}
