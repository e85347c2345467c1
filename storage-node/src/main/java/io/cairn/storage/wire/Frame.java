package io.cairn.storage.wire;

import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * The fixed start of every frame, and the fields that all requests or all replies share. Little
 * endian. A frame is a header of {@code headerLength} bytes and a payload behind it.
 *
 * <pre>
 *  0                   4                   8       10   11  12
 * +-------------------+-------------------+-------+----+---+-------------------+
 * | magic "CRN1"      | frame length      | type  |ver |flg| header length     |
 * +-------------------+-------------------+-------+----+---+-------------------+
 * 16                                      24                  28
 * +---------------------------------------+-------------------+----------------+
 * | request id                            | header CRC32C     | status |stream |
 * +---------------------------------------+-------------------+----------------+
 * requests                                replies
 * 32 cluster id     40 receiver node id   32 appended LSN     40 durable LSN
 * 48 volume id      56 layer  60 index    48 last version     56 detail
 * 64 generation
 * </pre>
 *
 * <p>The stream says whose frame it is among links that share a connection; 0 on one that is one
 * link's. Set by the two ends of a connection; those who make and read messages leave it alone.
 */
public final class Frame {
  /** "CRN1" in little-endian order. */
  public static final int MAGIC = 0x314E5243;

  /** Protocol version 1: the first. */
  public static final byte VERSION = 1;

  /** Size of a block in bytes. */
  public static final int BLOCK_BYTES = 4096;

  /** Bytes that every frame starts with. */
  public static final int PREFIX_BYTES = 32;

  /** Largest frame in bytes. */
  public static final int FRAME_BYTES_MAX = 2 << 20;

  /** Largest header in bytes. */
  public static final int HEADER_BYTES_MAX = 64 << 10;

  /** Highest number of a stream. */
  public static final int STREAM_MAX = 0xFFFF;

  /** Most blocks in one WRITE or READ: 1 MiB. */
  public static final int BLOCKS_MAX = 256;

  /** Most blocks in one VERSIONS page or EXTENTS request. */
  public static final int VERSIONS_MAX = 1024;

  public static final int FLAG_DURABLE = 1;
  public static final int FLAG_NO_HOLE = 2;
  public static final int FLAG_WITH_VERSIONS = 4;
  public static final int FLAG_FOR_CATCH_UP = 8;

  /** A READ that compares blocks, as the device has them, with their checksums; no payload. */
  public static final int FLAG_VERIFY = 16;

  /** A READ of what is known of blocks, checksums and versions; no payload. */
  public static final int FLAG_SUMS = 32;

  /**
   * A WRITE whose payload the receiver finds in memory that the sender lends it: behind the header
   * come the 8 bytes of its place there, and no payload. Set and taken away by the two ends of a
   * connection.
   */
  public static final int FLAG_LENT = 128;

  static final int MAGIC_OFFSET = 0;
  static final int FRAME_LENGTH_OFFSET = 4;
  static final int TYPE_OFFSET = 8;
  static final int VERSION_OFFSET = 10;
  static final int FLAGS_OFFSET = 11;
  static final int HEADER_LENGTH_OFFSET = 12;
  static final int REQUEST_ID_OFFSET = 16;
  static final int HEADER_CRC_OFFSET = 24;
  static final int STATUS_OFFSET = 28;
  static final int STREAM_OFFSET = 30;

  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private Frame() {}

  /** Rounds up to the next multiple of eight. */
  public static int align8(int length) {
    return length + 7 & ~7;
  }

  /** Writes the prefix but for its checksum, which {@link #seal} adds. */
  public static void begin(
      MutableDirectBuffer buffer, int offset, int type, int flags, long requestId, int status) {
    buffer.putInt(offset + MAGIC_OFFSET, MAGIC, ORDER);
    buffer.putShort(offset + TYPE_OFFSET, (short) type, ORDER);
    buffer.putByte(offset + VERSION_OFFSET, VERSION);
    buffer.putByte(offset + FLAGS_OFFSET, (byte) flags);
    buffer.putLong(offset + REQUEST_ID_OFFSET, requestId, ORDER);
    buffer.putInt(offset + STATUS_OFFSET, status, ORDER);
  }

  /**
   * Writes lengths and checksum: the header is ready to be sent.
   *
   * @param headerLength a multiple of eight.
   * @return headerLength, for the call that sends it.
   */
  public static int seal(
      MutableDirectBuffer buffer, int offset, int headerLength, int payloadLength, Crc32c crc) {
    buffer.putInt(offset + FRAME_LENGTH_OFFSET, headerLength + payloadLength, ORDER);
    buffer.putInt(offset + HEADER_LENGTH_OFFSET, headerLength, ORDER);
    buffer.putInt(offset + HEADER_CRC_OFFSET, 0, ORDER);
    buffer.putInt(offset + HEADER_CRC_OFFSET, crc.of(buffer, offset, headerLength), ORDER);
    return headerLength;
  }

