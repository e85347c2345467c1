package io.cairn.storage.replication;

import java.util.ArrayList;
import java.util.List;
import org.agrona.collections.Long2ObjectHashMap;

/**
 * Chunks of a shard whose catch-up was begun by an owner that is none any more, and never ended.
 * Where the metadata has such a replica in the in-sync set, as an owner after a crash makes those
 * equal too, nobody but this shard knows that it is less than it counts for, until somebody opens
 * the chunk. So owners are told one name with each PING, and the metadata some with each heartbeat,
 * each time the next ones. On the shard's loop.
 */
public final class Unfinished {
  private final ShardStore store;

  /** The last name that each volume's owner was told. */
  private final Long2ObjectHashMap<ChunkName> told = new Long2ObjectHashMap<>();

  private ChunkName reported;

  /** Of one shard. */
  public Unfinished(ShardStore store) {
    this.store = store;
  }

  /**
   * The next of a volume's, in turn.
   *
   * @param generation of who asks, which knows of the catch-ups that it began itself.
   * @return null when there is none.
   */
  ChunkName next(long volumeId, long generation) {
    ChunkName last = told.get(volumeId);
    ChunkName found = last == null ? null : next(volumeId, generation, last);
    if (found == null) {
      found = next(volumeId, generation, new ChunkName(volumeId, Integer.MIN_VALUE, 0));
    }
    if (found != null) {
      told.put(volumeId, found);
    } else if (last != null) {
      told.remove(volumeId);
    }
    return found;
  }

  private ChunkName next(long volumeId, long generation, ChunkName after) {
    ChunkEntry chunk = store.syncingAfter(after);
    while (chunk != null && chunk.volumeId() == volumeId) {
      ChunkName name = ChunkName.of(chunk);
      if (chunk.syncGeneration() < generation) {
        return name;
      }
      chunk = store.syncingAfter(name);
    }
    return null;
  }

  /**
   * Some of all volumes', those that are under way included: the next ones each time.
   *
   * @param countMax at most so many, at least 1.
   */
  public List<ChunkName> some(int countMax) {
    List<ChunkName> names = new ArrayList<>();
    ChunkEntry chunk = store.syncingAfter(reported);
    while (chunk != null && names.size() < countMax) {
      names.add(ChunkName.of(chunk));
      chunk = store.syncingAfter(names.getLast());
    }
    reported = chunk == null ? null : names.getLast();
    return names;
  }
}
