package io.cairn.storage.cache;

import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One shard's read cache. On the shard's loop, but for {@link #read} and {@link #close}; what it
 * writes is written elsewhere, in batches.
 *
 * <p>Nothing here is trusted: a slot is found by name <em>and</em> version, and who reads it
 * compares its bytes with the checksum that the shard's index has for that version. So entries and
 * slots may be lost, torn, or belong to different moments after a kill or a loss of power: what is
 * wrong is a miss. For the same reason nothing is ever synced.
 *
 * <pre>
 * OPEN --another size is asked for, nothing is being written--> RESIZING --done--> OPEN
 * OPEN, RESIZING --a write fails--> FAILED   nothing is found or taken in any more
 * </pre>
 *
 * <p>While it is resized it has nothing, and takes nothing in: a new index is made of the old one
 * meanwhile, not on the loop.
 */
public final class ReadCache {
  private static final Logger LOG = LoggerFactory.getLogger(ReadCache.class);
  private static final int BATCH_BLOCKS = 64;

  /** Blocks that are worth a write. */
  private static final int BATCH_ENOUGH = 16;

  private static final long DELAY_NANOS = 20_000_000L;

  /** Blocks taken in after which the entries are written, page by page. */
  private static final int ENTRIES_EVERY = 1024;

  private static final int ENTRY_PAGES_AT_ONCE = 16;

  private final CacheDevice device;
  private final CacheLoop loop;
  private CacheIndex index;
  private final VolumeShares shares;
  private final CacheCounters counters = new CacheCounters();
  private final Crc32c crc = new Crc32c();
  private final BitSet dirtyPages = new BitSet();
  private final UnsafeBuffer entries =
      new UnsafeBuffer(ByteBuffer.allocateDirect(ENTRY_PAGES_AT_ONCE * CacheEntries.PAGE_BYTES));
  private final int[] entryPages = new int[ENTRY_PAGES_AT_ONCE];
  private final Runnable writeEntries = this::writeEntries;
  private final Runnable entriesWritten = this::entriesWritten;
  private final Runnable afterDelay = this::afterDelay;
  private Batch filling = new Batch();
  private Batch resting = new Batch();
  private int entryPageCount;
  private int undescribed;
  private boolean writing;
  private boolean armed;
  private volatile IOException failure;
  private boolean failed;
  private int wantedSlots;
  private boolean resizing;
  private String resizeProblem;

  /** Told when nothing is under way, or null while it may go on. */
  private Runnable whenStopped;

  private ReadCache(CacheDevice device, CacheLoop loop, VolumeShares shares) {
    this.device = device;
    this.loop = loop;
    this.shares = shares;
    index = new CacheIndex(device.slots(), shares);
    wantedSlots = device.slots();
  }

  /**
   * What the device has from before, as far as its entries are whole; blocks.
   *
   * @param shares of the volumes that use it.
   */
  public static ReadCache open(CacheDevice device, CacheLoop loop, VolumeShares shares)
      throws IOException {
    ReadCache cache = new ReadCache(device, loop, shares);
    UnsafeBuffer page = new UnsafeBuffer(ByteBuffer.allocateDirect(CacheEntries.PAGE_BYTES));
    for (int p = 0; p < CacheEntries.pages(device.slots()); p++) {
      device.readEntries(p, page, 0);
      CacheEntries.decode(page, 0, p, cache.index, cache.crc);
    }
    return cache;
  }

  /** What the cache has done. */
  public CacheCounters counters() {
    return counters;
  }

  /** Blocks that are in it. */
  public int filledBlocks() {
    return index.filled();
  }

  /** Blocks that there is place for. */
  public int slots() {
    return index.slots();
  }

  /** The slot that has that version of a volume's block, or {@link CacheIndex#NONE}. */
  public int find(long volumeId, long key, long version) {
    return failed || resizing ? CacheIndex.NONE : index.find(shares.of(volumeId), key, version);
  }

  /** Reads a slot if that takes no waiting; on the loop. */
  public boolean readCached(int slot, MutableDirectBuffer target, int offset) {
    return device.readCached(slot, target, offset);
  }

  /** Reads a slot; off the loop. Its bytes may be another block's by now. */
  public void read(int slot, MutableDirectBuffer target, int offset) throws IOException {
    device.read(slot, target, offset);
  }

  /** So many blocks of a volume were served from the cache, or had to come from the tier. */
  public void count(long volumeId, int hitBlocks, int missedBlocks) {
    counters.hitBlocks += hitBlocks;
    counters.missedBlocks += missedBlocks;
    shares.count(shares.of(volumeId), hitBlocks, missedBlocks);
  }

  /** A slot has not what it should have. */
  public void bad(long key, int slot) {
    counters.badBlocks++;
    if (!resizing) {
      index.drop(key, slot);
    }
  }

  /** A block came from the tier: it is taken in if it comes again. Its bytes are copied. */
  public void offer(long volumeId, long key, long version, DirectBuffer source, int offset) {
    if (failed || resizing || !index.wants(shares.of(volumeId), key)) {
      return;
    }
    if (filling.count == BATCH_BLOCKS) {
      counters.lostBlocks++;
      return;
    }
    if (!filling.has(key) && !(writing && resting.has(key))) {
      filling.add(volumeId, key, version, source, offset);
      if (filling.count >= BATCH_ENOUGH) {
        writeBatch();
      } else if (!armed) {
        armed = true;
        loop.later(DELAY_NANOS, afterDelay);
      }
    }
  }

  private void afterDelay() {
    armed = false;
    writeBatch();
  }

  private void writeBatch() {
    if (writing || failed || whenStopped != null) {
      return;
    }
    if (isToBeResized()) {
      beginResize();
    } else if (undescribed >= ENTRIES_EVERY && !dirtyPages.isEmpty()) {
      describe();
    } else if (filling.count > 0) {
      Batch batch = filling;
      filling = resting;
      resting = batch;
      batch.claim();
      writing = true;
      loop.offLoop(batch.write);
    }
  }

  /** Blocks that are on their way into the cache. */
  private final class Batch {
    private final UnsafeBuffer bytes =
        new UnsafeBuffer(ByteBuffer.allocateDirect(BATCH_BLOCKS * Frame.BLOCK_BYTES));
    private final long[] volumes = new long[BATCH_BLOCKS];
    private final long[] keys = new long[BATCH_BLOCKS];
    private final long[] versions = new long[BATCH_BLOCKS];
    private final int[] slots = new int[BATCH_BLOCKS];
    private final Runnable write = this::write;
    private final Runnable written = this::written;
    private int count;

    boolean has(long key) {
      for (int i = 0; i < count; i++) {
        if (keys[i] == key) {
          return true;
        }
      }
      return false;
    }

    void add(long volumeId, long key, long version, DirectBuffer source, int offset) {
      volumes[count] = volumeId;
      keys[count] = key;
      versions[count] = version;
      bytes.putBytes(count * Frame.BLOCK_BYTES, source, offset, Frame.BLOCK_BYTES);
      count++;
    }

    void claim() {
      for (int i = 0; i < count; i++) {
        slots[i] = index.claim(shares.of(volumes[i]));
        counters.lostBlocks += slots[i] == CacheIndex.NONE ? 1 : 0;
      }
    }

    /** Off the loop. */
    private void write() {
      try {
        int i = 0;
        while (i < count) {
          if (slots[i] == CacheIndex.NONE) {
            i++;
            continue;
          }
          int end = i + 1;
          while (end < count && slots[end] == slots[end - 1] + 1) {
            end++;
          }
          device.write(slots[i], end - i, bytes, i * Frame.BLOCK_BYTES);
          i = end;
        }
      } catch (IOException e) {
        failure = e;
      }
      loop.onLoop(written);
    }

    private void written() {
      writing = false;
      if (failure != null) {
        fail();
        return;
      }
      int filled = 0;
      for (int i = 0; i < count; i++) {
        if (slots[i] != CacheIndex.NONE) {
          index.fill(slots[i], keys[i], versions[i]);
          dirtyPages.set(slots[i] / CacheEntries.PER_PAGE);
          filled++;
        }
      }
      counters.writtenBlocks += filled;
      counters.writtenBytes += (long) filled * Frame.BLOCK_BYTES;
      undescribed += filled;
      count = 0;
      if (whenStopped != null) {
        whenStopped.run();
      } else if (filling.count >= BATCH_ENOUGH || undescribed >= ENTRIES_EVERY || isToBeResized()) {
        writeBatch();
      } else if (filling.count > 0 && !armed) {
        armed = true;
        loop.later(DELAY_NANOS, afterDelay);
      }
    }
  }

  private boolean isToBeResized() {
    return wantedSlots != index.slots() && resizeProblem == null;
  }

  /**
   * Has place for so many blocks from now on, and keeps of those that it has what fits; on the
   * loop. A size that could not be had is tried again when it is asked for again.
   *
   * @param slots at least 1.
   */
  public void resize(int slots) {
    if (slots == index.slots() && slots == wantedSlots) {
      return;
    }
    wantedSlots = slots;
    resizeProblem = null;
    writeBatch();
  }

  /** Why it has not the size that was asked for, and will not; null if it has, or soon will. */
  public String resizeProblem() {
    return resizeProblem;
  }

  private void beginResize() {
    writing = true;
    resizing = true;
    int slots = wantedSlots;
    loop.offLoop(
        () -> {
          try {
            device.resize(slots);
            CacheIndex made = index.resized(slots);
            loop.onLoop(() -> resized(made, null));
          } catch (IOException | RuntimeException e) {
            loop.onLoop(() -> resized(index, e));
          }
        });
  }

  private void resized(CacheIndex made, Exception problem) {
    writing = false;
    resizing = false;
    if (problem != null) {
      resizeProblem =
          "the read cache has %d slots, not the %d that it is to have: %s"
              .formatted(index.slots(), wantedSlots, problem.getMessage());
    } else {
      made.takeOver();
      index = made;
      int pages = CacheEntries.pages(made.slots());
      if (dirtyPages.length() > pages) {
        dirtyPages.clear(pages, dirtyPages.length());
      }
      // It may say what was in slots that are there no more, or anew.
      dirtyPages.set(pages - 1);
    }
    ended();
  }

  private void describe() {
    takeDirtyPages();
    writing = true;
    loop.offLoop(writeEntries);
  }

  private void takeDirtyPages() {
    entryPageCount = 0;
    for (int page = dirtyPages.nextSetBit(0);
        page >= 0 && entryPageCount < ENTRY_PAGES_AT_ONCE;
        page = dirtyPages.nextSetBit(page + 1)) {
      CacheEntries.encode(index, page, entries, entryPageCount * CacheEntries.PAGE_BYTES, crc);
      entryPages[entryPageCount++] = page;
      dirtyPages.clear(page);
    }
  }

  /** Off the loop. */
  private void writeEntries() {
    try {
      for (int i = 0; i < entryPageCount; i++) {
        device.writeEntries(entryPages[i], entries, i * CacheEntries.PAGE_BYTES);
      }
    } catch (IOException e) {
      failure = e;
    }
    loop.onLoop(entriesWritten);
  }

  private void entriesWritten() {
    writing = false;
    if (failure != null) {
      fail();
      return;
    }
    counters.writtenBytes += (long) entryPageCount * CacheEntries.PAGE_BYTES;
    if (dirtyPages.isEmpty()) {
      undescribed = 0;
    }
    ended();
  }

  /** The cache is of no use any more; everything is where it was without it. */
  private void fail() {
    failed = true;
    index.clear();
    LOG.warn("the read cache is given up: {}", failure.toString());
    if (whenStopped != null) {
      whenStopped.run();
    }
  }

  /** Whether another thread works for it. */
  public boolean isUnderWay() {
    return writing;
  }

  /** Begins nothing any more. What is under way ends, and then it is told; on the loop. */
  public void stop(Runnable whenIdle) {
    whenStopped = whenIdle;
  }

  /** What was under way has ended. */
  private void ended() {
    if (whenStopped != null) {
      whenStopped.run();
    } else {
      writeBatch();
    }
  }

  /** Says on the device what is in the cache, and closes it; blocks, and is the last call. */
  public void close() {
    try (device) {
      while (!failed && !dirtyPages.isEmpty()) {
        takeDirtyPages();
        for (int i = 0; i < entryPageCount; i++) {
          device.writeEntries(entryPages[i], entries, i * CacheEntries.PAGE_BYTES);
        }
      }
    } catch (IOException e) {
      LOG.warn("the read cache will be cold: {}", e.toString());
    }
  }
}
