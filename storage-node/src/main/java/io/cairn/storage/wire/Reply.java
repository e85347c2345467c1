package io.cairn.storage.wire;

import static io.cairn.storage.wire.Frame.ORDER;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Replies: encoders that write one header into a reusable buffer and return its length, and field
 * readers. Every reply carries the shard's appended and durable positions.
 */
public final class Reply {
  /** Where the fields of the single operations begin. */
  public static final int BODY = 64;

  static final int APPENDED_LSN = 32;
  static final int DURABLE_LSN = 40;
  static final int LAST_VERSION = 48;
  static final int DETAIL = 56;

  static final int HELLO_NODE = 64;
  static final int HELLO_INCARNATION = 72;
  static final int HELLO_SHARD_COUNT = 80;
  static final int HELLO_VERSION = 84;
  static final int HELLO_BYTES = 88;
  static final int OPEN_STATE = 64;
  static final int OPEN_SIZE_BLOCKS = 68;
  static final int OPEN_BYTES = 72;
  static final int RANGE_BLOCK = 64;
  static final int RANGE_COUNT = 68;
  static final int RANGE_ITEMS = 72;

  /** Offset of the list in a READ, VERSIONS or EXTENTS reply: no such header is shorter. */
  public static final int RANGE_ITEMS_OFFSET = RANGE_ITEMS;

  static final int EXTENT_BYTES = 16;

  /** OPEN: the shard does not hold the chunk. */
  public static final int STATE_ABSENT = 0;

  /** OPEN: the replica holds everything up to its last version. */
  public static final int STATE_COMPLETE = 1;

  /** OPEN: the replica lacks blocks at or below its last version. */
  public static final int STATE_SYNCING = 2;

  /**
   * OPEN: the chunk is not here, and the shard began anew when the volume had as many chunks as
   * {@link #openChunksLost} says: one of those may have been here. A CATCH_UP makes it.
   */
  public static final int STATE_LOST = 3;

  /** EXTENTS: never written, or trimmed. */
  public static final int EXTENT_HOLE = 0;

  /** EXTENTS: zeroes with space kept for them. */
  public static final int EXTENT_ZERO = 1;

  /** EXTENTS: data. */
  public static final int EXTENT_DATA = 2;

  private final Crc32c crc = new Crc32c();

  /** A reply without fields of its own: any refusal, and OK of most requests. */
  public int bare(
      MutableDirectBuffer b,
      int o,
      int requestType,
      long requestId,
      Status status,
      long appendedLsn,
      long durableLsn,
      long lastVersion,
      long detail) {
    begin(b, o, requestType, requestId, status, appendedLsn, durableLsn, lastVersion, detail);
    return Frame.seal(b, o, BODY, 0, crc);
  }

  /** Push: the durable position moved. */
  public int durable(MutableDirectBuffer b, int o, long appendedLsn, long durableLsn) {
    Frame.begin(b, o, MessageType.DURABLE, 0, 0, 0);
    positions(b, o, appendedLsn, durableLsn, 0, 0);
    return Frame.seal(b, o, BODY, 0, crc);
  }

  /** Answer to HELLO. */
  public int hello(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long appendedLsn,
      long durableLsn,
      long nodeId,
      long incarnation,
      int shardCount,
      long lostIncarnation) {
    begin(
        b, o, MessageType.HELLO, requestId, Status.OK, appendedLsn, durableLsn, 0, lostIncarnation);
    b.putLong(o + HELLO_NODE, nodeId, ORDER);
    b.putLong(o + HELLO_INCARNATION, incarnation, ORDER);
    b.putInt(o + HELLO_SHARD_COUNT, shardCount, ORDER);
    b.putInt(o + HELLO_VERSION, Frame.VERSION, ORDER);
    return Frame.seal(b, o, HELLO_BYTES, 0, crc);
  }

