package io.cairn.bench.sim;

import io.cairn.client.volume.VolumeSession;

/**
 * In a third of the runs clients leave half of the chunks to owners that have just come: each
 * writes one that was never written, and both gateways read these all the time, also while each of
 * them believes to own the volume. A stale owner shows there that answers without a lease that a
 * chunk is not allocated; clients use up all chunks in a run's first seconds.
 *
 * <p>Draws from a source of its own, so that a run without it is the same run as ever.
 */
final class SimFirstWrites {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0xF125_0000_000AL;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimWorkload workload;
  private final SimRandom random;
  private final boolean some;
  private long endNanos;

  /** The first of the chunks that are left alone. */
  private int first;

  /** The one that the next owner writes: from the last one on, as they are allocated in order. */
  private int next;

  /** The last owner that wrote one. */
  private long generation;

  SimFirstWrites(SimCluster cluster, SimFaults faults, SimWorkload workload, long seed) {
    this.cluster = cluster;
    this.faults = faults;
    this.workload = workload;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(3);
  }

  void begin(long faultsEndNanos) {
    if (some) {
      endNanos = faultsEndNanos;
      first = workload.chunkCount() / 2;
      next = workload.chunkCount() - 1;
      workload.leavesAlone(workload.chunkCount() - first);
      split(random.between(SECOND / 2, 3 * SECOND));
      write();
      cluster.gateways().forEach(this::read);
    }
  }

  private void split(long afterNanos) {
    cluster
        .world()
        .after(
            afterNanos,
            () -> {
              if (cluster.world().nowNanos() < endNanos && !faults.splitBrain()) {
                split(SECOND / 10);
              }
            });
  }

  private void write() {
    cluster
        .world()
        .after(
            random.between(SECOND / 1000, SECOND / 20),
            () -> {
              for (SimGateway gateway : cluster.gateways()) {
                VolumeSession session = gateway.serving();
                if (session != null && session.generation() > generation && next >= first) {
                  generation = session.generation();
                  int chunk = next--;
                  workload.by(gateway, owner -> workload.write(owner, workload.blockOf(chunk)));
                }
              }
              if (cluster.world().nowNanos() < endNanos) {
                write();
              } else {
                workload.leavesAlone(0);
              }
            });
  }

  /** Reads what an owner is about to write or has written of late. */
  private void read(SimGateway gateway) {
    cluster
        .world()
        .after(
            random.between(SECOND / 200, SECOND / 25),
            () -> {
              int chunk = Math.min(next + random.below(3), workload.chunkCount() - 1);
              workload.by(gateway, session -> workload.read(session, workload.blockOf(chunk), 1));
              if (cluster.world().nowNanos() < endNanos) {
                read(gateway);
              }
            });
  }
}
