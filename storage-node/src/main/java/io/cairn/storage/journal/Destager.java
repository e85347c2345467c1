package io.cairn.storage.journal;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.agrona.MutableDirectBuffer;

/**
 * Moves the oldest part of a journal into the capacity tier: data, sync, one batch of the
 * catalogue. It applies the part's records to the state of the last checkpoint, exactly as the live
 * path did, so the catalogue always is the state at one position of the log; blocks that were
 * written several times within the part are moved once.
 *
 * <p>Runs off the shard's loop, one run at a time; it reads segments that nobody writes, as they
 * are freed only when the run has ended. A run that fails has changed nothing that counts: it may
 * be repeated from the start.
 */
final class Destager {
  /**
   * Pages after which a run ends with the segment that it is in: blocks written at random touch a
   * page each, and a run holds all of its pages in memory.
   */
  private static final int PAGES_MAX = 4096;

  /** Pages that are kept from one run to the next: 5.3 KiB each. */
  private static final int PAGES_KEPT_MAX = 2048;

  private final Journal journal;
  private final Catalogue catalogue;
  private final CapacityTier tier;
  private final JournalRecord cursor = new JournalRecord();
  private final PageStock stock = new PageStock(true, PAGES_KEPT_MAX);
  private final byte[] pageBytes = new byte[Page.STORED_BYTES];

  /** Chunks that a run moved to the trash and did not commit: the next one must not do it again. */
  private final Set<ChunkId> trashed = new HashSet<>();

  /**
   * What a run did.
   *
   * @param lsn the checkpoint; at most what was asked for.
   * @param chunks those that changed, with the pages that the catalogue has of them now.
   * @param rottenBlocks blocks of the journal that failed their checksum.
   */
  record Outcome(long lsn, List<Catalogue.Stored> chunks, long blocks, long rottenBlocks) {}

  Destager(Journal journal, Catalogue catalogue, CapacityTier tier) {
    this.journal = journal;
    this.catalogue = catalogue;
    this.tier = tier;
  }

  /** Moves what lies between the two positions, which are begins of segments, or its beginning. */
  Outcome run(long fromLsn, long mostLsn) throws IOException {
    ShardIndex view = new ShardIndex(new FromCatalogue(), stock);
    try {
      return run(view, fromLsn, mostLsn);
    } finally {
      for (IndexedChunk chunk : view.chunks()) {
        for (Page page : chunk.pages) {
          if (page != null) {
            stock.giveBack(page);
          }
        }
      }
    }
  }

  private Outcome run(ShardIndex view, long fromLsn, long mostLsn) throws IOException {
    Map<Long, Long> fences = new TreeMap<>();
    Map<ChunkId, Long> sizes = new HashMap<>();
    long[] rotten = new long[1];
    Consumer<IndexedChunk> onTrash = chunk -> sizes.put(chunk.id, chunk.sizeBytes());
    Consumer<JournalRecord> visitor =
        record -> {
          view.apply(record, onTrash);
          if (record.kind() == JournalRecord.FENCE || record.kind() == JournalRecord.TRASH) {
            fences.put(record.volumeId(), view.fence(record.volumeId()));
          }
          for (int bad = record.badBlock(0); bad >= 0; bad = record.badBlock(bad + 1)) {
            rotten[0]++;
          }
        };
    long toLsn = fromLsn;
    while (toLsn < mostLsn && view.loadedPages() < PAGES_MAX) {
      long end = Math.min(mostLsn, (toLsn / journal.segmentBytes() + 1) * journal.segmentBytes());
      journal.forEach(toLsn, end, cursor, visitor);
      toLsn = end;
    }
    List<Catalogue.Stored> chunks = new ArrayList<>();
    long blocks = 0;
    try (Catalogue.Checkpoint checkpoint = catalogue.begin()) {
      for (ChunkId id : view.trashed()) {
        checkpoint.delete(id);
      }
      fences.forEach(checkpoint::putFence);
      try (CapacityTier.Writer writer = tier.writer()) {
        for (IndexedChunk chunk : view.chunks()) {
          blocks += move(writer, checkpoint, chunk, fromLsn);
          Catalogue.Stored stored = chunk.stored();
          checkpoint.putChunk(stored);
          chunks.add(stored);
        }
        writer.sync();
      }
      for (ChunkId id : view.trashed()) {
        if (!trashed.contains(id)) {
          tier.trash(id, sizes.getOrDefault(id, 0L));
          trashed.add(id);
        }
      }
      checkpoint.commit(toLsn);
    }
    trashed.clear();
    return new Outcome(toLsn, chunks, blocks, rotten[0]);
  }

  private long move(
      CapacityTier.Writer writer, Catalogue.Checkpoint checkpoint, IndexedChunk chunk, long fromLsn)
      throws IOException {
    long blocks = 0;
    for (int p = 0; p < chunk.pages.length; p++) {
      Page page = chunk.pages[p];
      if (page != null && isChanged(page)) {
        blocks += move(writer, chunk.id, p, page, fromLsn);
        chunk.setStored(p);
        page.encode(pageBytes);
        checkpoint.putPage(chunk.id, p, pageBytes);
      }
    }
    return blocks;
  }

  private static boolean isChanged(Page page) {
    for (boolean changed : page.changed) {
      if (changed) {
        return true;
      }
    }
    return false;
  }

  private long move(CapacityTier.Writer writer, ChunkId id, int pageIndex, Page page, long fromLsn)
      throws IOException {
    int first = pageIndex * Page.BLOCKS;
    long moved = 0;
    int i = 0;
    while (i < Page.BLOCKS) {
      if (!page.changed[i]) {
        i++;
        continue;
      }
      int end = i + 1;
      while (end < Page.BLOCKS
          && page.changed[end]
          && follows(page.places[end - 1], page.places[end])) {
        end++;
      }
      long place = page.places[i];
      if (place > 0) {
        if (place < fromLsn) {
          throw new IllegalStateException("block " + (first + i) + " of " + id + " at " + place);
        }
        MutableDirectBuffer segment = journal.segment(place);
        writer.write(id, first + i, end - i, segment, journal.offset(place));
        Arrays.fill(page.places, i, end, Page.TIER);
      } else {
        writer.zero(id, first + i, end - i, place == Page.ALLOCATED);
      }
      moved += end - i;
      i = end;
    }
    return moved;
  }

  private static boolean follows(long place, long next) {
    return place > 0 ? next == place + Frame.BLOCK_BYTES : next == place;
  }

  /** The state of the last checkpoint. */
  private final class FromCatalogue implements ShardIndex.Source {
    @Override
    public void page(IndexedChunk chunk, int page, Page target) {
      PageStock.read(target, catalogue, chunk.id, page, pageBytes);
    }

    @Override
    public IndexedChunk chunk(ChunkId id) {
      try {
        Catalogue.Stored stored = catalogue.chunk(id);
        return stored == null ? null : IndexedChunk.of(stored);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public List<ChunkId> chunksOf(long volumeId) {
      try {
        return catalogue.chunks().stream()
            .map(Catalogue.Stored::chunk)
            .filter(id -> id.volumeId() == volumeId)
            .toList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