  /** The name of a chunk as the detail of an answer to PING; never 0. */
  public static long name(int layer, int index) {
    return (long) (layer + 1) << 32 | index;
  }

  /** The layer of what {@link #name} made. */
  public static int namedLayer(long name) {
    return (int) (name >> 32) - 1;
  }

  /** The index of what {@link #name} made. */
  public static int namedIndex(long name) {
    return (int) name;
  }

  /** Answer to OPEN. */
  public int open(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long appendedLsn,
      long durableLsn,
      long lastVersion,
      int state,
      int sizeBlocks,
      long chunksLost) {
    begin(
        b,
        o,
        MessageType.OPEN,
        requestId,
        Status.OK,
        appendedLsn,
        durableLsn,
        lastVersion,
        chunksLost);
    b.putInt(o + OPEN_STATE, state, ORDER);
    b.putInt(o + OPEN_SIZE_BLOCKS, sizeBlocks, ORDER);
    return Frame.seal(b, o, OPEN_BYTES, 0, crc);
  }

  /**
   * Answer to READ. Versions may be null.
   *
   * @param payloadBytes of the blocks, which follow; 0 when only what is known of them was asked.
   */
  public int read(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long appendedLsn,
      long durableLsn,
      long lastVersion,
      int blockOffset,
      int blockCount,
      int[] crcs,
      long[] versions,
      int payloadBytes) {
    int flags = versions == null ? 0 : Frame.FLAG_WITH_VERSIONS;
    begin(b, o, MessageType.READ, requestId, Status.OK, appendedLsn, durableLsn, lastVersion, 0);
    b.putByte(o + Frame.FLAGS_OFFSET, (byte) flags);
    b.putInt(o + RANGE_BLOCK, blockOffset, ORDER);
    b.putInt(o + RANGE_COUNT, blockCount, ORDER);
    for (int i = 0; i < blockCount; i++) {
      b.putInt(o + RANGE_ITEMS + 4 * i, crcs[i], ORDER);
    }
    int at = RANGE_ITEMS + 4 * blockCount;
    if ((blockCount & 1) != 0) {
      b.putInt(o + at, 0, ORDER);
      at += 4;
    }
    if (versions != null) {
      for (int i = 0; i < blockCount; i++) {
        b.putLong(o + at + 8 * i, versions[i], ORDER);
      }
      at += 8 * blockCount;
    }
    return Frame.seal(b, o, at, payloadBytes, crc);
  }

  /** Answer to VERSIONS: the caller puts the versions with {@link #putItem} first. */
  public int versions(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long appendedLsn,
      long durableLsn,
      long lastVersion,
      int blockOffset,
      int blockCount) {
    begin(
        b, o, MessageType.VERSIONS, requestId, Status.OK, appendedLsn, durableLsn, lastVersion, 0);
    b.putInt(o + RANGE_BLOCK, blockOffset, ORDER);
    b.putInt(o + RANGE_COUNT, blockCount, ORDER);
    return Frame.seal(b, o, RANGE_ITEMS + 8 * blockCount, 0, crc);
  }

  /** Answer to EXTENTS: the caller puts the extents with {@link #putExtent} first. */
  public int extents(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long appendedLsn,
      long durableLsn,
      long lastVersion,
      int count) {
    begin(b, o, MessageType.EXTENTS, requestId, Status.OK, appendedLsn, durableLsn, lastVersion, 0);
    b.putInt(o + RANGE_BLOCK, count, ORDER);
    b.putInt(o + RANGE_COUNT, 0, ORDER);
    return Frame.seal(b, o, RANGE_ITEMS + EXTENT_BYTES * count, 0, crc);
  }

  /** Puts the version of one block of a VERSIONS reply. */
  public static void putItem(MutableDirectBuffer b, int o, int item, long value) {
    b.putLong(o + RANGE_ITEMS + 8 * item, value, ORDER);
  }