  /**
   * Checks magic, version and lengths, as soon as the prefix is there and before anything behind it
   * is trusted or waited for.
   *
   * @return null when they are in bounds, otherwise why not, with the value and the bound.
   */
  public static String prefixProblem(DirectBuffer buffer, int offset) {
    int magic = buffer.getInt(offset + MAGIC_OFFSET, ORDER);
    if (magic != MAGIC) {
      return "magic 0x" + Integer.toHexString(magic) + " is not 0x" + Integer.toHexString(MAGIC);
    }
    byte version = buffer.getByte(offset + VERSION_OFFSET);
    if (version != VERSION) {
      return "protocol version " + version + " is not " + VERSION;
    }
    int header = headerLength(buffer, offset);
    if (header < PREFIX_BYTES || header > HEADER_BYTES_MAX || (header & 7) != 0) {
      return "header length "
          + header
          + " is not a multiple of 8 from "
          + PREFIX_BYTES
          + " to "
          + HEADER_BYTES_MAX;
    }
    int frame = frameLength(buffer, offset);
    if (frame < header || frame > FRAME_BYTES_MAX) {
      return "frame length " + frame + " is outside " + header + " to " + FRAME_BYTES_MAX;
    }
    return null;
  }

  /**
   * Checks the header's checksum; the whole header must be there. Leaves the bytes as they were.
   */
  public static boolean headerCrcOk(MutableDirectBuffer buffer, int offset, Crc32c crc) {
    int length = headerLength(buffer, offset);
    int stored = buffer.getInt(offset + HEADER_CRC_OFFSET, ORDER);
    buffer.putInt(offset + HEADER_CRC_OFFSET, 0, ORDER);
    int computed = crc.of(buffer, offset, length);
    buffer.putInt(offset + HEADER_CRC_OFFSET, stored, ORDER);
    return stored == computed;
  }

  /** Says in a sealed header whether its payload is lent. */
  public static void markLent(MutableDirectBuffer buffer, int offset, boolean lent, Crc32c crc) {
    int others = flags(buffer, offset) & ~FLAG_LENT;
    buffer.putByte(offset + FLAGS_OFFSET, (byte) (others | (lent ? FLAG_LENT : 0)));
    sealAgain(buffer, offset, crc);
  }

  /** Says in a sealed header whose frame it is: 0 to {@link #STREAM_MAX}. */
  public static void toStream(MutableDirectBuffer buffer, int offset, int stream, Crc32c crc) {
    buffer.putShort(offset + STREAM_OFFSET, (short) stream, ORDER);
    sealAgain(buffer, offset, crc);
  }

  /**
   * Encodes the end of a stream: nothing more comes in it, either way.
   *
   * @return its length.
   */
  public static int end(MutableDirectBuffer buffer, int offset, int stream, Crc32c crc) {
    begin(buffer, offset, MessageType.END, 0, 0, 0);
    buffer.putShort(offset + STREAM_OFFSET, (short) stream, ORDER);
    return seal(buffer, offset, PREFIX_BYTES, 0, crc);
  }

  private static void sealAgain(MutableDirectBuffer buffer, int offset, Crc32c crc) {
    buffer.putInt(offset + HEADER_CRC_OFFSET, 0, ORDER);
    int sum = crc.of(buffer, offset, headerLength(buffer, offset));
    buffer.putInt(offset + HEADER_CRC_OFFSET, sum, ORDER);
  }

  public static int frameLength(DirectBuffer buffer, int offset) {
    return buffer.getInt(offset + FRAME_LENGTH_OFFSET, ORDER);
  }

  public static int headerLength(DirectBuffer buffer, int offset) {
    return buffer.getInt(offset + HEADER_LENGTH_OFFSET, ORDER);
  }

  public static int type(DirectBuffer buffer, int offset) {
    return buffer.getShort(offset + TYPE_OFFSET, ORDER) & 0xFFFF;
  }

  public static int flags(DirectBuffer buffer, int offset) {
    return buffer.getByte(offset + FLAGS_OFFSET) & 0xFF;
  }

  public static long requestId(DirectBuffer buffer, int offset) {
    return buffer.getLong(offset + REQUEST_ID_OFFSET, ORDER);
  }

  public static int status(DirectBuffer buffer, int offset) {
    return buffer.getShort(offset + STATUS_OFFSET, ORDER) & 0xFFFF;
  }

  public static int stream(DirectBuffer buffer, int offset) {
    return buffer.getShort(offset + STREAM_OFFSET, ORDER) & 0xFFFF;
  }
}
