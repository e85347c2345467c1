package io.cairn.storage.journal;

import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.replication.MergeRule;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.agrona.collections.Long2LongHashMap;

/**
 * What a prefix of a shard's records adds up to. The live path, recovery and the destager all apply
 * records through {@link #apply} and nothing else, so that the same records mean the same state;
 * they differ in how they keep blocks.
 *
 * <p>Not thread-safe.
 */
abstract class ShardIndex {
  private final TreeMap<ChunkId, IndexedChunk> chunks = new TreeMap<>();
  private final TreeSet<ChunkId> syncing = new TreeSet<>();
  private final Map<Key, IndexedChunk> byKey = new HashMap<>();
  private final Long2LongHashMap fences = new Long2LongHashMap(0);
  private final List<ChunkId> trashed = new ArrayList<>();
  private final Key probe = new Key();

  /** A key that can be changed: looking a chunk up allocates nothing. */
  private static final class Key {
    long volumeId;
    int layer;
    int index;

    Key set(long volume, int layerNumber, int chunkIndex) {
      volumeId = volume;
      layer = layerNumber;
      index = chunkIndex;
      return this;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key key
          && volumeId == key.volumeId
          && layer == key.layer
          && index == key.index;
    }

    @Override
    public int hashCode() {
      return (int) (volumeId * 0x9E3779B97F4A7C15L >>> 32) + 31 * layer + index;
    }
  }

  /** Version of a block of a chunk that is there. */
  abstract long version(IndexedChunk chunk, int block);

  /**
   * Says what a block is from now on.
   *
   * @param place HOLE, ALLOCATED, or the position of the payload, see {@link Page}.
   * @param lsn position of the record.
   */
  abstract void put(IndexedChunk chunk, int block, long version, int crc, long place, long lsn);

  /** The same for blocks that become zeroes. */
  void zero(IndexedChunk chunk, int block, int count, long version, long place, long lsn) {
    for (int i = block; i < block + count; i++) {
      put(chunk, i, version, Crc32c.ZERO_BLOCK, place, lsn);
    }
  }

  /** All chunks of a volume as of the checkpoint that an index may not have looked up yet. */
  List<ChunkId> storedOf(long volumeId) {
    return List.of();
  }

  /** A chunk went to the trash. */
  void onGone(IndexedChunk chunk) {}

  void add(IndexedChunk chunk) {
    chunks.put(chunk.id, chunk);
    byKey.put(new Key().set(chunk.volumeId(), chunk.layer(), chunk.index()), chunk);
    if (chunk.syncing()) {
      syncing.add(chunk.id);
    }
  }

  /** A fence never goes down: the catalogue may know a higher one than the journal's records. */
  void raiseFence(long volumeId, long generation) {
    fences.put(volumeId, Math.max(generation, fences.get(volumeId)));
  }

  long fence(long volumeId) {
    return fences.get(volumeId);
  }

  IndexedChunk find(long volumeId, int layer, int index) {
    IndexedChunk chunk = byKey.get(probe.set(volumeId, layer, index));
    return chunk == null ? findStored(volumeId, layer, index) : chunk;
  }

  /** What a live index lacks is not there; looking for it allocates nothing. */
  IndexedChunk findStored(long volumeId, int layer, int index) {
    return null;
  }

  /** The first chunks behind an id, or of all where it is null, in order. */
  Iterable<IndexedChunk> chunksAfter(ChunkId after) {
    return (after == null ? chunks : chunks.tailMap(after, false)).values();
  }

  /** The first syncing chunk behind an id, or of all where it is null; null when there is none. */
  IndexedChunk syncingAfter(ChunkId after) {
    if (syncing.isEmpty()) {
      return null;
    }
    ChunkId next = after == null ? syncing.first() : syncing.higher(after);
    return next == null ? null : chunks.get(next);
  }

  Iterable<IndexedChunk> chunks() {
    return chunks.values();
  }

  int chunkCount() {
    return chunks.size();
  }

  /** Chunks that went to the trash since the index was made. */
  List<ChunkId> trashed() {
    return trashed;
  }

  /** The next chunk behind an id, or the first one; null when there is none at all. */
  IndexedChunk nextAfter(ChunkId hand) {
    Map.Entry<ChunkId, IndexedChunk> next = hand == null ? null : chunks.higherEntry(hand);
    next = next == null ? chunks.firstEntry() : next;
    return next == null ? null : next.getValue();
  }

  /** Applies one record. */
  void apply(JournalRecord record, Consumer<IndexedChunk> onTrash) {
    switch (record.kind()) {
      case JournalRecord.FENCE -> raiseFence(record.volumeId(), record.argument());
      case JournalRecord.CREATE -> add(created(record));
      case JournalRecord.TRASH -> trash(record.volumeId(), onTrash);
      case JournalRecord.TRASH_CHUNK -> {
        IndexedChunk chunk = known(record);
        trash(chunk, onTrash);
      }
      case JournalRecord.LIFE, JournalRecord.SEAL -> {}
      case JournalRecord.WRITE,
          JournalRecord.ZERO,
          JournalRecord.FILL,
          JournalRecord.UNREADABLE,
          JournalRecord.SYNC_BEGIN,
          JournalRecord.SYNC_END ->
          applyToChunk(record);
      default ->
          throw new IllegalStateException(
              "journal record of unknown kind " + record.kind() + " at " + record.lsn());
    }
  }