  /** Puts one extent of an EXTENTS reply. */
  public static void putExtent(
      MutableDirectBuffer b, int o, int item, int blockOffset, int blockCount, int kind) {
    int at = o + RANGE_ITEMS + EXTENT_BYTES * item;
    b.putInt(at, blockOffset, ORDER);
    b.putInt(at + 4, blockCount, ORDER);
    b.putInt(at + 8, kind, ORDER);
    b.putInt(at + 12, 0, ORDER);
  }

  private static void begin(
      MutableDirectBuffer b,
      int o,
      int requestType,
      long requestId,
      Status status,
      long appendedLsn,
      long durableLsn,
      long lastVersion,
      long detail) {
    Frame.begin(b, o, requestType | MessageType.REPLY, 0, requestId, status.code());
    positions(b, o, appendedLsn, durableLsn, lastVersion, detail);
  }

  private static void positions(
      MutableDirectBuffer b,
      int o,
      long appendedLsn,
      long durableLsn,
      long lastVersion,
      long detail) {
    b.putLong(o + APPENDED_LSN, appendedLsn, ORDER);
    b.putLong(o + DURABLE_LSN, durableLsn, ORDER);
    b.putLong(o + LAST_VERSION, lastVersion, ORDER);
    b.putLong(o + DETAIL, detail, ORDER);
  }

  public static long appendedLsn(DirectBuffer b, int o) {
    return b.getLong(o + APPENDED_LSN, ORDER);
  }

  public static long durableLsn(DirectBuffer b, int o) {
    return b.getLong(o + DURABLE_LSN, ORDER);
  }

  public static long lastVersion(DirectBuffer b, int o) {
    return b.getLong(o + LAST_VERSION, ORDER);
  }

  public static long detail(DirectBuffer b, int o) {
    return b.getLong(o + DETAIL, ORDER);
  }

  public static long helloNodeId(DirectBuffer b, int o) {
    return b.getLong(o + HELLO_NODE, ORDER);
  }

  public static long helloIncarnation(DirectBuffer b, int o) {
    return b.getLong(o + HELLO_INCARNATION, ORDER);
  }

  /** Of a lost chunk: how many chunks the volume had when the shard began anew. */
  public static long openChunksLost(DirectBuffer b, int o) {
    return detail(b, o);
  }

  public static int openState(DirectBuffer b, int o) {
    return b.getInt(o + OPEN_STATE, ORDER);
  }

  /** First block of a READ or VERSIONS reply; number of extents of an EXTENTS reply. */
  public static int rangeBlock(DirectBuffer b, int o) {
    return b.getInt(o + RANGE_BLOCK, ORDER);
  }

  public static int rangeCount(DirectBuffer b, int o) {
    return b.getInt(o + RANGE_COUNT, ORDER);
  }

  /** Offset of the checksums of a READ reply, within its header. */
  public static int crcsOffset() {
    return RANGE_ITEMS;
  }

  public static int crc(DirectBuffer b, int o, int block) {
    return b.getInt(o + RANGE_ITEMS + 4 * block, ORDER);
  }

  /** Offset of the versions of a READ reply with versions, within its header. */
  public static int versionsOffset(int blockCount) {
    return Frame.align8(RANGE_ITEMS + 4 * blockCount);
  }

  /** One item of a VERSIONS reply. */
  public static long item(DirectBuffer b, int o, int item) {
    return b.getLong(o + RANGE_ITEMS + 8 * item, ORDER);
  }

  public static int extentOffset(DirectBuffer b, int o, int item) {
    return b.getInt(o + RANGE_ITEMS + EXTENT_BYTES * item, ORDER);
  }

  public static int extentCount(DirectBuffer b, int o, int item) {
    return b.getInt(o + RANGE_ITEMS + EXTENT_BYTES * item + 4, ORDER);
  }

  public static int extentKind(DirectBuffer b, int o, int item) {
    return b.getInt(o + RANGE_ITEMS + EXTENT_BYTES * item + 8, ORDER);
  }
}
