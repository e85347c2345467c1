package io.cairn.storage.cache;

import io.cairn.storage.wire.Crc32c;
import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A page of entries, which say what is in the slots (FORMAT.md):
 *
 * <pre>
 *  0 int magic "CRNE"   4 int checksum of the page with this field as zero
 *  8 int page number   12 short version = 1   14 short zero
 * 16 255 entries: long key, long version; a key of 0 is an empty slot
 * </pre>
 */
final class CacheEntries {
  static final int PAGE_BYTES = 4096;
  static final int PER_PAGE = 255;
  static final int MAGIC = 0x454E5243;
  static final short VERSION = 1;
  private static final int HEADER_BYTES = 16;
  private static final int ENTRY_BYTES = 16;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private CacheEntries() {}

  /** Pages for so many slots. */
  static int pages(int slots) {
    return (slots + PER_PAGE - 1) / PER_PAGE;
  }

  static void encode(CacheIndex index, int page, MutableDirectBuffer target, int at, Crc32c crc) {
    target.setMemory(at, PAGE_BYTES, (byte) 0);
    target.putInt(at, MAGIC, LE);
    target.putInt(at + 8, page, LE);
    target.putShort(at + 12, VERSION, LE);
    int first = page * PER_PAGE;
    int count = Math.min(PER_PAGE, index.slots() - first);
    for (int i = 0; i < count; i++) {
      int entry = at + HEADER_BYTES + i * ENTRY_BYTES;
      target.putLong(entry, index.key(first + i), LE);
      target.putLong(entry + 8, index.version(first + i), LE);
    }
    target.putInt(at + 4, crc.of(target, at, PAGE_BYTES), LE);
  }

  /** Takes over what a page says; false when it is none, or not whole. */
  static boolean decode(
      MutableDirectBuffer source, int at, int page, CacheIndex index, Crc32c crc) {
    int stated = source.getInt(at + 4, LE);
    source.putInt(at + 4, 0, LE);
    if (source.getInt(at, LE) != MAGIC
        || crc.of(source, at, PAGE_BYTES) != stated
        || source.getInt(at + 8, LE) != page
        || source.getShort(at + 12, LE) != VERSION) {
      return false;
    }
    int first = page * PER_PAGE;
    int count = Math.min(PER_PAGE, index.slots() - first);
    for (int i = 0; i < count; i++) {
      int entry = at + HEADER_BYTES + i * ENTRY_BYTES;
      long key = key(source, entry);
      if (key != 0) {
        index.fill(first + i, key, source.getLong(entry + 8, LE));
      }
    }
    return true;
  }

  private static long key(DirectBuffer source, int entry) {
    return source.getLong(entry, LE);
  }
}
