package io.cairn.storage.cache;

import java.util.Arrays;

/**
 * Which block is in which slot, and which one has to go. Pure, and without an object per block: 19
 * bytes per slot, 6 to 12 for the table that finds them and 4 to 8 for the ghosts, so 29 to 39
 * bytes per cached block.
 *
 * <p>The policy is that of S3-FIFO's main queue with its ghost queue in front, on slots that stay
 * where they are: a block is taken in when it is read a second time while its ghost is remembered,
 * so a scan takes nothing in and writes nothing; a hand goes round the slots, takes a use from each
 * block that was used since it last came by, and evicts the first that has none left and that is
 * not kept for its volume ({@link VolumeShares}). The new block is written where the old one was:
 * neighbours in time are neighbours on the device.
 *
 * <p>Single-threaded.
 */
public final class CacheIndex {
  /** No slot. */
  public static final int NONE = -1;

  private static final int USES_MAX = 3;

  /** Slots that the hand passes at most for one eviction: the loop must not wait for more. */
  private static final int PASSED_MAX = 512;

  private static final int WAYS = 4;

  private final long[] keys;
  private final long[] versions;

  /** Uses since the hand came by; {@link #FILLING} while the slot is being written. */
  private final byte[] uses;

  private static final byte FILLING = -1;

  /** Number of the volume whose block it is. */
  private final char[] owners;

  private final VolumeShares shares;

  /** Slot plus 1 of each key, open addressing with linear probing. */
  private final int[] table;

  private final int tableMask;
  private final int[] ghosts;
  private final int ghostMask;
  private int hand;

  /** Slots that were claimed in this turn, which ends when they are as many as there are. */
  private int claims;

  private int filled;

  private static final int[] NONE_DROPPED = {};

  /** Slots that were not taken over from a larger index, by their volume's number. */
  private int[] dropped = NONE_DROPPED;

  /**
   * An empty index.
   *
   * @param shares of the volumes; told whose slots are whose.
   */
  public CacheIndex(int slots, VolumeShares shares) {
    this.shares = shares;
    shares.divide(slots);
    owners = new char[slots];
    keys = new long[slots];
    versions = new long[slots];
    uses = new byte[slots];
    table = new int[powerOfTwo(slots + slots / 2 + WAYS)];
    tableMask = table.length - 1;
    ghosts = new int[powerOfTwo(Math.max(WAYS, slots))];
    ghostMask = ghosts.length - 1;
  }

  /** The blocks of another index that have a place in one of so many slots; no ghosts. */
  private CacheIndex(CacheIndex from, int slots) {
    shares = from.shares;
    owners = Arrays.copyOf(from.owners, slots);
    keys = Arrays.copyOf(from.keys, slots);
    versions = Arrays.copyOf(from.versions, slots);
    uses = Arrays.copyOf(from.uses, slots);
    table = new int[powerOfTwo(slots + slots / 2 + WAYS)];
    tableMask = table.length - 1;
    ghosts = new int[powerOfTwo(Math.max(WAYS, slots))];
    ghostMask = ghosts.length - 1;
    dropped = new int[slots < from.slots() ? Character.MAX_VALUE + 1 : 0];
    for (int slot = slots; slot < from.slots(); slot++) {
      dropped[from.owners[slot]]++;
    }
    // New slots are the next ones that are taken.
    hand = slots > from.slots() ? from.slots() : from.hand % slots;
    for (int slot = 0; slot < slots; slot++) {
      if (keys[slot] != 0) {
        enter(slot);
      }
    }
  }

  /**
   * An index of another size with the blocks of this one, but for those in slots that it has not;
   * while none is being written. Takes its time, so on any thread, on which nobody uses this one;
   * the volumes' shares are told by {@link #takeOver}.
   */
  CacheIndex resized(int slots) {
    return new CacheIndex(this, slots);
  }

  /** Takes the place of the index that it was made of; on the loop. */
  void takeOver() {
    shares.divide(keys.length);
    for (int number = 1; number < dropped.length; number++) {
      if (dropped[number] > 0) {
        shares.gave(number, dropped[number]);
      }
    }
    dropped = NONE_DROPPED;
  }

  private static int powerOfTwo(int least) {
    return Integer.highestOneBit(least - 1) << 1;
  }

  /**
   * The name of a block: 64 bits of all of them mixed. Two blocks of one name would find each
   * other's slots, and no more: version and checksum decide what is served.
   */
  public static long key(long volumeId, int layer, int index, int block) {
    long key = mix(volumeId * 0x9E3779B97F4A7C15L + layer);
    key = mix(key ^ ((long) index << 32 | block));
    return key == 0 ? 1 : key;
  }

