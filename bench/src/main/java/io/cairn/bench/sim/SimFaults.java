package io.cairn.bench.sim;

import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;

/**
 * Draws the faults of one run. A run has a mood, which says what may be combined: what was
 * acknowledged and not flushed may be lost by design when its gateway dies and the power of the
 * replicas fails with it, so that only runs that know this loss (total power loss) combine the two.
 */
final class SimFaults {
  private static final long SECOND = 1_000_000_000L;

  /** What may happen together. */
  enum Mood {
    /** Powers of nodes fail at any time; the gateway lives, its window restores. */
    POWER,
    /** Gateways crash, stall and take over; nodes crash without losing power. */
    TAKEOVER,
    /** Everything loses its power at once, now and then; nodes crash and links break. */
    TOTAL_LOSS
  }

  private final SimCluster cluster;
  private final SimWorkload workload;
  private final SimRandom random;
  private final Mood mood;
  private final long endNanos;
  private final boolean rot;
  private int rotted;
  private boolean healed;

  SimFaults(SimCluster cluster, SimWorkload workload, SimRandom random, Mood mood, long endNanos) {
    this.cluster = cluster;
    this.workload = workload;
    this.random = random;
    this.mood = mood;
    this.endNanos = endNanos;
    rot = random.oneIn(4);
    if (random.oneIn(3)) {
      cluster.network().flipBits(300);
    }
  }

  void begin() {
    cluster.world().after(random.between(SECOND / 20, SECOND / 2), this::next);
  }

  private void next() {
    SimWorld world = cluster.world();
    if (world.nowNanos() >= endNanos) {
      return;
    }
    switch (random.below(12)) {
      case 0, 1 -> cut();
      case 2 -> cluster.network().breakOne();
      case 3 -> slow();
      case 4, 5 -> crashNode();
      case 6 -> stallNode();
      case 7 -> metadataAway();
      case 8 -> swizzle();
      case 9, 10 -> special();
      default -> rot();
    }
    world.after(random.between(SECOND / 50, SECOND), this::next);
  }

  private long duration() {
    return random.oneIn(3)
        ? random.between(SECOND / 1000, SECOND / 5)
        : random.between(SECOND / 5, 4 * SECOND);
  }

  private int processes() {
    return cluster.nodes().size() + cluster.gateways().size();
  }

  private void cut() {
    int a = random.below(processes());
    int b = random.below(processes());
    boolean both = random.oneIn(2);
    cluster.world().log("net: cut " + a + (both ? "<->" : "->") + b);
    cutFor(a, b, both, duration());
  }

  private void cutFor(int a, int b, boolean both, long nanos) {
    cluster.network().setCut(a, b, true);
    if (both) {
      cluster.network().setCut(b, a, true);
    }
    cluster
        .world()
        .after(
            nanos,
            () -> {
              cluster.network().setCut(a, b, false);
              cluster.network().setCut(b, a, false);
            });
  }

  /** One process loses its peers one after the other and gets them back in another order. */
  private void swizzle() {
    int a = random.below(processes());
    cluster.world().log("net: swizzle " + a);
    for (int b = 0; b < processes(); b++) {
      int peer = b;
      if (random.oneIn(2)) {
        long nanos = duration();
        cluster.world().after(random.between(0, SECOND / 2), () -> cutFor(a, peer, true, nanos));
      }
    }
  }

  private void slow() {
    int a = random.below(processes());
    int b = random.below(processes());
    cluster.network().setSlow(a, b, random.between(1_000_000L, 40_000_000L));
    cluster.world().after(duration(), () -> cluster.network().setSlow(a, b, 0));
  }

  private void crashNode() {
    SimNode node = cluster.nodes().get(random.below(cluster.nodes().size()));
    if (!node.process.isUp()) {
      return;
    }
    boolean power = mood == Mood.POWER && random.oneIn(2);
    cluster.world().log(node.process.name() + ": " + (power ? "power loss" : "killed"));
    node.kill(power);
    cluster.world().after(duration(), () -> restart(node));
  }

  private void restart(SimNode node) {
    if (!node.process.isUp()) {
      cluster.world().log(node.process.name() + ": starts");
      node.start();
    }
  }

  private void stallNode() {
    stall(cluster.nodes().get(random.below(cluster.nodes().size())).process);
  }

  private void stall(SimProcess process) {
    if (!process.isUp() || process.isStalled()) {
      return;
    }
    cluster.world().log(process.name() + ": stalls");
    process.stall();
    int life = process.life();
    cluster
        .world()
        .after(
            duration(),
            () -> {
              if (process.isLife(life)) {
                cluster.world().log(process.name() + ": goes on");
                process.resume();
              }
            });
  }

