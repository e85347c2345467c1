package io.cairn.storage.journal;

import io.cairn.storage.wire.Crc32c;
import java.util.Arrays;

/**
 * What is known now of {@value Page#BLOCKS} consecutive blocks of a chunk: the page of some
 * checkpoint, where that is in memory, and over it what changed since the checkpoint of the tail.
 * So a write needs no memory but its own, and the page below may be let go of at any time.
 *
 * <p>A block's change is an entry of {@link Changes}, in the order of the blocks; a bit says
 * whether a block has one. Zeroes over the whole page are no entries but the floor below them.
 *
 * <p>Not thread-safe.
 */
final class LivePage {
  private static final int WORDS = Page.BLOCKS / Long.SIZE;

  /** What one without changes takes of the heap: its base, and some objects' fields and headers. */
  static final int HEAP_BYTES = CheckpointPage.BYTES + 200;

  /** Reads as nothing but holes; nobody puts anything into it. */
  static final LivePage BLANK = new LivePage();

  /** Changed blocks, ascending; of a capacity that is a power of two, and used again. */
  static final class Changes {
    final long[] versions;
    final int[] crcs;

    /**
     * Position of the block's payload in the journal; of a block without payload the negative of
     * four times the record's position, plus what stands for its place.
     */
    final long[] wheres;

    Changes(int capacity) {
      versions = new long[capacity];
      crcs = new int[capacity];
      wheres = new long[capacity];
    }

    int capacity() {
      return crcs.length;
    }

    void copy(Changes from, int at, int to, int count) {
      System.arraycopy(from.versions, at, versions, to, count);
      System.arraycopy(from.crcs, at, crcs, to, count);
      System.arraycopy(from.wheres, at, wheres, to, count);
    }

    void set(int slot, long version, int crc, long where) {
      versions[slot] = version;
      crcs[slot] = crc;
      wheres[slot] = where;
    }
  }

  /** Or null: then blocks that did not change are holes, or the catalogue has them. */
  CheckpointPage base;

  /** Whether the catalogue has the page: what did not change is there, not a hole. */
  boolean isStored;

  /** Cleared by the eviction hand, set by each use. */
  boolean used;

  /** Whether another thread reads the base: what changed meanwhile must stay a change. */
  boolean isLoading;

  private final long[] changed = new long[WORDS];
  private Changes changes;
  private int count;

  /** As of {@link Changes#wheres}; 0 for no floor. */
  private long floorWhere;

  private long floorVersion;

  private static long where(long place, long lsn) {
    return place > 0 ? place : -(lsn << 2) + place - 1;
  }

  /** HOLE or ALLOCATED, or the position of the payload. */
  private static long placeOf(long where) {
    return where > 0 ? where : -(-where & 3) + 1;
  }

  /** A position within the record that the change comes from. */
  private static long lsnOf(long where) {
    return where > 0 ? where : -where >> 2;
  }

  private boolean isChanged(int i) {
    return (changed[i >> 6] & 1L << i) != 0;
  }

  /** Changed blocks before this one. */
  private int slot(int i) {
    int slot = Long.bitCount(changed[i >> 6] & (1L << i) - 1);
    for (int word = 0; word < i >> 6; word++) {
      slot += Long.bitCount(changed[word]);
    }
    return slot;
  }

  long version(int i) {
    if (isChanged(i)) {
      return changes.versions[slot(i)];
    }
    return floorWhere != 0 ? floorVersion : hasBase() ? base.version(i) : 0;
  }

  int crc(int i) {
    if (isChanged(i)) {
      return changes.crcs[slot(i)];
    }
    return floorWhere == 0 && hasBase() ? base.crc(i) : Crc32c.ZERO_BLOCK;
  }

  /** As {@link Page#places}; a position before the journal's tail is in the tier. */
  long place(int i) {
    if (isChanged(i)) {
      return placeOf(changes.wheres[slot(i)]);
    }
    if (floorWhere != 0) {
      return placeOf(floorWhere);
    }
    return hasBase() ? base.place(i) : Page.HOLE;
  }