  private static long mix(long x) {
    long a = (x ^ x >>> 30) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ a >>> 27) * 0x94D049BB133111EBL;
    return b ^ b >>> 31;
  }

  /** Most blocks. */
  public int slots() {
    return keys.length;
  }

  /** Blocks that are in the cache. */
  public int filled() {
    return filled;
  }

  long key(int slot) {
    return keys[slot];
  }

  long version(int slot) {
    return versions[slot];
  }

  /**
   * The slot that has a block in that version, which is one more use of it, or {@link #NONE}. A
   * slot with another version of it is given up.
   *
   * @param of the volume whose block it is.
   */
  public int find(VolumeShare of, long key, long version) {
    shares.use(of);
    int at = probe(key);
    if (at < 0) {
      return NONE;
    }
    int slot = table[at] - 1;
    if (versions[slot] != version) {
      remove(slot, at);
      return NONE;
    }
    if (uses[slot] < USES_MAX) {
      uses[slot]++;
    }
    if (shares.isNobodys(owners[slot])) {
      // A restart found it, or its volume was unknown for a moment.
      own(slot, of.number());
    }
    return slot;
  }

  /** Place in the table, or a negative number. */
  private int probe(long key) {
    for (int at = home(key); table[at] != 0; at = at + 1 & tableMask) {
      if (keys[table[at] - 1] == key) {
        return at;
      }
    }
    return -1;
  }

  private int home(long key) {
    return (int) (key ^ key >>> 29) & tableMask;
  }

  /**
   * A block was read that is not in the cache: whether it is to be, as its ghost is known or its
   * volume pinned. Its ghost is, from now on, otherwise.
   *
   * @param of the volume whose block it is.
   */
  public boolean wants(VolumeShare of, long key) {
    if (shares.isTakenAtOnce(of)) {
      return true;
    }
    int mark = (int) (key >>> 32) | 1;
    int bucket = (int) key & ghostMask & -WAYS;
    for (int way = 0; way < WAYS; way++) {
      if (ghosts[bucket + way] == mark) {
        System.arraycopy(ghosts, bucket + way + 1, ghosts, bucket + way, WAYS - 1 - way);
        ghosts[bucket + WAYS - 1] = 0;
        return true;
      }
    }
    System.arraycopy(ghosts, bucket, ghosts, bucket + 1, WAYS - 1);
    ghosts[bucket] = mark;
    return false;
  }

  private void own(int slot, int number) {
    shares.gave(owners[slot]);
    owners[slot] = (char) number;
    shares.took(number);
  }

  /**
   * A slot to be written, whatever was in it; {@link #NONE} when all are being written, and when
   * many in a row are kept for other volumes: the hand has passed them then, and the next try goes
   * on from there.
   *
   * @param by the volume whose block is to come.
   */
  public int claim(VolumeShare by) {
    int passed = 0;
    int kept = 0;
    for (int i = 0; i < 2 * keys.length + PASSED_MAX && kept < PASSED_MAX; i++) {
      int slot = hand;
      hand = hand + 1 == keys.length ? 0 : hand + 1;
      if (uses[slot] == FILLING) {
        continue;
      }
      if (keys[slot] != 0) {
        if (shares.isKept(owners[slot], by)) {
          kept++;
          continue;
        }
        if (uses[slot] > 0 && passed++ < PASSED_MAX) {
          uses[slot]--;
          continue;
        }
        remove(slot, probe(keys[slot]));
      }
      uses[slot] = FILLING;
      own(slot, by.number());
      claims++;
      if (claims == keys.length) {
        claims = 0;
        shares.nextTurn();
      }
      return slot;
    }
    return NONE;
  }

  /** A slot that was claimed has the block now; one with an older version is given up. */
  public void fill(int slot, long key, long version) {
    int known = probe(key);
    if (known >= 0) {
      remove(table[known] - 1, known);
    }
    keys[slot] = key;
    versions[slot] = version;
    uses[slot] = 0;
    enter(slot);
  }

  private void enter(int slot) {
    int at = home(keys[slot]);
    while (table[at] != 0) {
      at = at + 1 & tableMask;
    }
    table[at] = slot + 1;
    filled++;
  }

  /** A slot that was claimed was not written. */
  public void release(int slot) {
    uses[slot] = 0;
    own(slot, VolumeShare.NOBODY);
  }

  /** What the slot has is not what it should be. */
  public void drop(long key, int slot) {
    int at = probe(key);
    if (at >= 0 && table[at] - 1 == slot) {
      remove(slot, at);
    }
  }

  /** Nothing is in the cache any more. */
  public void clear() {
    Arrays.fill(table, 0);
    Arrays.fill(keys, 0);
    Arrays.fill(uses, (byte) 0);
    Arrays.fill(owners, (char) VolumeShare.NOBODY);
    shares.gaveAll();
    filled = 0;
  }

  private void remove(int slot, int place) {
    keys[slot] = 0;
    versions[slot] = 0;
    uses[slot] = 0;
    own(slot, VolumeShare.NOBODY);
    filled--;
    // What stands behind and would be found from here on moves up, so that no probe ends too soon.
    int hole = place;
    for (int at = hole + 1 & tableMask; table[at] != 0; at = at + 1 & tableMask) {
      int home = home(keys[table[at] - 1]);
      if ((at - home & tableMask) >= (at - hole & tableMask)) {
        table[hole] = table[at];
        hole = at;
      }
    }
    table[hole] = 0;
  }
}
