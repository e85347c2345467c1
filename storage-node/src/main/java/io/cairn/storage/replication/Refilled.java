package io.cairn.storage.replication;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How many chunks a shard has by now that began anew on an empty device, of each volume that may
 * have had some there before. As long as those are fewer than count as in sync there, somebody must
 * look: of a volume that nobody has attached nobody else would. Counted some at a time, so that no
 * loop is held up. On the shard's loop.
 */
public final class Refilled {
  private final ShardStore store;
  private final LostChunks lost;
  private final Map<Long, Long> counting = new HashMap<>();

  /** The last chunk that was counted in this round; null at its begin. */
  private ChunkName done;

  private Map<Long, Long> counted = Map.of();

  /** Of one shard, which may never have lost anything. */
  public Refilled(ShardStore store, LostChunks lost) {
    this.store = store;
    this.lost = lost;
  }

  /**
   * Counts on.
   *
   * @param chunksMax that are looked at now, at least 1.
   * @return whole chunks by volume, as of the last round that ended; empty before the first, and
   *     for a shard that never lost anything. Immutable.
   */
  public Map<Long, Long> count(int chunksMax) {
    if (lost.incarnation() == 0) {
      return counted;
    }
    List<ChunkName> names = store.chunksAfter(done, chunksMax);
    for (ChunkName name : names) {
      ChunkEntry chunk = store.find(name.volumeId(), name.layer(), name.index());
      if (chunk != null && !chunk.syncing()) {
        counting.merge(name.volumeId(), 1L, Long::sum);
      }
    }
    done = names.isEmpty() ? null : names.getLast();
    if (names.size() < chunksMax) {
      Map<Long, Long> whole = new TreeMap<>();
      lost.chunks().keySet().forEach(id -> whole.put(id, counting.getOrDefault(id, 0L)));
      counted = Map.copyOf(whole);
      counting.clear();
      done = null;
    }
    return counted;
  }
}
