package io.cairn.bench.sim;

import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import java.util.Set;
import java.util.TreeSet;

/** Blocks that rot at rest, on one node at a time: what no other copy can mend is not played. */
final class SimRot {
  private final SimCluster cluster;
  private final SimRandom random;

  SimRot(SimCluster cluster, SimRandom random) {
    this.cluster = cluster;
    this.random = random;
  }

  /** Destroys one copy of a block of which all the others are good, equal and durable. */
  void strike() {
    int index = random.below(3);
    int block = random.below(4);
    ChunkRecord record = cluster.record(index);
    // With minInSync 1 the other replica may leave the set: the bad copy would be the last one.
    if (record == null
        || cluster.volume().minInSync() < 2
        || record.inSyncCount() < record.replicas().size()
        || isRottenSomewhere(index, block)) {
      return;
    }
    Set<Long> versions = new TreeSet<>();
    for (Replica replica : record.replicas()) {
      StoreModel.Chunk chunk = cluster.chunk(replica.nodeId(), index);
      SimStore store = cluster.storeOf(replica.nodeId(), index);
      if (chunk == null || chunk.syncing() || chunk.lsns[block] > store.durableLsn()) {
        return;
      }
      versions.add(chunk.versions[block]);
    }
    if (versions.size() == 1 && !versions.contains(0L)) {
      long victim = record.replicas().get(random.below(record.replicas().size())).nodeId();
      cluster.rot(victim, index, block);
    }
  }

  /** Whether some block has a bad copy. */
  boolean isSomewhere() {
    for (int index = 0; index < 3; index++) {
      for (int block = 0; block < 4; block++) {
        if (isRottenSomewhere(index, block)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Also on a node that is off the record: it can be chosen again, and keeps what it has then. */
  private boolean isRottenSomewhere(int index, int block) {
    for (SimNode node : cluster.nodes()) {
      StoreModel.Chunk chunk = cluster.chunk(node.nodeId, index);
      if (chunk != null && !cluster.storeOf(node.nodeId, index).isSound(chunk, block)) {
        return true;
      }
    }
    return false;
  }
}
