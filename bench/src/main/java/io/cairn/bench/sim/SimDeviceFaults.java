package io.cairn.bench.sim;

import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;

/**
 * What happens to the devices of one run's nodes: they fail, hang, are slow, full or replaced. When
 * something happens, and to which node, {@link SimFaults} draws.
 */
final class SimDeviceFaults {
  private static final long SECOND = 1_000_000_000L;

  private final SimCluster cluster;
  private final SimRandom random;
  private final SimFaults faults;

  SimDeviceFaults(SimCluster cluster, SimRandom random, SimFaults faults) {
    this.cluster = cluster;
    this.random = random;
    this.faults = faults;
  }

  private SimStore randomStore(SimNode node) {
    return node.stores().get(random.below(node.stores().size()));
  }

  /** The device is gone for this life of the process; somebody starts the node again. */
  void fails(SimNode node) {
    if (!node.process.isUp() || node.process.isStalled()) {
      return;
    }
    cluster.world().log(node.process.name() + ": a device fails");
    randomStore(node).fail();
    int life = node.process.life();
    cluster
        .world()
        .after(
            faults.duration(),
            () -> {
              if (node.process.isLife(life)) {
                faults.crash(node, true);
              }
            });
  }

  /** Empty devices are in the place of a shard's when the node starts again. */
  void replaced(SimNode node) {
    int shard = random.below(node.stores().size());
    if (faults.isGone(node)
        || !node.process.isUp()
        || !cluster.isHeldElsewhere(node, shard, faults.gone())) {
      return;
    }
    cluster.world().log(node.process.name() + ": the devices of shard " + shard + " are replaced");
    node.kill(true);
    node.replace(shard);
    boolean othersFollow = random.oneIn(2);
    cluster
        .world()
        .after(
            faults.duration(),
            () -> {
              faults.startsAgain(node);
              if (othersFollow) {
                othersDie(node, shard);
              }
            });
  }

  /** Whoever holds what the shard lost is away when somebody asks the shard for it. */
  private void othersDie(SimNode replaced, int shard) {
    for (ChunkRecord record : cluster.allRecords()) {
      if (shard == cluster.shardOf(record)) {
        for (Replica replica : record.replicas()) {
          SimNode other = cluster.node(replica.nodeId());
          if (other != replaced && other.process.isUp() && !other.process.isStalled()) {
            faults.crash(other, false);
          }
        }
      }
    }
  }

  /** The node's watch finds it, and takes the shard out of service until it is over. */
  void hangs(SimNode node) {
    if (!node.process.isUp() || node.process.isStalled()) {
      return;
    }
    int shard = random.below(node.stores().size());
    cluster.world().log(node.process.name() + ": the devices of shard " + shard + " hang");
    long nanos = faults.duration();
    node.store(shard).setSlow(nanos);
    int life = node.process.life();
    long found = random.between(0, nanos);
    cluster.world().after(found, () -> withdraw(node, life, shard, true));
    cluster
        .world()
        .after(
            nanos,
            () -> {
              node.store(shard).setSlow(0);
              withdraw(node, life, shard, false);
            });
  }

  private static void withdraw(SimNode node, int life, int shard, boolean out) {
    if (node.process.isLife(life)) {
      node.withdraw(shard, out);
    }
  }

  void slow(SimNode node) {
    SimStore store = randomStore(node);
    cluster.world().log(node.process.name() + ": a device is slow");
    store.setSlow(random.between(1_000_000L, random.oneIn(2) ? 50_000_000L : SECOND));
    cluster.world().after(faults.duration(), () -> store.setSlow(0));
  }

  void journalFull(SimNode node) {
    SimStore store = randomStore(node);
    cluster.world().log(node.process.name() + ": a journal is full");
    store.setFull(true);
    cluster.world().after(faults.duration(), () -> store.setFull(false));
  }

  void noSpace(SimNode node) {
    SimStore store = randomStore(node);
    cluster.world().log(node.process.name() + ": no space for chunks");
    store.setSpaceless(true);
    cluster.world().after(faults.duration(), () -> store.setSpaceless(false));
  }
}
