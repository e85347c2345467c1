package io.cairn.bench.sim;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.ReplicaState;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Draws the faults of one run. Each run has some of the kinds, drawn once; all of them may come
 * together, and beside each other.
 */
final class SimFaults {
  private static final long SECOND = 1_000_000_000L;

  /** What may happen, and how often in comparison with the others. */
  enum Kind {
    CUT(4),
    BREAK(2),
    SWIZZLE(1),
    SLOW_NETWORK(2),
    KILL_NODE(3),
    NODE_POWER(3),
    ALL_POWER(1),
    STALL_NODE(2),
    DEVICE_FAILS(1),
    DEVICE_REPLACED(2),
    DEVICE_HANGS(2),
    SLOW_DEVICE(2),
    JOURNAL_FULL(2),
    NO_SPACE(1),
    ROT(3),
    METADATA_AWAY(2),
    TAKE_OVER(4),
    SPLIT_BRAIN(3),
    MAINTAIN(3),
    NODE_GONE(3),
    DRAIN(3),
    RESHAPE(3),
    TOTAL_LOSS(1),
    DELETE_VOLUME(1);

    private final int weight;

    Kind(int weight) {
      this.weight = weight;
    }
  }

  private final SimCluster cluster;
  private final SimRandom random;
  private final SimRot rot;
  private final SimDeviceFaults deviceFaults;
  private final long endNanos;
  private final List<Kind> kinds = new ArrayList<>();
  private final Set<SimNode> gone = new LinkedHashSet<>();
  private final boolean devices;

  /** Those of them that never come back. */
  private final Set<SimNode> lost = new LinkedHashSet<>();

  private boolean losesCopies;
  private boolean deleted;
  private boolean healed;

  SimFaults(SimCluster cluster, SimRandom random, long endNanos, boolean devices) {
    this.devices = devices;
    this.cluster = cluster;
    this.random = random;
    rot = new SimRot(cluster, random);
    deviceFaults = new SimDeviceFaults(cluster, random, this);
    this.endNanos = endNanos;
    int outOf = 1 + random.below(4);
    for (Kind kind : Kind.values()) {
      boolean ofDevices = kind == Kind.DEVICE_REPLACED || kind == Kind.DEVICE_HANGS;
      if (ofDevices && !devices) {
        continue;
      }
      if (random.below(outOf) == 0) {
        for (int i = 0; i < kind.weight; i++) {
          kinds.add(kind);
        }
      }
    }
    if (random.oneIn(2)) {
      cluster.network().flipBits(200);
    }
  }

  /** Whether the node is dead for good. */
  boolean isGone(SimNode node) {
    return gone.contains(node);
  }

  /** The nodes that are dead for good. */
  Set<SimNode> gone() {
    return gone;
  }

  /** The kinds of this run, for people. */
  String text() {
    return EnumSet.copyOf(kinds.isEmpty() ? List.of(Kind.CUT) : kinds).toString();
  }

  void begin() {
    cluster.world().after(random.between(SECOND / 20, SECOND / 2), this::next);
  }

  private void next() {
    SimWorld world = cluster.world();
    if (world.nowNanos() >= endNanos || kinds.isEmpty()) {
      return;
    }
    switch (kinds.get(random.below(kinds.size()))) {
      case CUT -> cut();
      case BREAK -> cluster.network().breakOne();
      case SWIZZLE -> swizzle();
      case SLOW_NETWORK -> slow();
      case KILL_NODE -> crash(randomNode(), false);
      case NODE_POWER -> crash(randomNode(), true);
      case ALL_POWER -> powerLossOfAllNodes();
      case STALL_NODE -> stall(randomNode().process);
      case DEVICE_FAILS -> deviceFaults.fails(randomNode());
      case DEVICE_REPLACED -> deviceFaults.replaced(randomNode());
      case DEVICE_HANGS -> deviceFaults.hangs(randomNode());
      case SLOW_DEVICE -> deviceFaults.slow(randomNode());
      case JOURNAL_FULL -> deviceFaults.journalFull(randomNode());
      case NO_SPACE -> deviceFaults.noSpace(randomNode());
      case ROT -> rot();
      case METADATA_AWAY -> metadataAway();
      case TAKE_OVER -> takeOver();
      case SPLIT_BRAIN -> splitBrain();
      case MAINTAIN -> maintain();
      case NODE_GONE -> nodeGone();
      case DRAIN -> drain();
      case RESHAPE -> reshape();
      case TOTAL_LOSS -> totalLoss();
      case DELETE_VOLUME -> deleteVolume();
      default -> throw new IllegalStateException();
    }
    world.after(random.between(SECOND / 50, SECOND), this::next);
  }

  private SimNode randomNode() {
    return cluster.nodes().get(random.below(cluster.nodes().size()));
  }

