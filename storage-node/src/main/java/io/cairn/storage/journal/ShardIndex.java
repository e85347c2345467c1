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
 * records through {@link #apply} and nothing else, so that the same records mean the same state.
 *
 * <p>Not thread-safe: the live index belongs to the shard's loop, the destager makes one of its own
 * per run.
 */
final class ShardIndex {
  /** Where pages and chunks come from that are not in memory; a live index never needs it. */
  interface Source {
    /** Fills the page with what it was as of the checkpoint. */
    void page(IndexedChunk chunk, int page, Page target);

    /** The chunk as of the checkpoint, or null. */
    IndexedChunk chunk(ChunkId id);

    /** All chunks of a volume as of the checkpoint. */
    List<ChunkId> chunksOf(long volumeId);
  }

  private Source source;
  private final PageStock stock;
  private final TreeMap<ChunkId, IndexedChunk> chunks = new TreeMap<>();
  private final TreeSet<ChunkId> syncing = new TreeSet<>();
  private final Map<Key, IndexedChunk> byKey = new HashMap<>();
  private final Long2LongHashMap fences = new Long2LongHashMap(0);
  private final List<ChunkId> trashed = new ArrayList<>();
  private final Key probe = new Key();
  private int loadedPages;
  private ChunkId hand;

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

  ShardIndex(Source source, PageStock stock) {
    this.source = source;
    this.stock = stock;
  }

  /** From now on nothing may block: pages are loaded before they are asked for. */
  void dropSource() {
    source = null;
  }

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
    if (chunk == null && source != null) {
      ChunkId id = new ChunkId(volumeId, layer, index);
      chunk = trashed.contains(id) ? null : source.chunk(id);
      if (chunk != null) {
        add(chunk);
      }
    }
    return chunk;
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

  int loadedPages() {
    return loadedPages;
  }

  /** Chunks that went to the trash since the index was made. */
  List<ChunkId> trashed() {
    return trashed;
  }

  /** The page, loaded; on a live index the caller has seen to it that it is. */
  Page page(IndexedChunk chunk, int page) {
    Page loaded = chunk.pages[page];
    if (loaded == null) {
      if (!chunk.isStored(page)) {
        loaded = stock.blank();
      } else if (source == null) {
        throw new IllegalStateException("page " + page + " of chunk " + chunk.id + " not loaded");
      } else {
        loaded = stock.any();
        source.page(chunk, page, loaded);
      }
      install(chunk, page, loaded);
    }
    loaded.used = true;
    return loaded;
  }

  /** Where pages come from that are to be installed. */
  PageStock stock() {
    return stock;
  }

  void install(IndexedChunk chunk, int page, Page loaded) {
    chunk.pages[page] = loaded;
    loadedPages++;
  }

  /**
   * Lets go of pages that were not used since the hand last came by and that the catalogue has. The
   * hand comes by each chunk once in a turn: where it came by twice, whoever needs two pages of the
   * only chunk would lose the first one whenever the second has come, for ever.
   *
   * @param chunksMax chunks to look at in this turn.
   */
  void evictSome(int chunksMax, int pagesMax, long tailLsn) {
    int most = Math.min(chunksMax, chunks.size());
    for (int i = 0; i < most && loadedPages > pagesMax; i++) {
      Map.Entry<ChunkId, IndexedChunk> next = hand == null ? null : chunks.higherEntry(hand);
      IndexedChunk chunk = next == null ? chunks.firstEntry().getValue() : next.getValue();
      hand = chunk.id;
      for (int p = 0; p < chunk.pages.length; p++) {
        Page page = chunk.pages[p];
        if (page != null && !page.used && page.lastLsn < tailLsn && chunk.isStored(p)) {
          chunk.pages[p] = null;
          stock.giveBack(page);
          loadedPages--;
        } else if (page != null) {
          page.used = false;
        }
      }
    }
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
      Page page = page(chunk, block / Page.BLOCKS);
      int at = block % Page.BLOCKS;
      if (!chunk.syncing() || MergeRule.writeApplies(page.versions[at], record.argument())) {
        page.put(
            at,
            record.argument(),
            record.blockCrc(i),
            payload + (long) i * Frame.BLOCK_BYTES,
            record.lsn());
      }
    }
    chunk.lastVersion = record.argument();
  }

  private void applyZero(IndexedChunk chunk, JournalRecord record) {
    long place = (record.flags() & JournalRecord.FLAG_ALLOCATE) != 0 ? Page.ALLOCATED : Page.HOLE;
    for (int i = 0; i < record.blockCount(); i++) {
      int block = record.blockOffset() + i;
      Page page = page(chunk, block / Page.BLOCKS);
      int at = block % Page.BLOCKS;
      if (!chunk.syncing() || MergeRule.writeApplies(page.versions[at], record.argument())) {
        page.put(at, record.argument(), Crc32c.ZERO_BLOCK, place, record.lsn());
      }
    }
    chunk.lastVersion = record.argument();
  }

  private void applyFill(IndexedChunk chunk, JournalRecord record) {
    long payload = record.payloadLsn();
    for (int i = 0; i < record.blockCount(); i++) {
      int block = record.blockOffset() + i;
      Page page = page(chunk, block / Page.BLOCKS);
      int at = block % Page.BLOCKS;
      if (MergeRule.replaces(page.versions[at], record.blockVersion(i), record.argument())) {
        // What was a hole at the source stays one here.
        long place = record.blockIsZero(i) ? Page.HOLE : payload + (long) i * Frame.BLOCK_BYTES;
        page.put(at, record.blockVersion(i), record.blockCrc(i), place, record.lsn());
      }
    }
  }

  /** Whoever appended it asked the merge rule: the same records before it make the same answer. */
  private void applyUnreadable(IndexedChunk chunk, JournalRecord record) {
    for (int i = 0; i < record.blockCount(); i++) {
      int block = record.blockOffset() + i;
      page(chunk, block / Page.BLOCKS)
          .put(
              block % Page.BLOCKS, record.argument(), Page.UNREADABLE_CRC, Page.HOLE, record.lsn());
    }
  }

  /** The volume's id is never used again: a fence that nobody can pass keeps it dead. */
  private void trash(long volumeId, Consumer<IndexedChunk> onTrash) {
    raiseFence(volumeId, Version.GENERATION_MAX);
    if (source != null) {
      source.chunksOf(volumeId).forEach(id -> find(id.volumeId(), id.layer(), id.index()));
    }
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
    for (Page page : chunk.pages) {
      loadedPages -= page == null ? 0 : 1;
    }
    trashed.add(chunk.id);
    onTrash.accept(chunk);
  }
}
