package io.cairn.storage.journal;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
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
   * page each, and a run holds all of its pages in memory, 5.3 KiB each. As many are kept from one
   * run to the next.
   */
  private static final int PAGES_MAX = 2048;

  private static final long OP_BYTES = 512 << 10;

  private final Journal journal;
  private final Catalogue catalogue;
  private final CapacityTier tier;
  private final JournalRecord cursor = new JournalRecord();
  private final PageStock stock = new PageStock(PAGES_MAX);
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
   * @param touched pages that changed, which the catalogue has now.
   * @param ops what the tier had to do for it.
   * @param blocks that were moved.
   * @param mergedBlocks that were not, as they were written again meanwhile.
   * @param rottenBlocks those moved that failed their checksum in the journal.
   */
  record Outcome(
      long lsn,
      List<Touched> touched,
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
    private final RunIndex view = new RunIndex(catalogue, stock, pageBytes);
    private final Map<Long, Long> fences = new TreeMap<>();
    private final Map<ChunkId, Long> sizes = new HashMap<>();
    private final List<Touched> touched = new ArrayList<>();
    private final List<Page> touchedPages = new ArrayList<>();
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
            touched.add(new Touched(chunk.id, p));
            touchedPages.add(chunk.pages[p]);
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
    boolean dropSuperseded(LiveIndex live, long durableLsn, int pagesMax) {
      int end = Math.min(touched.size(), looked + pagesMax);
      for (; looked < end; looked++) {
        Touched page = touched.get(looked);
        page.find(live);
        LivePage now = page.chunk() == null ? null : LiveIndex.peek(page.chunk(), page.number());
        if (now != null) {
          touchedPages.get(looked).dropSuperseded(now, toLsn, durableLsn);
        }
      }
      return looked == touched.size();
    }

    /** Nothing of the run's pages is used any more. */
    @Override
    public void close() {
      view.close();
    }
  }

  /** A page that a run changes. */
  static final class Touched {
    private final ChunkId id;
    private final int number;
    private IndexedChunk chunk;

    private Touched(ChunkId id, int number) {
      this.id = id;
      this.number = number;
    }

    /** While the run is under way, there can be no later chunk of the same name yet. */
    private void find(LiveIndex live) {
      chunk = live.find(id.volumeId(), id.layer(), id.index());
    }

    int number() {
      return number;
    }

    /** The chunk in the live index, which may be gone by now; null when it was before. */
    IndexedChunk chunk() {
      return chunk;
    }
  }

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
    RunIndex view = run.view;
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
          checkpoint.putChunk(chunk.stored());
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
    long merged = run.writtenBlocks - blocks;
    return new Outcome(run.toLsn, run.touched, ops, blocks, merged, rottenBlocks);
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
}
