package io.cairn.bench.sim;

import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The devices of a shard are replaced, whoever holds what it lost dies for a while, the owner dies,
 * and the next owner finds nobody but that shard: it must wait for the others, as what the shard
 * says of itself is all that tells an empty device from a chunk that was never written. Where two
 * must be in sync the others cannot leave the set, so this is for volumes that are served by one.
 *
 * <p>An owner that lives knows what the shard had, so that chance alone hardly ever gets there.
 *
 * <p>Draws from a source of its own, so that a run without it is the same run as ever.
 */
final class SimReplacedAlone {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0xA10E_0000_000BL;

  /** So long the others stay away: two owners' timeouts, and some reads and writes. */
  private static final long AWAY_NANOS = 6 * SECOND;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimRandom random;
  private final boolean some;
  private long endNanos;

  SimReplacedAlone(SimCluster cluster, SimFaults faults, long seed, boolean devices) {
    this.cluster = cluster;
    this.faults = faults;
    random = new SimRandom(seed ^ SALT);
    some = devices && !random.oneIn(4);
  }

  void begin(long faultsEndNanos) {
    if (some && cluster.volume().minInSync() == 1) {
      endNanos = faultsEndNanos;
      tryAfter(random.between(SECOND / 2, 2 * SECOND));
    }
  }

  private void tryAfter(long nanos) {
    cluster
        .world()
        .after(
            nanos,
            () -> {
              if (cluster.world().nowNanos() + AWAY_NANOS < endNanos && !strike()) {
                tryAfter(SECOND / 20);
              }
            });
  }

  /** False when it cannot be now. */
  private boolean strike() {
    SimNode node = cluster.nodes().get(random.below(cluster.nodes().size()));
    int shard = random.below(node.stores().size());
    Set<SimNode> others = othersWith(node, shard);
    if (others.isEmpty()
        || !isWell(node)
        || !others.stream().allMatch(this::isWell)
        || cluster.gateways().stream().anyMatch(gateway -> gateway.process.isStalled())
        || !cluster.isHeldElsewhere(node, shard, faults.gone())) {
      return false;
    }
    cluster.world().log(node.process.name() + ": the devices of shard " + shard + " are replaced");
    cluster.gateways().stream().filter(gateway -> gateway.process.isUp()).forEach(SimGateway::kill);
    node.kill(true);
    node.replace(shard);
    cluster.world().after(random.between(0, SECOND / 5), () -> faults.startsAgain(node));
    for (SimNode other : others) {
      cluster.world().log(other.process.name() + ": killed, as it has what the shard lost");
      other.kill(false);
      cluster.world().after(AWAY_NANOS, () -> faults.startsAgain(other));
    }
    SimGateway next = cluster.gateways().get(random.below(2));
    cluster
        .world()
        .after(
            random.between(0, SECOND / 2),
            () -> {
              if (!next.isAttached() && !next.process.isStalled()) {
                next.attach();
              }
            });
    return true;
  }

  private boolean isWell(SimNode node) {
    return faults.staysWhole(node) && node.process.isUp() && !node.process.isStalled();
  }

  /** Who else is in sync with a chunk of which the shard has a replica in sync. */
  private Set<SimNode> othersWith(SimNode node, int shard) {
    Set<SimNode> others = new LinkedHashSet<>();
    for (ChunkRecord record : cluster.allRecords()) {
      if (shard == cluster.shardOf(record)
          && record.replicas().contains(new Replica(node.nodeId, ReplicaState.IN_SYNC))) {
        for (Replica replica : record.replicas()) {
          if (replica.nodeId() != node.nodeId) {
            others.add(cluster.node(replica.nodeId()));
          }
        }
      }
    }
    return others;
  }
}
