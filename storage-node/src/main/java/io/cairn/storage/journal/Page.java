package io.cairn.storage.journal;

import io.cairn.storage.wire.Crc32c;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * What is known of {@value #BLOCKS} consecutive blocks of a chunk at the end of a run's part of the
 * journal: version, checksum, and where the bytes are.
 *
 * <p>Stored form, little endian (FORMAT.md): byte version = 1, 7 zero bytes, then per block long
 * version, int checksum, byte place, 3 zero bytes.
 */
final class Page {
  /** Blocks of a page: 1 MiB of data. */
  static final int BLOCKS = 256;

  /** Reads as zeroes, occupies nothing. */
  static final long HOLE = 0;

  /** In the capacity tier. */
  static final long TIER = -1;

  /** Reads as zeroes, space is kept for it. */
  static final long ALLOCATED = -2;

  /**
   * Checksum of a HOLE that is not zeroes but contents that nobody can read: zeroes have another,
   * so that it fails wherever it is compared, here and in older releases.
   */
  static final int UNREADABLE_CRC = ~Crc32c.ZERO_BLOCK;

  static final int STORED_BYTES = 8 + 16 * BLOCKS;

  private static final byte FORMAT = 1;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  final long[] versions = new long[BLOCKS];
  final int[] crcs = new int[BLOCKS];

  /** HOLE, TIER, ALLOCATED, or the journal position of the block's payload. */
  final long[] places = new long[BLOCKS];

  /** Blocks that changed since the last checkpoint. */
  final boolean[] changed = new boolean[BLOCKS];

  Page() {
    Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
  }

  void put(int i, long version, int crc, long place) {
    versions[i] = version;
    crcs[i] = crc;
    places[i] = place;
    changed[i] = true;
  }

  /** How many blocks changed since the last checkpoint. */
  int changedBlocks() {
    int count = 0;
    for (boolean each : changed) {
      count += each ? 1 : 0;
    }
    return count;
  }

  /** Stretches of changed blocks that are still to be moved: a request of the tier each. */
  int changedStretches() {
    int count = 0;
    boolean before = false;
    for (int i = 0; i < BLOCKS; i++) {
      boolean now = changed[i] && places[i] != TIER;
      count += now && !before ? 1 : 0;
      before = now;
    }
    return count;
  }

  /**
   * Says of changed blocks that nothing is to be moved of them, when a durable record behind the
   * part that is destaged has other bytes for them.
   *
   * @param now the same page in the live index.
   */
  void dropSuperseded(LivePage now, long toLsn, long durableLsn) {
    for (int i = 0; i < BLOCKS; i++) {
      long place = changed[i] ? now.place(i) : HOLE;
      if (place >= toLsn && place > 0 && place < durableLsn) {
        places[i] = TIER;
      }
    }
  }

  /** As a page of a new chunk: nothing but holes. */
  void clear() {
    Arrays.fill(versions, 0);
    Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
    Arrays.fill(places, HOLE);
    Arrays.fill(changed, false);
  }

  /**
   * Writes the stored form; every place must be HOLE, TIER or ALLOCATED by now.
   *
   * @param target {@link #STORED_BYTES} of them, those that are reserved already zero.
   */
  void encode(byte[] target) {
    target[0] = FORMAT;
    for (int i = 0; i < BLOCKS; i++) {
      int at = 8 + 16 * i;
      if (places[i] > 0) {
        throw new IllegalStateException("block " + i + " is still in the journal: " + places[i]);
      }
      LONG.set(target, at, versions[i]);
      INT.set(target, at + 8, crcs[i]);
      target[at + 12] = (byte) -places[i];
    }
  }

  /**
   * Becomes what the stored form says.
   *
   * @param length of the stored form; 0 when the catalogue lacks a page that it should have.
   */
  void decode(byte[] source, int length) {
    check(source, length);
    clear();
    for (int i = 0; i < BLOCKS; i++) {
      versions[i] = storedVersion(source, i);
      crcs[i] = storedCrc(source, i);
      places[i] = storedPlace(source, i);
    }
  }

  /** Throws when this is no page's stored form. */
  static void check(byte[] source, int length) {
    if (length == 0) {
      throw new IllegalStateException("the page is not there");
    }
    if (length != STORED_BYTES || source[0] != FORMAT) {
      throw new IllegalStateException(
          "a stored page has " + length + " bytes, format " + source[0]);
    }
    for (int i = 0; i < BLOCKS; i++) {
      int place = source[8 + 16 * i + 12];
      if (place < 0 || place > -ALLOCATED) {
        throw new IllegalStateException("a stored page has place " + place + " for block " + i);
      }
    }
  }

  /** Version of a block in a page's stored form. */
  static long storedVersion(byte[] source, int i) {
    return (long) LONG.get(source, 8 + 16 * i);
  }

  /** Checksum of a block in a page's stored form. */
  static int storedCrc(byte[] source, int i) {
    return (int) INT.get(source, 8 + 16 * i + 8);
  }

  /** HOLE, TIER or ALLOCATED, of a block in a page's stored form. */
  static int storedPlace(byte[] source, int i) {
    return -source[8 + 16 * i + 12];
  }
}
