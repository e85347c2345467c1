package io.cairn.metadata.model;

import java.util.List;

/**
 * Where one chunk lives.
 *
 * @param epoch version of the replica set, from 1; every change adds one.
 * @param replicas in placement order; immutable.
 */
public record ChunkRecord(long volumeId, int layer, int index, long epoch, List<Replica> replicas) {
  /** Keeps the list immutable. */
  public ChunkRecord {
    replicas = List.copyOf(replicas);
  }

  /** The chunk in its next epoch, with other replicas or other states of them. */
  public ChunkRecord with(List<Replica> changed) {
    return new ChunkRecord(volumeId, layer, index, epoch + 1, changed);
  }

  /** Number of replicas that are {@link ReplicaState#IN_SYNC}. */
  public int inSyncCount() {
    int count = 0;
    // By index: this is asked for each write, and an iterator is an object.
    for (int i = 0; i < replicas.size(); i++) {
      if (replicas.get(i).state() == ReplicaState.IN_SYNC) {
        count++;
      }
    }
    return count;
  }
}
