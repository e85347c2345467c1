package io.cairn.storage.journal;

import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Layout of a journal record, little endian; FORMAT.md has the drawing.
 *
 * <pre>
 *  0 int   magic "CRNJ"           4 int   recordBytes, a multiple of 64
 *  8 byte  kind  9 byte version  10 short flags
 * 12 int   headerCrc, CRC32C of the 64 bytes with this field as zero
 * 16 long  lsn, the record's own position: a record of an earlier turn of the ring has another
 * 24 long  life, the process's incarnation: never smaller than that of the record before
 * 32 long  volumeId              40 int   layer        44 int   index
 * 48 long  argument by kind      56 int   blockOffset (CREATE: sizeBlocks)
 * 60 int   blockCount
 * 64 int   tableCrc, CRC32C of the table's bytes behind it, only when blockCount &gt; 0
 * 68 int   reserved, zero
 * 72 table: int crc[blockCount] (WRITE, FILL), padded to 8; long version[blockCount] (FILL)
 *    then padding to 64, then blockCount * 4096 bytes (WRITE, FILL)
 * </pre>
 *
 * <p>A flyweight: not thread-safe, points at one record at a time.
 */
final class JournalRecord {
  static final int MAGIC = 0x4A4E5243;
  static final byte VERSION = 1;
  static final int ALIGNMENT = 64;
  static final int HEADER_BYTES = 64;

  /** Blocks that one record carries at most; zeroes may be as many as a chunk has. */
  static final int BLOCKS_MAX = 512;

  /** A fence; the argument is the generation. */
  static final byte FENCE = 1;

  /** An empty, complete chunk; blockOffset is its size in blocks. */
  static final byte CREATE = 2;

  /** Blocks with one version, the argument. */
  static final byte WRITE = 3;

  /** Zeroes with one version, the argument. */
  static final byte ZERO = 4;

  /** Fetched blocks with a version each; the argument is the owner's generation. */
  static final byte FILL = 5;

  /** A catch-up begins: the argument is the base; blockOffset is the owner's generation. */
  static final byte SYNC_BEGIN = 6;

  /** A catch-up ended. */
  static final byte SYNC_END = 7;

  /** All chunks of the volume go to the trash, and nothing of it is ever taken again. */
  static final byte TRASH = 8;

  /** The first record of a process's life; the argument is unused. */
  static final byte LIFE = 9;

  /** Nothing follows in this segment; the log goes on in the next. */
  static final byte SEAL = 10;

  /** ZERO keeps space allocated. */
  static final short FLAG_ALLOCATE = 1;

  /** One chunk goes to the trash; it may be created anew once the record is destaged. */
  static final byte TRASH_CHUNK = 11;

  /**
   * Blocks that no replica could give to this one: their version is the argument, reading them
   * fails. Written from level 3 of the cluster on.
   */
  static final byte UNREADABLE = 12;

  private static final int TABLE = 72;
  private static final int SCRATCH_BYTES = 3 * Frame.BLOCK_BYTES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer scratch = new UnsafeBuffer(new byte[SCRATCH_BYTES]);
  private DirectBuffer buffer;
  private int offset;

  /** Bytes of a record, padding included. */
  static int bytes(byte kind, int blockCount) {
    return blockCount == 0 || !hasPayload(kind)
        ? HEADER_BYTES
        : payloadOffset(kind, blockCount) + blockCount * Frame.BLOCK_BYTES;
  }

  /** Offset of the payload within the record. */
  static int payloadOffset(byte kind, int blockCount) {
    int table = TABLE + pad(4 * blockCount, 8) + (kind == FILL ? 8 * blockCount : 0);
    return pad(table, ALIGNMENT);
  }

  private static boolean hasPayload(byte kind) {
    return kind != ZERO && kind != UNREADABLE;
  }

  private static int pad(int value, int alignment) {
    return value + alignment - 1 & -alignment;
  }

  /** Writes the header's fields but the checksum. */
  static void header(
      MutableDirectBuffer b, int o, byte kind, int flags, int bytes, long lsn, long life) {
    b.putInt(o, MAGIC, LE);
    b.putInt(o + 4, bytes, LE);
    b.putByte(o + 8, kind);
    b.putByte(o + 9, VERSION);
    b.putShort(o + 10, (short) flags, LE);
    b.putInt(o + 12, 0, LE);
    b.putLong(o + 16, lsn, LE);
    b.putLong(o + 24, life, LE);
  }

  /** Writes what the record is about. */
  static void subject(
      MutableDirectBuffer b,
      int o,
      long volumeId,
      int layer,
      int index,
      long argument,
      int blockOffset,
      int blockCount) {
    b.putLong(o + 32, volumeId, LE);
    b.putInt(o + 40, layer, LE);
    b.putInt(o + 44, index, LE);
    b.putLong(o + 48, argument, LE);
    b.putInt(o + 56, blockOffset, LE);
    b.putInt(o + 60, blockCount, LE);
  }

  /** Copies checksums and, for a fill, versions into the table, and seals it with its checksum. */
  void table(
      MutableDirectBuffer b,
      int o,
      byte kind,
      int blockCount,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer versions,
      int versionsOffset) {
    int end = payloadOffset(kind, blockCount);
    b.setMemory(o + 64, end - 64, (byte) 0);
    b.putBytes(o + TABLE, crcs, crcOffset, 4 * blockCount);
    if (kind == FILL) {
      b.putBytes(o + versionsOffset(blockCount), versions, versionsOffset, 8 * blockCount);
    }
    b.putInt(o + 64, crc.of(b, o + TABLE, end - TABLE), LE);
  }

