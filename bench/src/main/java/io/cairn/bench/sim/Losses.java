package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.storage.wire.Version;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;

/**
 * What power losses took from the volume, and so before which generations a chunk may have lost
 * what was acknowledged and not flushed: when a replica lost a write that its owner had not yet
 * sent again when the next owner came, or lost it after that. Whoever has it still wins (I6).
 */
final class Losses {
  private final IntFunction<ChunkRecord> records;
  private final Map<Integer, TreeSet<Missing>> missing = new TreeMap<>();
  private final Map<Integer, TreeSet<Long>> lossy = new TreeMap<>();
  private final Map<Integer, TreeSet<Long>> accepted = new TreeMap<>();
  private long volumeId;
  private long generation;

  private record Missing(long nodeId, long version) implements Comparable<Missing> {
    @Override
    public int compareTo(Missing other) {
      int byNode = Long.compare(nodeId, other.nodeId);
      return byNode != 0 ? byNode : Long.compare(version, other.version);
    }
  }

  /** Counts for one volume, whose chunks' records are given by index. */
  Losses(IntFunction<ChunkRecord> records) {
    this.records = records;
  }

  void volume(long id) {
    volumeId = id;
  }

  /** A new owner has the volume. */
  void acquired(long newGeneration) {
    generation = newGeneration;
    missing.forEach(
        (index, lost) -> {
          if (!lost.isEmpty()) {
            lossyBefore(index, newGeneration);
            lost.clear();
          }
        });
  }

  private void lossyBefore(int index, long newGeneration) {
    lossy.computeIfAbsent(index, i -> new TreeSet<>()).add(newGeneration);
  }

  /** An operator gave up what replicas held that are gone, flushed or not. */
  void accepted(int index, long newGeneration) {
    lossyBefore(index, newGeneration);
    accepted.computeIfAbsent(index, i -> new TreeSet<>()).add(newGeneration);
  }

  /** Before which generations that happened. */
  Set<Long> acceptedGenerations(int index) {
    return accepted.getOrDefault(index, new TreeSet<>());
  }

  /** Before which generations the chunk may have lost something, rising. */
  long[] lossyGenerations(int index) {
    return lossy.getOrDefault(index, new TreeSet<>()).stream().mapToLong(Long::longValue).toArray();
  }

  /** The observer of one node's stores. */
  StoreModel.Observer of(long nodeId) {
    return new StoreModel.Observer() {
      @Override
      public void stored(StoreModel.Key key, long version) {
        TreeSet<Missing> lost = missing.get(key.index());
        if (key.volumeId() == volumeId && lost != null) {
          lost.remove(new Missing(nodeId, version));
        }
      }

      @Override
      public void lost(StoreModel.Key key, long version) {
        if (key.volumeId() != volumeId) {
          return;
        }
        if (Version.generation(version) < generation) {
          lossyBefore(key.index(), Version.generation(version) + 1);
        } else {
          missing
              .computeIfAbsent(key.index(), i -> new TreeSet<>())
              .add(new Missing(nodeId, version));
        }
      }

      @Override
      public void trashed(StoreModel.Key key) {
        if (key.volumeId() != volumeId) {
          return;
        }
        ChunkRecord record = records.apply(key.index());
        if (record.replicas().contains(new Replica(nodeId, ReplicaState.IN_SYNC))
            && !isToBeMadeAnew(record)) {
          throw new InvariantViolation(
              "I3", "node " + nodeId + " gives back what is in sync on record: " + record);
        }
      }

      /**
       * An operator gave the chunk up, and it is to begin empty on this node: what the node had
       * before may go until the owner has opened it there.
       */
      private boolean isToBeMadeAnew(ChunkRecord record) {
        return record.loss() != null
            && record.loss().condition() == ReplicaCondition.EMPTY
            && record.loss().sourceNodeId() == nodeId
            && record.inSyncCount() == 1;
      }

      @Override
      public void catchesUp(StoreModel.Chunk chunk, long base) {
        if (chunk.volumeId() != volumeId) {
          return;
        }
        TreeSet<Missing> lost = missing.get(chunk.index());
        if (lost != null) {
          lost.removeIf(one -> one.nodeId() == nodeId);
        }
        for (Replica replica : records.apply(chunk.index()).replicas()) {
          if (replica.nodeId() == nodeId
              && replica.state() == ReplicaState.IN_SYNC
              && !chunk.syncing()
              && base < chunk.lastVersion()) {
            throw new InvariantViolation(
                "I6",
                "node "
                    + nodeId
                    + " is in sync at "
                    + Version.text(chunk.lastVersion())
                    + " and is rolled back to "
                    + Version.text(base));
          }
        }
      }
    };
  }
}