  private void metadataAway() {
    cluster.metadata().setDown(true);
    cluster.world().after(duration(), () -> cluster.metadata().setDown(false));
  }

  private void special() {
    switch (mood) {
      case POWER -> powerLossOfAllNodes();
      case TAKEOVER -> takeOver();
      case TOTAL_LOSS -> {
        if (random.oneIn(2)) {
          totalLoss();
        }
      }
      default -> throw new IllegalStateException();
    }
  }

  private void powerLossOfAllNodes() {
    cluster.world().log("power loss of all nodes");
    for (SimNode node : cluster.nodes()) {
      if (node.process.isUp()) {
        node.kill(true);
        cluster.world().after(duration(), () -> restart(node));
      }
    }
  }

  /**
   * Two gateways that believe to own the volume: the old one reaches only one replica, the new one
   * only the others (I4).
   */
  private void splitBrain() {
    int old = cluster.gateways().get(0).serving() != null ? 0 : 1;
    SimGateway from = cluster.gateways().get(old);
    SimGateway to = cluster.gateways().get(1 - old);
    if (from.serving() == null || to.isAttached() || to.process.isStalled()) {
      return;
    }
    int kept = random.below(cluster.nodes().size());
    cluster.world().log("net: split, " + from.process.name() + " keeps process " + kept);
    long nanos = random.between(3 * SECOND, 8 * SECOND);
    for (int i = 0; i < cluster.nodes().size(); i++) {
      cutFor(i, (i == kept ? to : from).process.number(), true, nanos);
    }
    if (random.oneIn(2)) {
      cluster.metadata().setCut(from.process, true);
      cluster.world().after(nanos, () -> cluster.metadata().setCut(from.process, false));
    }
    to.attach();
  }

  private void takeOver() {
    if (random.oneIn(3)) {
      splitBrain();
      return;
    }
    SimGateway from = cluster.gateways().get(random.below(2));
    SimGateway to = cluster.gateways().get(random.below(2));
    int how = random.below(3);
    if (how == 0 && from.process.isUp()) {
      cluster.world().log(from.process.name() + ": killed");
      from.kill();
    } else if (how == 1) {
      stall(from.process);
    } else if (how == 2 && from.serving() != null && !from.process.isStalled()) {
      cluster.world().log(from.process.name() + ": releases");
      from.release();
    }
    cluster
        .world()
        .after(
            random.between(0, SECOND),
            () -> {
              if (!healed && !to.isAttached() && !to.process.isStalled()) {
                to.attach();
              }
            });
  }

  private void totalLoss() {
    cluster.world().log("power loss of everything");
    cluster.gateways().forEach(SimGateway::kill);
    for (SimNode node : cluster.nodes()) {
      if (node.process.isUp()) {
        node.kill(true);
      }
      cluster.world().after(random.between(0, SECOND), () -> restart(node));
    }
    workload.totalLoss();
    cluster
        .world()
        .after(
            random.between(0, SECOND),
            () -> {
              SimGateway gateway = cluster.gateways().get(random.below(2));
              if (!gateway.isAttached()) {
                gateway.attach();
              }
            });
  }

  /** Destroys one copy of a block at most per run: never the last good one. */
  private void rot() {
    if (!rot || rotted > 0) {
      return;
    }
    int block = random.below(4);
    ChunkRecord record = cluster.record(0);
    // With minInSync 1 the other replica may leave the set: the bad copy would be the last one.
    if (record == null
        || cluster.volume().minInSync() < 2
        || record.inSyncCount() < record.replicas().size()) {
      return;
    }
    for (Replica replica : record.replicas()) {
      SimStore.Chunk chunk = cluster.chunk(replica.nodeId(), 0);
      if (chunk == null || chunk.syncing() || !cluster.node(replica.nodeId()).process.isUp()) {
        return;
      }
    }
    long victim = record.replicas().get(random.below(record.replicas().size())).nodeId();
    if (cluster.storeOf(victim, 0).rot(record.volumeId(), 0, block)) {
      rotted++;
      cluster.world().log("n" + victim + ": block " + block + " of chunk 0 rots");
    }
  }

  /** Ends all faults: everything runs and everyone reaches everyone. */
  void heal() {
    cluster.world().log("heal");
    healed = true;
    cluster.network().heal();
    cluster.network().flipBits(0);
    cluster.metadata().calm();
    for (SimNode node : cluster.nodes()) {
      restart(node);
      if (node.process.isStalled()) {
        node.process.resume();
      }
    }
    for (SimGateway gateway : cluster.gateways()) {
      if (gateway.process.isUp() && gateway.process.isStalled()) {
        gateway.process.resume();
      }
    }
  }
}
