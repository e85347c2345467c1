package io.cairn.bench.sim;

/**
 * In every second run a client comes to a gateway that is giving the volume up, as one does that
 * connects within its linger: the session takes that back, if it is not too late.
 *
 * <p>Draws from a source of its own.
 */
final class SimKeeps {
  private static final long SALT = 0x4EE9_0000_000BL;
  private static final long LOOK_NANOS = 3_000_000L;

  private final SimCluster cluster;
  private final SimRandom random;
  private final boolean some;

  SimKeeps(SimCluster cluster, long seed) {
    this.cluster = cluster;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(2);
  }

  void begin(long endNanos) {
    if (some) {
      look(endNanos);
    }
  }

  private void look(long endNanos) {
    cluster
        .world()
        .after(
            random.between(LOOK_NANOS / 2, LOOK_NANOS),
            () -> {
              if (cluster.world().nowNanos() >= endNanos) {
                return;
              }
              for (SimGateway gateway : cluster.gateways()) {
                if (gateway.serving() != null
                    && gateway.isReleasing()
                    && !gateway.process.isStalled()
                    && random.oneIn(4)) {
                  gateway.keep();
                }
              }
              look(endNanos);
            });
  }
}
