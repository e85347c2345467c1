package io.cairn.storage.replication;

import java.util.Map;

/**
 * What a shard that began anew on an empty device may have held before.
 *
 * @param incarnation of the node that found the device replaced; 0 when none did.
 * @param chunks how many chunks each volume had then, by volume; immutable. One that was allocated
 *     later was never here before.
 */
public record LostChunks(long incarnation, Map<Long, Long> chunks) {
  /** Of a shard that knows what it holds. */
  public static final LostChunks NONE = new LostChunks(0, Map.of());

  /** Keeps the map immutable. */
  public LostChunks {
    chunks = Map.copyOf(chunks);
  }

  long chunksOf(long volumeId) {
    return incarnation == 0 ? 0 : chunks.getOrDefault(volumeId, 0L);
  }
}
