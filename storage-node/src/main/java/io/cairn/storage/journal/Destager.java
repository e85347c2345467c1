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
 * written several times within the part are moved once, those that were written again behind it not
 * at all.
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

  private static final long OP_BYTES = 512 << 10;

  private final Journal journal;
  private final Catalogue catalogue;
  private final CapacityTier tier;
  private final JournalRecord cursor = new JournalRecord();
  private final PageStock stock = new PageStock(true, PAGES_KEPT_MAX);
  private final byte[] pageBytes = new byte[Page.STORED_BYTES];

  /** Chunks that a run moved to the trash and did not commit: the next one must not do it again. */
  private final Set<ChunkId> trashed = new HashSet<>();

  private volatile long progressBytes;
  private long movedBlocks;
  private long rottenBlocks;
  private double bytesPerBlock;

  /**
   * What a run did.
   *
   * @param lsn the checkpoint; at most what was asked for.
   * @param chunks those that changed, with the pages that the catalogue has of them now.
   * @param ops what the tier had to do for it.
   * @param blocks that were moved.
   * @param mergedBlocks that were not, as they were written again meanwhile.
   * @param rottenBlocks those moved that failed their checksum in the journal.
   */
  record Outcome(
      long lsn,
      List<Catalogue.Stored> chunks,
      long ops,
      long blocks,
      long mergedBlocks,
      long rottenBlocks) {}

  Destager(Journal journal, Catalogue catalogue, CapacityTier tier) {
    this.journal = journal;
    this.catalogue = catalogue;
    this.tier = tier;
  }

  /**
   * A run between its two halves: what its part of the journal adds up to, and nothing moved yet.
   * Between the halves the shard's loop takes out what need not be moved.
   */
  final class Run implements AutoCloseable {
    private final ShardIndex view = new ShardIndex(new FromCatalogue(), stock);
    private final Map<Long, Long> fences = new TreeMap<>();
    private final Map<ChunkId, Long> sizes = new HashMap<>();
    private final List<Touched> touched = new ArrayList<>();
    private final long fromLsn;
    private long toLsn;
    private long writtenBlocks;
    private long changedBlocks;
    private int looked;

    private Run(long fromLsn) {
      this.fromLsn = fromLsn;
      this.toLsn = fromLsn;
    }

    /** Where the part ends: its records are those before. */
    long toLsn() {
      return toLsn;
    }

    private void replay(long mostLsn, long opsMax) {
      Consumer<IndexedChunk> onTrash = chunk -> sizes.put(chunk.id, chunk.sizeBytes());
      Consumer<JournalRecord> visitor = record -> replay(record, onTrash);
      do {
        long end = Math.min(mostLsn, (toLsn / journal.segmentBytes() + 1) * journal.segmentBytes());
        journal.forEach(toLsn, end, cursor, visitor);
        toLsn = end;
      } while (toLsn < mostLsn && view.loadedPages() < PAGES_MAX && ops() < opsMax);
      for (IndexedChunk chunk : view.chunks()) {
        for (int p = 0; p < chunk.pages.length; p++) {
          int changed = chunk.pages[p] == null ? 0 : chunk.pages[p].changedBlocks();
          if (changed > 0) {
            touched.add(new Touched(chunk.id, p, chunk.pages[p]));
            changedBlocks += changed;
          }
        }
      }
    }

    /**
     * What the tier has to do, in requests: one for each stretch of neighbours, and one more for
     * each {@value #OP_BYTES} bytes, which take a disk as long as a seek. On the thread that has
     * the run.
     */
    long ops() {
      long stretches = 0;
      long blocks = 0;
      for (IndexedChunk chunk : view.chunks()) {
        for (Page page : chunk.pages) {
          if (page != null) {
            stretches += page.changedStretches();
            blocks += page.changedBlocks();
          }
        }
      }
      return stretches + blocks * Frame.BLOCK_BYTES / OP_BYTES;
    }

    private void replay(JournalRecord record, Consumer<IndexedChunk> onTrash) {
      view.apply(record, onTrash);
      switch (record.kind()) {
        case JournalRecord.FENCE, JournalRecord.TRASH ->
            fences.put(record.volumeId(), view.fence(record.volumeId()));
        case JournalRecord.WRITE,
            JournalRecord.FILL,
            JournalRecord.ZERO,
            JournalRecord.UNREADABLE ->
            writtenBlocks += record.blockCount();
        default -> {}
      }
    }

    /**
     * Takes out blocks that were written again behind the part, durably: whoever recovers from this
     * run's checkpoint comes to that record too, so their older bytes are never looked at. Should
     * rot keep it from coming there, the block fails its checksum. On the shard's loop, page by
     * page.
     *
     * @param pagesMax pages to look at in this turn.
     * @return whether all have been looked at.
     */
    boolean dropSuperseded(ShardIndex live, long durableLsn, int pagesMax) {
      int end = Math.min(touched.size(), looked + pagesMax);
      for (; looked < end; looked++) {
        Touched page = touched.get(looked);
        ChunkId id = page.chunk();
        IndexedChunk chunk = live.find(id.volumeId(), id.layer(), id.index());
        Page now = chunk == null ? null : chunk.pages[page.number()];
        if (now != null) {
          page.page().dropSuperseded(now, toLsn, durableLsn);
        }
      }
      return looked == touched.size();
    }

    /** Nothing of the run's pages is used any more. */
    @Override
    public void close() {
      for (IndexedChunk chunk : view.chunks()) {
        for (Page page : chunk.pages) {
          if (page != null) {
            stock.giveBack(page);
          }
        }
      }
    }
  }

  private record Touched(ChunkId chunk, int number, Page page) {}

  /**
   * Reads what lies between the two positions, which are begins of segments, or its beginning. The
   * first half of a run: {@link #move} is the second.
   *
   * @param opsMax {@link Run#ops} after which it ends with the segment that it is in.
   */
  Run prepare(long fromLsn, long mostLsn, long opsMax) {
    Run run = new Run(fromLsn);
    try {
      run.replay(mostLsn, opsMax);
      return run;
    } catch (RuntimeException | Error e) {
      run.close();
      throw e;
    }
  }

  /** How much of its part of the log a run has moved, in bytes; any thread. */
  long progressBytes() {
    return progressBytes;
  }

  /** Another run begins, of which nothing is moved yet; while none is under way. */
  void forgetProgress() {
    progressBytes = 0;
  }

  /** Moves a part, and commits its checkpoint. */
  Outcome move(Run run) throws IOException {
    try (run) {
      return moveAndCommit(run);
    }
  }

  private Outcome moveAndCommit(Run run) throws IOException {
    ShardIndex view = run.view;
    List<Catalogue.Stored> chunks = new ArrayList<>();
    long blocks = 0;
    movedBlocks = 0;
    rottenBlocks = 0;
    final long ops = run.ops();
    bytesPerBlock = (double) (run.toLsn - run.fromLsn) / Math.max(1, run.changedBlocks);
    try (Catalogue.Checkpoint checkpoint = catalogue.begin()) {
      for (ChunkId id : view.trashed()) {
        checkpoint.delete(id);
      }
      run.fences.forEach(checkpoint::putFence);
      try (CapacityTier.Writer writer = tier.writer()) {
        if (journal.isInMemory()) {
          writer.sourcesStay();
        }
        for (IndexedChunk chunk : view.chunks()) {
          blocks += move(writer, checkpoint, chunk, run.fromLsn);
          Catalogue.Stored stored = chunk.stored();
          checkpoint.putChunk(stored);
          chunks.add(stored);
        }
        writer.sync();
      }
      for (ChunkId id : view.trashed()) {
        if (!trashed.contains(id)) {
          tier.trash(id, run.sizes.getOrDefault(id, 0L));
          trashed.add(id);
        }
      }
      checkpoint.commit(run.toLsn);
    }
    trashed.clear();
    return new Outcome(run.toLsn, chunks, ops, blocks, run.writtenBlocks - blocks, rottenBlocks);
  }

  private long move(
      CapacityTier.Writer writer, Catalogue.Checkpoint checkpoint, IndexedChunk chunk, long fromLsn)
      throws IOException {
    long blocks = 0;
    for (int p = 0; p < chunk.pages.length; p++) {
      Page page = chunk.pages[p];
      if (page != null && page.changedBlocks() > 0) {
        blocks += move(writer, chunk.id, p, page, fromLsn);
        chunk.setStored(p);
        page.encode(pageBytes);
        checkpoint.putPage(chunk.id, p, pageBytes);
      }
    }
    return blocks;
  }

  private long move(CapacityTier.Writer writer, ChunkId id, int pageIndex, Page page, long fromLsn)
      throws IOException {
    int first = pageIndex * Page.BLOCKS;
    long moved = 0;
    int i = 0;
    while (i < Page.BLOCKS) {
      if (!page.changed[i] || page.places[i] == Page.TIER) {
        movedBlocks += page.changed[i] ? 1 : 0;
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
        rottenBlocks +=
            writer.write(id, first + i, end - i, segment, journal.offset(place), page.crcs, i);
        Arrays.fill(page.places, i, end, Page.TIER);
      } else {
        writer.zero(id, first + i, end - i, place == Page.ALLOCATED);
      }
      moved += end - i;
      movedBlocks += end - i;
      progressBytes = (long) (movedBlocks * bytesPerBlock);
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