  private boolean hasBase() {
    if (base == null && isStored) {
      throw new IllegalStateException("a block is asked for that is not loaded");
    }
    return base != null;
  }

  /** Whether these blocks are known without the page of the checkpoint. */
  boolean covers(int from, int to) {
    if (base != null || floorWhere != 0 || !isStored) {
      return true;
    }
    for (int i = from; i < to; i++) {
      if (!isChanged(i)) {
        return false;
      }
    }
    return true;
  }

  /** Whether nothing changed since the tail's checkpoint. */
  boolean isClean() {
    return count == 0 && floorWhere == 0;
  }

  /**
   * A block changed.
   *
   * @param place HOLE, ALLOCATED, or the position of the payload.
   * @param lsn position of the record.
   */
  void put(int i, long version, int crc, long place, long lsn, ChangesStock stock) {
    int slot = slot(i);
    if (!isChanged(i)) {
      insert(slot, stock);
      changed[i >> 6] |= 1L << i;
    }
    changes.set(slot, version, crc, where(place, lsn));
  }

  private void insert(int slot, ChangesStock stock) {
    Changes now = changes;
    if (now == null || count == now.capacity()) {
      now = stock.get(count + 1);
      if (changes != null) {
        now.copy(changes, 0, 0, slot);
      }
    }
    if (count > slot) {
      now.copy(changes, slot, slot + 1, count - slot);
    }
    if (now != changes && changes != null) {
      stock.giveBack(changes);
    }
    changes = now;
    count++;
  }

  /** All blocks became zeroes. */
  void putFloor(long version, long place, long lsn, ChangesStock stock) {
    dropChanges(stock);
    floorVersion = version;
    floorWhere = where(place, lsn);
  }

  private void dropChanges(ChangesStock stock) {
    if (changes != null) {
      stock.giveBack(changes);
      changes = null;
    }
    count = 0;
    Arrays.fill(changed, 0);
  }

  /**
   * What is before the tail is in the catalogue, and no change any more; where the base is in
   * memory, it takes it.
   */
  void settle(long tailLsn, ChangesStock stock) {
    if (floorWhere != 0 && lsnOf(floorWhere) < tailLsn) {
      for (int i = 0; base != null && i < Page.BLOCKS; i++) {
        if (!isChanged(i)) {
          base.put(i, floorVersion, Crc32c.ZERO_BLOCK, placeOf(floorWhere));
        }
      }
      floorWhere = 0;
    }
    int from = 0;
    int kept = 0;
    for (int word = 0; word < WORDS; word++) {
      for (long bits = changed[word]; bits != 0; bits &= bits - 1) {
        long where = changes.wheres[from];
        if (lsnOf(where) >= tailLsn) {
          if (kept != from) {
            changes.set(kept, changes.versions[from], changes.crcs[from], where);
          }
          kept++;
        } else {
          int i = (word << 6) + Long.numberOfTrailingZeros(bits);
          changed[word] &= ~(1L << i);
          if (base != null) {
            long place = where > 0 ? Page.TIER : placeOf(where);
            base.put(i, changes.versions[from], changes.crcs[from], place);
          }
        }
        from++;
      }
    }
    count = kept;
    shrink(stock);
  }

  private void shrink(ChangesStock stock) {
    if (count == 0) {
      dropChanges(stock);
    } else if (stock.isTooLarge(changes, count)) {
      Changes smaller = stock.get(count);
      smaller.copy(changes, 0, 0, count);
      stock.giveBack(changes);
      changes = smaller;
    }
  }

  /** As a page of which nothing is known. */
  void clear(ChangesStock stock) {
    dropChanges(stock);
    base = null;
    isStored = false;
    used = false;
    isLoading = false;
    floorWhere = 0;
  }
}
