package io.cairn.storage.journal;

import io.cairn.storage.wire.Crc32c;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What is known of {@value #BLOCKS} consecutive blocks of a chunk: version, checksum, and where the
 * bytes are.
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

  static final int STORED_BYTES = 8 + 16 * BLOCKS;

  private static final byte FORMAT = 1;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  final long[] versions = new long[BLOCKS];
  final int[] crcs = new int[BLOCKS];

  /** HOLE, TIER, ALLOCATED, or the journal position of the block's payload. */
  final long[] places = new long[BLOCKS];

  /** Set by the destager for blocks that changed since the last checkpoint. */
  final boolean[] changed;

  /** Cleared by the eviction hand, set by each use. */
  boolean used = true;

  /** Position of the last record that changed the page: what is below the tail is destaged. */
  long lastLsn;

  Page(boolean tracksChanges) {
    Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
    changed = tracksChanges ? new boolean[BLOCKS] : null;
  }

  void put(int i, long version, int crc, long place, long lsn) {
    versions[i] = version;
    crcs[i] = crc;
    places[i] = place;
    lastLsn = lsn;
    if (changed != null) {
      changed[i] = true;
    }
  }

  /** The stored form; every place must be HOLE, TIER or ALLOCATED by now. */
  byte[] encode() {
    byte[] bytes = new byte[STORED_BYTES];
    UnsafeBuffer b = new UnsafeBuffer(bytes);
    b.putByte(0, FORMAT);
    for (int i = 0; i < BLOCKS; i++) {
      int at = 8 + 16 * i;
      if (places[i] > 0) {
        throw new IllegalStateException("block " + i + " is still in the journal: " + places[i]);
      }
      b.putLong(at, versions[i], LE);
      b.putInt(at + 8, crcs[i], LE);
      b.putByte(at + 12, (byte) -places[i]);
    }
    return bytes;
  }

  /**
   * Reads the stored form.
   *
   * @param bytes null when the catalogue lacks a page that it should have.
   */
  static Page decode(byte[] bytes, boolean tracksChanges) {
    if (bytes == null) {
      throw new IllegalStateException("the page is not there");
    }
    UnsafeBuffer b = new UnsafeBuffer(bytes);
    if (bytes.length != STORED_BYTES || b.getByte(0) != FORMAT) {
      throw new IllegalStateException(
          "a stored page has "
              + bytes.length
              + " bytes, format "
              + (bytes.length == 0 ? -1 : b.getByte(0)));
    }
    Page page = new Page(tracksChanges);
    for (int i = 0; i < BLOCKS; i++) {
      int at = 8 + 16 * i;
      page.versions[i] = b.getLong(at, LE);
      page.crcs[i] = b.getInt(at + 8, LE);
      int place = b.getByte(at + 12);
      if (place < 0 || place > -ALLOCATED) {
        throw new IllegalStateException("a stored page has place " + place + " for block " + i);
      }
      page.places[i] = -place;
    }
    return page;
  }
}