  private static int versionsOffset(int blockCount) {
    return TABLE + pad(4 * blockCount, 8);
  }

  /** Seals the header with its checksum: the record is complete with this. */
  void seal(MutableDirectBuffer b, int o) {
    b.putInt(o + 12, 0, LE);
    b.putInt(o + 12, crc.of(b, o, HEADER_BYTES), LE);
  }

  /** Points at a record that is known to be whole. */
  JournalRecord wrap(DirectBuffer b, int o) {
    buffer = b;
    offset = o;
    return this;
  }

  /**
   * Points at what may be a record.
   *
   * @param limit end of the segment.
   * @param lsn where the record must believe to be.
   * @param lifeMin the life of the record before.
   * @return null when it is one, or why it is none.
   */
  String problem(DirectBuffer b, int o, int limit, long lsn, long lifeMin) {
    String problem = headProblem(b, o, limit, lsn, lifeMin);
    if (problem != null || !hasPayload()) {
      return problem;
    }
    int bad = badBlock(0);
    return bad < 0 ? null : "checksum of block " + (blockOffset() + bad);
  }

  /**
   * The same without the blocks: a record with this much whole says what it is about and what its
   * blocks must be.
   */
  String headProblem(DirectBuffer b, int o, int limit, long lsn, long lifeMin) {
    wrap(b, o);
    if (limit - o < HEADER_BYTES || b.getInt(o, LE) != MAGIC) {
      return "no record";
    }
    if (sumOf(0, HEADER_BYTES, 12) != b.getInt(o + 12, LE)) {
      return "header checksum";
    }
    if (lsn() != lsn || life() < lifeMin) {
      return "of an earlier turn or life";
    }
    if (b.getByte(o + 9) != VERSION) {
      return null;
    }
    if (blockCount() < 0 || blockCount() > BLOCKS_MAX && hasPayload(kind())) {
      return "block count " + blockCount();
    }
    if (recordBytes() != bytes(kind(), blockCount()) || recordBytes() > limit - o) {
      return "length " + recordBytes();
    }
    int end = payloadOffset(kind(), blockCount());
    if (hasPayload() && sumOf(TABLE, end - TABLE, -1) != b.getInt(o + 64, LE)) {
      return "table checksum";
    }
    return null;
  }

  /** A newer program's record is no end of the log: going on from here would lose what it wrote. */
  void requireKnownVersion() {
    int version = buffer.getByte(offset + 9);
    if (version != VERSION) {
      throw new IllegalStateException(
          "the journal record at "
              + lsn()
              + " has version "
              + version
              + "; this program knows version "
              + VERSION);
    }
  }

  private boolean hasPayload() {
    return blockCount() > 0 && hasPayload(kind()) && buffer.getByte(offset + 9) == VERSION;
  }

  /** First block of the payload from the given one on that fails its checksum, or -1. */
  int badBlock(int from) {
    int end = payloadOffset(kind(), blockCount());
    for (int i = from; i < blockCount() && hasPayload(kind()); i++) {
      if (sumOf(end + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES, -1) != blockCrc(i)) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Checksum of a copy: a device that fails under a mapped file is an InternalError to a copy, but
   * the end of the process to a checksum, which the JVM takes in code of its own.
   *
   * @param zeroed position of an int that counts as zero, or -1.
   */
  private int sumOf(int start, int length, int zeroed) {
    scratch.putBytes(0, buffer, offset + start, length);
    if (zeroed >= 0) {
      scratch.putInt(zeroed, 0, LE);
    }
    return crc.of(scratch, 0, length);
  }

  int recordBytes() {
    return buffer.getInt(offset + 4, LE);
  }

  byte kind() {
    return buffer.getByte(offset + 8);
  }

  int flags() {
    return buffer.getShort(offset + 10, LE);
  }

  long lsn() {
    return buffer.getLong(offset + 16, LE);
  }

  long life() {
    return buffer.getLong(offset + 24, LE);
  }

  ChunkId chunk() {
    return new ChunkId(volumeId(), layer(), index());
  }

  int layer() {
    return buffer.getInt(offset + 40, LE);
  }

  int index() {
    return buffer.getInt(offset + 44, LE);
  }

  long volumeId() {
    return buffer.getLong(offset + 32, LE);
  }

  long argument() {
    return buffer.getLong(offset + 48, LE);
  }

  int blockOffset() {
    return buffer.getInt(offset + 56, LE);
  }

  int blockCount() {
    return buffer.getInt(offset + 60, LE);
  }

  int blockCrc(int i) {
    return buffer.getInt(offset + TABLE + 4 * i, LE);
  }

  long blockVersion(int i) {
    return buffer.getLong(offset + versionsOffset(blockCount()) + 8 * i, LE);
  }

  /** Whether a block of the payload is all zeroes. */
  boolean blockIsZero(int i) {
    if (blockCrc(i) != Crc32c.ZERO_BLOCK) {
      return false;
    }
    int start = offset + payloadOffset(kind(), blockCount()) + i * Frame.BLOCK_BYTES;
    for (int at = start; at < start + Frame.BLOCK_BYTES; at += Long.BYTES) {
      if (buffer.getLong(at) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Position of the first block's payload in the log. */
  long payloadLsn() {
    return lsn() + payloadOffset(kind(), blockCount());
  }
}