  private static IndexedChunk created(JournalRecord record) {
    IndexedChunk chunk = new IndexedChunk(record.chunk(), record.blockOffset());
    chunk.syncGeneration = record.argument();
    return chunk;
  }

  private void applyToChunk(JournalRecord record) {
    IndexedChunk chunk = known(record);
    switch (record.kind()) {
      case JournalRecord.WRITE -> applyWrite(chunk, record);
      case JournalRecord.ZERO -> applyZero(chunk, record);
      case JournalRecord.FILL -> applyFill(chunk, record);
      case JournalRecord.UNREADABLE -> applyUnreadable(chunk, record);
      case JournalRecord.SYNC_BEGIN -> {
        chunk.lastVersion = record.argument();
        chunk.syncGeneration = record.blockOffset();
        syncing.add(chunk.id);
      }
      default -> {
        chunk.syncGeneration = 0;
        syncing.remove(chunk.id);
      }
    }
  }

  private IndexedChunk known(JournalRecord record) {
    IndexedChunk chunk = find(record.volumeId(), record.layer(), record.index());
    if (chunk == null) {
      throw new IllegalStateException(
          "the journal record at " + record.lsn() + " is of an unknown chunk " + record.chunk());
    }
    return chunk;
  }

  private void applyWrite(IndexedChunk chunk, JournalRecord record) {
    long payload = record.payloadLsn();
    for (int i = 0; i < record.blockCount(); i++) {
      int block = record.blockOffset() + i;
      if (!chunk.syncing() || MergeRule.writeApplies(version(chunk, block), record.argument())) {
        long place = payload + (long) i * Frame.BLOCK_BYTES;
        put(chunk, block, record.argument(), record.blockCrc(i), place, record.lsn());
      }
    }
    chunk.lastVersion = record.argument();
  }

  private void applyZero(IndexedChunk chunk, JournalRecord record) {
    long place = (record.flags() & JournalRecord.FLAG_ALLOCATE) != 0 ? Page.ALLOCATED : Page.HOLE;
    int first = record.blockOffset();
    if (!chunk.syncing()) {
      zero(chunk, first, record.blockCount(), record.argument(), place, record.lsn());
    }
    for (int block = first; chunk.syncing() && block < first + record.blockCount(); block++) {
      if (MergeRule.writeApplies(version(chunk, block), record.argument())) {
        put(chunk, block, record.argument(), Crc32c.ZERO_BLOCK, place, record.lsn());
      }
    }
    chunk.lastVersion = record.argument();
  }

  private void applyFill(IndexedChunk chunk, JournalRecord record) {
    long payload = record.payloadLsn();
    for (int i = 0; i < record.blockCount(); i++) {
      int block = record.blockOffset() + i;
      if (MergeRule.replaces(version(chunk, block), record.blockVersion(i), record.argument())) {
        // What was a hole at the source stays one here.
        long place = record.blockIsZero(i) ? Page.HOLE : payload + (long) i * Frame.BLOCK_BYTES;
        put(chunk, block, record.blockVersion(i), record.blockCrc(i), place, record.lsn());
      }
    }
  }

  /** Whoever appended it asked the merge rule: the same records before it make the same answer. */
  private void applyUnreadable(IndexedChunk chunk, JournalRecord record) {
    for (int i = 0; i < record.blockCount(); i++) {
      int block = record.blockOffset() + i;
      put(chunk, block, record.argument(), Page.UNREADABLE_CRC, Page.HOLE, record.lsn());
    }
  }

  /** The volume's id is never used again: a fence that nobody can pass keeps it dead. */
  private void trash(long volumeId, Consumer<IndexedChunk> onTrash) {
    raiseFence(volumeId, Version.GENERATION_MAX);
    storedOf(volumeId).forEach(id -> find(id.volumeId(), id.layer(), id.index()));
    for (IndexedChunk chunk :
        List.copyOf(
            chunks
                .subMap(
                    new ChunkId(volumeId, Integer.MIN_VALUE, Integer.MIN_VALUE),
                    true,
                    new ChunkId(volumeId, Integer.MAX_VALUE, Integer.MAX_VALUE),
                    true)
                .values())) {
      trash(chunk, onTrash);
    }
  }

  private void trash(IndexedChunk chunk, Consumer<IndexedChunk> onTrash) {
    chunk.gone = true;
    chunks.remove(chunk.id);
    syncing.remove(chunk.id);
    byKey.remove(probe.set(chunk.volumeId(), chunk.layer(), chunk.index()));
    onGone(chunk);
    trashed.add(chunk.id);
    onTrash.accept(chunk);
  }
}