  /** How long something lasts. */
  long duration() {
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

  /** The node dies, and somebody starts it again. */
  void crash(SimNode node, boolean power) {
    if (node.process.isUp()) {
      crash(node, power, duration());
    }
  }

  /** The same, for so long; of a node that is up. */
  void crash(SimNode node, boolean power, long downNanos) {
    cluster.world().log(node.process.name() + ": " + (power ? "power loss" : "killed"));
    node.kill(power);
    cluster.world().after(downNanos, () -> restart(node));
  }

  /** One that was down runs again, unless it is dead for good. */
  void startsAgain(SimNode node) {
    restart(node);
  }

  private void restart(SimNode node) {
    if (!node.process.isUp() && !gone.contains(node)) {
      cluster.world().log(node.process.name() + ": starts");
      node.start();
    }
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

  /** The nodes hear of the deletion with some heartbeat. */
  private void deleteVolume() {
    if (deleted) {
      return;
    }
    deleted = true;
    cluster.metadata().operate(new Command.DeleteVolume(SimCluster.DOOMED, true));
    for (SimNode node : cluster.nodes()) {
      cluster.world().after(random.between(0, 2 * SECOND), () -> node.trash(cluster.doomedId()));
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
   *
   * @return false when it cannot be now.
   */
  boolean splitBrain() {
    int old = cluster.gateways().get(0).serving() != null ? 0 : 1;
    SimGateway from = cluster.gateways().get(old);
    SimGateway to = cluster.gateways().get(1 - old);
    boolean tooLate = endNanos - cluster.world().nowNanos() < 4 * SECOND;
    if (tooLate || from.serving() == null || to.isAttached() || to.process.isStalled()) {
      return false;
    }
    int kept = random.below(cluster.nodes().size());
    cluster.world().log("net: split, " + from.process.name() + " keeps process " + kept);
    long nanos = random.between(4 * SECOND, 9 * SECOND);
    for (int i = 0; i < cluster.nodes().size(); i++) {
      cutFor(i, (i == kept ? to : from).process.number(), true, nanos);
    }
    if (!random.oneIn(4)) {
      cluster.metadata().setCut(from.process, true);
      cluster.world().after(nanos, () -> cluster.metadata().setCut(from.process, false));
    }
    if (random.oneIn(2)) {
      to.maintain(cluster.volume().generation());
      attachOnceMaintained(to);
    } else {
      to.attach();
    }
    return true;
  }

  /** An owner comes as soon as somebody maintains: what it must wait for is who was before that. */
  private void attachOnceMaintained(SimGateway gateway) {
    cluster
        .world()
        .after(
            SECOND / 100,
            () -> {
              if (healed || !gateway.maintains() || gateway.process.isStalled()) {
                return;
              }
              if (gateway.running() == null) {
                attachOnceMaintained(gateway);
              } else {
                gateway.session().abandon(cluster.world().nowNanos());
                gateway.attach();
              }
            });
  }

  /**
   * Nobody has the volume for a while, or the metadata believes so of an owner that lives: a
   * gateway takes it to mend it, and an owner comes at any time.
   */
  private void maintain() {
    SimGateway from = cluster.gateways().get(random.below(2));
    SimGateway to = cluster.gateways().get(random.below(2));
    if (from.serving() != null && !from.process.isStalled()) {
      if (random.oneIn(3)) {
        from.kill();
      } else if (!random.oneIn(3)) {
        from.release();
      }
    }
    long offered = cluster.volume().generation();
    // A gateway that comes late with what it was offered: by then an owner may have come and gone.
    boolean late = random.oneIn(3);
    cluster
        .world()
        .after(
            late ? random.between(SECOND / 2, 4 * SECOND) : random.between(0, SECOND / 2),
            () -> {
              if (!healed && !to.isAttached() && !to.process.isStalled()) {
                to.maintain(late ? offered : cluster.volume().generation());
              }
            });
    attachAfter(random.between(SECOND / 10, 3 * SECOND), to);
  }

  /** An owner comes, on the other gateway or, when that has a session, on this one. */
  private void attachAfter(long nanos, SimGateway maintaining) {
    cluster
        .world()
        .after(
            nanos,
            () -> {
              if (healed) {
                return;
              }
              for (SimGateway gateway : cluster.gateways()) {
                boolean free = !gateway.isAttached() && !gateway.process.isStalled();
                if (free && gateway != maintaining) {
                  gateway.attach();
                  return;
                }
              }
              if (maintaining.maintains() && !maintaining.process.isStalled()) {
                // As the gateway does for a client of its own.
                maintaining.session().abandon(cluster.world().nowNanos());
                maintaining.attach();
              }
            });
  }

  private void takeOver() {
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
                if (random.oneIn(3)) {
                  // While it fences.
                  cluster
                      .world()
                      .after(
                          random.between(0, SECOND / 50),
                          () -> {
                            if (!healed) {
                              crash(randomNode(), true);
                            }
                          });
                }
              }
            });
  }

  /** Whether the node can have whatever others give up. */
  boolean staysWhole(SimNode node) {
    return !cluster.isLeaving(node.nodeId) && !gone.contains(node) && node.out().isEmpty();
  }

  /** As many nodes as a chunk has replicas must stay. */
  private boolean mayLeave() {
    long staying = cluster.nodes().stream().filter(this::staysWhole).count();
    return staying > cluster.volume().replicas();
  }

  /** A node dies for good, or until everything heals; after a grace time its replicas move. */
  private void nodeGone() {
    SimNode node = randomNode();
    if (!mayLeave() || cluster.isLeaving(node.nodeId) || needs(node, devices)) {
      return;
    }
    cluster.world().log(node.process.name() + ": gone");
    gone.add(node);
    if (node.process.isUp()) {
      node.kill(random.oneIn(2));
    }
    cluster
        .world()
        .after(
            random.between(0, 2 * SECOND),
            () -> {
              if (gone.contains(node)) {
                cluster.away().add(node.nodeId);
              }
            });
    if (random.oneIn(3)) {
      cluster.world().after(random.between(SECOND, 5 * SECOND), () -> comesBack(node));
    }
  }

  /** A node dies, and never comes back. */
  void lost(SimNode node, boolean power) {
    gone.add(node);
    lost.add(node);
    if (node.process.isUp()) {
      node.kill(power);
    }
  }

  /** One that died runs again, unless it is lost. */
  void comesBack(SimNode node) {
    if (!lost.contains(node) && gone.remove(node)) {
      restart(node);
      cluster.away().remove(node.nodeId);
    }
  }

  /**
   * Whether some chunk could not be written without the node.
   *
   * @param holding whether others count only while they hold everything themselves.
   */
  private boolean needs(SimNode node, boolean holding) {
    for (ChunkRecord record : cluster.allRecords()) {
      long others =
          record.replicas().stream()
              .filter(r -> r.state() == ReplicaState.IN_SYNC && r.nodeId() != node.nodeId)
              .filter(r -> !gone.contains(cluster.node(r.nodeId())))
              .filter(r -> !holding || cluster.holds(cluster.node(r.nodeId()), record))
              .count();
      if (others < cluster.volume().minInSync()) {
        return true;
      }
    }
    return false;
  }

  private void drain() {
    SimNode node = randomNode();
    if (cluster.isLeaving(node.nodeId) || !mayLeave()) {
      return;
    }
    Departure departure = random.oneIn(4) ? Departure.FORCED : Departure.DRAINED;
    cluster.metadata().operate(new Command.DrainNode(node.nodeId, departure));
    if (random.oneIn(3)) {
      cluster
          .world()
          .after(
              random.between(0, 4 * SECOND),
              () -> {
                if (!lost.contains(node)) {
                  cluster.metadata().operate(new Command.DrainNode(node.nodeId, null));
                }
              });
    }
  }

  /** The volume keeps more or fewer replicas from now on. */
  private void reshape() {
    long staying = cluster.nodes().stream().filter(this::staysWhole).count();
    int fewest = cluster.volume().minInSync();
    int replicas = fewest + random.below((int) Math.max(1, Math.min(5, staying) - fewest + 1));
    cluster
        .metadata()
        .operate(new Command.SetVolume(SimCluster.VOLUME, replicas, cluster.volume().minInSync()));
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
    cluster
        .world()
        .after(
            random.between(0, SECOND),
            () -> {
              SimGateway gateway = cluster.gateways().get(random.below(2));
              if (!healed && !gateway.isAttached()) {
                gateway.attach();
              }
            });
  }

  /** Destroys one copy of a block, of which all others are good: not where some are lost. */
  void rot() {
    if (!hasLost()) {
      rot.strike();
    }
  }

  /** From now on devices of nodes that live may have all good copies of something. */
  void losesCopies() {
    losesCopies = true;
  }

  /** Whether nodes died that never come back, or devices failed whoever needs them. */
  boolean hasLost() {
    return losesCopies || !lost.isEmpty();
  }

  /** Whether a block has a bad copy. */
  boolean hasRot() {
    return rot.isSomewhere();
  }

  /**
   * Commands from before the healing have all arrived: one may have taken those out of sync that
   * were to do without the dead. What only the dead hold now is not to be had without them.
   */
  void settled() {
    for (SimNode node : cluster.nodes()) {
      if (gone.contains(node) && needs(node, true)) {
        comesBack(node);
      }
    }
  }

  /** Ends all faults: everything runs and everyone reaches everyone. */
  void heal() {
    cluster.world().log("heal");
    healed = true;
    deleteVolume();
    cluster.network().heal();
    cluster.network().flipBits(0);
    cluster.metadata().calm();
    for (SimNode node : cluster.nodes()) {
      if (gone.contains(node) && (needs(node, true) || random.oneIn(2))) {
        // What only the dead hold is not to be had without them.
        comesBack(node);
      }
      if (node.process.isUp() && node.stores().stream().anyMatch(SimStore::isFailed)) {
        node.kill(true);
      }
      restart(node);
      if (node.process.isStalled()) {
        node.process.resume();
      }
      node.stores().forEach(SimStore::heal);
    }
    for (SimGateway gateway : cluster.gateways()) {
      if (gateway.process.isUp() && gateway.process.isStalled()) {
        gateway.process.resume();
      }
    }
  }
}
