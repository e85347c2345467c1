package io.cairn.bench.sim;

/**
 * In every third run nodes lose their power again and again just when their journals have two
 * segments or more that are not synced, so that of an older one something is lost and a newer one
 * stays; and are killed once more soon after they began anew, before the log has come round. Where
 * journals are resized as well, serials and places do not go together then.
 *
 * <p>Draws from a source of its own.
 */
final class SimTornJournals {
  private static final long SALT = 0x7029_0000_000DL;
  private static final long MILLISECOND = 1_000_000L;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimRandom random;
  private final boolean some;
  private long endNanos;

  SimTornJournals(SimCluster cluster, SimFaults faults, long seed) {
    this.cluster = cluster;
    this.faults = faults;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(3);
  }

  void begin(long faultsEndNanos) {
    if (some) {
      endNanos = faultsEndNanos;
      slowDown();
    }
  }

  /** Some node's syncs take long, so that more is appended meanwhile. */
  private void slowDown() {
    SimNode node = cluster.nodes().get(random.below(cluster.nodes().size()));
    long nanos = random.between(20 * MILLISECOND, 200 * MILLISECOND);
    node.stores().forEach(store -> store.setSlow(nanos));
    look(node, cluster.world().nowNanos() + 1000 * MILLISECOND);
  }

  private void look(SimNode node, long untilNanos) {
    cluster
        .world()
        .after(
            random.between(MILLISECOND / 5, MILLISECOND),
            () -> {
              long now = cluster.world().nowNanos();
              boolean torn =
                  node.process.isUp()
                      && !node.process.isStalled()
                      && node.stores().stream().anyMatch(SimStore::hasUnsyncedSegments);
              if (now >= endNanos) {
                speedUp(node);
              } else if (torn && random.oneIn(3)) {
                speedUp(node);
                kill(node, true);
                after(random.between(60 * MILLISECOND, 500 * MILLISECOND), () -> again(node));
              } else if (now >= untilNanos) {
                speedUp(node);
                slowDown();
              } else {
                look(node, untilNanos);
              }
            });
  }

  private static void speedUp(SimNode node) {
    node.stores().forEach(store -> store.setSlow(0));
  }

  private void again(SimNode node) {
    if (node.process.isUp() && !node.process.isStalled()) {
      kill(node, random.oneIn(2));
    }
    slowDown();
  }

  private void kill(SimNode node, boolean power) {
    // Also behind the end of the faults it is started: nobody else knows that it is down.
    faults.crash(node, power, random.between(MILLISECOND, 50 * MILLISECOND));
  }

  private void after(long nanos, Runnable action) {
    cluster
        .world()
        .after(
            nanos,
            () -> {
              if (cluster.world().nowNanos() < endNanos) {
                action.run();
              }
            });
  }
}
