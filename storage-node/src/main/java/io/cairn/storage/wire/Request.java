package io.cairn.storage.wire;

import static io.cairn.storage.wire.Frame.ORDER;

import java.nio.charset.StandardCharsets;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Requests: encoders that write one header into a reusable buffer and return its length, and field
 * readers. PROTOCOL.md has the diagrams.
 */
public final class Request {
  /** Where the fields of the single operations begin. */
  public static final int BODY = 72;

  /** Bytes of a request that has no field of its own. */
  public static final int BARE_BYTES = BODY;

  static final int CLUSTER = 32;
  static final int NODE = 40;
  static final int VOLUME = 48;
  static final int LAYER = 56;
  static final int INDEX = 60;
  static final int GENERATION = 64;

  static final int CREATE_SIZE_BLOCKS = 72;
  static final int WRITE_VERSION = 72;
  static final int WRITE_BLOCK = 80;
  static final int WRITE_COUNT = 84;
  static final int WRITE_CRCS = 88;
  static final int READ_BLOCK = 72;
  static final int READ_COUNT = 76;
  static final int VERSIONS_MIN_LAST = 80;
  static final int SYNC_LSN = 72;
  static final int CATCH_UP_BASE = 72;
  static final int CATCH_UP_ATTEMPT = 80;
  static final int CATCH_UP_SOURCE = 88;
  static final int CATCH_UP_SIZE_BLOCKS = 96;
  static final int CATCH_UP_HOST_LENGTH = 100;
  static final int CATCH_UP_OPTIONS = 101;
  static final int CATCH_UP_PORT = 102;
  static final int CATCH_UP_HOST = 104;
  static final int HELLO_CLIENT = 48;
  static final int HELLO_CONNECTION = 56;
  static final int HELLO_SHARD = 64;
  static final int HELLO_ROLE = 68;
  static final int HELLO_MIN_VERSION = 72;
  static final int HELLO_MAX_VERSION = 73;

  /** Bytes of a HELLO. */
  public static final int HELLO_BYTES = 80;

  /**
   * Option of a CATCH_UP: what the source cannot read is unreadable here too, and no reason to end.
   */
  public static final int OPTION_LEAVE_UNREADABLE = 1;

  /** Longest host name in a CATCH_UP request, in bytes. */
  public static final int HOST_BYTES_MAX = 255;

  /** Role of a gateway in HELLO. */
  public static final int ROLE_GATEWAY = 1;

  /** Role of another replica in HELLO. */
  public static final int ROLE_REPLICA = 2;

  private final Crc32c crc = new Crc32c();
  private final long clusterId;

  /**
   * An encoder; one per loop.
   *
   * @param clusterId goes into every request.
   */
  public Request(long clusterId) {
    this.clusterId = clusterId;
  }

  /** HELLO: the first frame of a link. */
  public int hello(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long nodeId,
      long clientId,
      long connectionNumber,
      int shard,
      int role) {
    b.setMemory(o, HELLO_BYTES, (byte) 0);
    Frame.begin(b, o, MessageType.HELLO, 0, requestId, 0);
    b.putLong(o + CLUSTER, clusterId, ORDER);
    b.putLong(o + NODE, nodeId, ORDER);
    b.putLong(o + HELLO_CLIENT, clientId, ORDER);
    b.putLong(o + HELLO_CONNECTION, connectionNumber, ORDER);
    b.putInt(o + HELLO_SHARD, shard, ORDER);
    b.putInt(o + HELLO_ROLE, role, ORDER);
    b.putByte(o + HELLO_MIN_VERSION, Frame.VERSION);
    b.putByte(o + HELLO_MAX_VERSION, Frame.VERSION);
    return Frame.seal(b, o, HELLO_BYTES, 0, crc);
  }

  /** FENCE or PING of a volume, or OPEN of a chunk: no fields of their own. */
  public int bare(
      MutableDirectBuffer b,
      int o,
      int type,
      long requestId,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation) {
    begin(b, o, type, 0, requestId, nodeId, volumeId, layer, index, generation, BARE_BYTES);
    return Frame.seal(b, o, BARE_BYTES, 0, crc);
  }

  /**
   * PING of an owner, which confirms its generation.
   *
   * @param copyPace a {@link CopyPace} for the volume's chunks that catch up on the shard.
   */
  public int ping(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long nodeId,
      long volumeId,
      long generation,
      int copyPace) {
    begin(
        b,
        o,
        MessageType.PING,
        copyPace,
        requestId,
        nodeId,
        volumeId,
        0,
        0,
        generation,
        BARE_BYTES);
    return Frame.seal(b, o, BARE_BYTES, 0, crc);
  }

  /** CREATE: an empty chunk. */
  public int create(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation,
      int sizeBlocks) {
    begin(b, o, MessageType.CREATE, 0, requestId, nodeId, volumeId, layer, index, generation, 80);
    b.putInt(o + CREATE_SIZE_BLOCKS, sizeBlocks, ORDER);
    return Frame.seal(b, o, 80, 0, crc);
  }

  /**
   * WRITE: the caller has put the blocks' checksums at {@link #crcsOffset} of the same buffer
   * before, with {@link #putCrc}.
   */
  public int write(
      MutableDirectBuffer b,
      int o,
      int flags,
      long requestId,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation,
      long version,
      int blockOffset,
      int blockCount) {
    int length = Frame.align8(WRITE_CRCS + 4 * blockCount);
    if ((blockCount & 1) != 0) {
      b.putInt(o + length - 4, 0, ORDER);
    }
    Frame.begin(b, o, MessageType.WRITE, flags, requestId, 0);
    identify(b, o, nodeId, volumeId, layer, index, generation);
    b.putLong(o + WRITE_VERSION, version, ORDER);
    b.putInt(o + WRITE_BLOCK, blockOffset, ORDER);
    b.putInt(o + WRITE_COUNT, blockCount, ORDER);
    return Frame.seal(b, o, length, blockCount * Frame.BLOCK_BYTES, crc);
  }

  /** ZERO: a write of zeroes. */
  public int zero(
      MutableDirectBuffer b,
      int o,
      int flags,
      long requestId,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation,
      long version,
      int blockOffset,
      int blockCount) {
    begin(b, o, MessageType.ZERO, flags, requestId, nodeId, volumeId, layer, index, generation, 88);
    b.putLong(o + WRITE_VERSION, version, ORDER);
    b.putInt(o + WRITE_BLOCK, blockOffset, ORDER);
    b.putInt(o + WRITE_COUNT, blockCount, ORDER);
    return Frame.seal(b, o, 88, 0, crc);
  }

  /** READ, EXTENTS (minLast 0) or VERSIONS of a range. */
  public int range(
      MutableDirectBuffer b,
      int o,
      int type,
      int flags,
      long requestId,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation,
      int blockOffset,
      int blockCount,
      long minLast) {
    int length = type == MessageType.VERSIONS ? 88 : 80;
    begin(b, o, type, flags, requestId, nodeId, volumeId, layer, index, generation, length);
    b.putInt(o + READ_BLOCK, blockOffset, ORDER);
    b.putInt(o + READ_COUNT, blockCount, ORDER);
    if (type == MessageType.VERSIONS) {
      b.putLong(o + VERSIONS_MIN_LAST, minLast, ORDER);
    }
    return Frame.seal(b, o, length, 0, crc);
  }

  /** SYNC: answered when the shard is durable up to lsn. */
  public int sync(MutableDirectBuffer b, int o, long requestId, long nodeId, long lsn) {
    begin(b, o, MessageType.SYNC, 0, requestId, nodeId, 0, 0, 0, 0, 80);
    b.putLong(o + SYNC_LSN, lsn, ORDER);
    return Frame.seal(b, o, 80, 0, crc);
  }

  /**
   * CATCH_UP: become syncing at base and pull the rest from the source.
   *
   * @param copyPace a {@link CopyPace}; one that is unbounded is not changed by a later PING.
   */
  public int catchUp(
      MutableDirectBuffer b,
      int o,
      long requestId,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation,
      long base,
      long attempt,
      long sourceNodeId,
      int sizeBlocks,
      String host,
      int port,
      int copyPace,
      int options) {
    byte[] hostBytes = host.getBytes(StandardCharsets.UTF_8);
    if (hostBytes.length > HOST_BYTES_MAX) {
      throw new IllegalArgumentException(
          "host of " + hostBytes.length + " bytes is longer than " + HOST_BYTES_MAX);
    }
    int length = Frame.align8(CATCH_UP_HOST + hostBytes.length);
    begin(
        b,
        o,
        MessageType.CATCH_UP,
        copyPace,
        requestId,
        nodeId,
        volumeId,
        layer,
        index,
        generation,
        length);
    b.putLong(o + CATCH_UP_BASE, base, ORDER);
    b.putLong(o + CATCH_UP_ATTEMPT, attempt, ORDER);
    b.putLong(o + CATCH_UP_SOURCE, sourceNodeId, ORDER);
    b.putInt(o + CATCH_UP_SIZE_BLOCKS, sizeBlocks, ORDER);
    b.putByte(o + CATCH_UP_HOST_LENGTH, (byte) hostBytes.length);
    b.putByte(o + CATCH_UP_OPTIONS, (byte) options);
    b.putShort(o + CATCH_UP_PORT, (short) port, ORDER);
    b.putBytes(o + CATCH_UP_HOST, hostBytes);
    return Frame.seal(b, o, length, 0, crc);
  }

  /** Puts one block's checksum where {@link #write} expects it. */
  public static void putCrc(MutableDirectBuffer b, int o, int block, int value) {
    b.putInt(o + WRITE_CRCS + 4 * block, value, ORDER);
  }

  private void begin(
      MutableDirectBuffer b,
      int o,
      int type,
      int flags,
      long requestId,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation,
      int length) {
    b.setMemory(o, length, (byte) 0);
    Frame.begin(b, o, type, flags, requestId, 0);
    identify(b, o, nodeId, volumeId, layer, index, generation);
  }

  private void identify(
      MutableDirectBuffer b,
      int o,
      long nodeId,
      long volumeId,
      int layer,
      int index,
      long generation) {
    b.putLong(o + CLUSTER, clusterId, ORDER);
    b.putLong(o + NODE, nodeId, ORDER);
    b.putLong(o + VOLUME, volumeId, ORDER);
    b.putInt(o + LAYER, layer, ORDER);
    b.putInt(o + INDEX, index, ORDER);
    b.putLong(o + GENERATION, generation, ORDER);
  }

  public static long clusterId(DirectBuffer b, int o) {
    return b.getLong(o + CLUSTER, ORDER);
  }

  public static long nodeId(DirectBuffer b, int o) {
    return b.getLong(o + NODE, ORDER);
  }

  public static long volumeId(DirectBuffer b, int o) {
    return b.getLong(o + VOLUME, ORDER);
  }

  public static int layer(DirectBuffer b, int o) {
    return b.getInt(o + LAYER, ORDER);
  }

  public static int index(DirectBuffer b, int o) {
    return b.getInt(o + INDEX, ORDER);
  }

  public static long generation(DirectBuffer b, int o) {
    return b.getLong(o + GENERATION, ORDER);
  }

  /** Size of the chunk that CREATE makes, in blocks. */
  public static int createSizeBlocks(DirectBuffer b, int o) {
    return b.getInt(o + CREATE_SIZE_BLOCKS, ORDER);
  }

  /** Version of a WRITE or ZERO. */
  public static long writeVersion(DirectBuffer b, int o) {
    return b.getLong(o + WRITE_VERSION, ORDER);
  }

  /** First block of a WRITE or ZERO. */
  public static int writeBlock(DirectBuffer b, int o) {
    return b.getInt(o + WRITE_BLOCK, ORDER);
  }

  /** Block count of a WRITE or ZERO. */
  public static int writeCount(DirectBuffer b, int o) {
    return b.getInt(o + WRITE_COUNT, ORDER);
  }

  /** Offset of the first checksum of a WRITE, within its header. */
  public static int crcsOffset() {
    return WRITE_CRCS;
  }

  /** First block of a READ, VERSIONS or EXTENTS. */
  public static int rangeBlock(DirectBuffer b, int o) {
    return b.getInt(o + READ_BLOCK, ORDER);
  }

  /** Block count of a READ, VERSIONS or EXTENTS. */
  public static int rangeCount(DirectBuffer b, int o) {
    return b.getInt(o + READ_COUNT, ORDER);
  }

  /** The position that the source of a VERSIONS page must have reached. */
  public static long versionsMinLast(DirectBuffer b, int o) {
    return b.getLong(o + VERSIONS_MIN_LAST, ORDER);
  }

  public static long syncLsn(DirectBuffer b, int o) {
    return b.getLong(o + SYNC_LSN, ORDER);
  }

  public static long catchUpBase(DirectBuffer b, int o) {
    return b.getLong(o + CATCH_UP_BASE, ORDER);
  }

  public static long catchUpAttempt(DirectBuffer b, int o) {
    return b.getLong(o + CATCH_UP_ATTEMPT, ORDER);
  }

  public static long catchUpSource(DirectBuffer b, int o) {
    return b.getLong(o + CATCH_UP_SOURCE, ORDER);
  }

  public static int catchUpSizeBlocks(DirectBuffer b, int o) {
    return b.getInt(o + CATCH_UP_SIZE_BLOCKS, ORDER);
  }

  /** Host of the source; the header's length has been checked before. */
  public static String catchUpHost(DirectBuffer b, int o) {
    byte[] host = new byte[b.getByte(o + CATCH_UP_HOST_LENGTH) & 0xFF];
    b.getBytes(o + CATCH_UP_HOST, host);
    return new String(host, StandardCharsets.UTF_8);
  }

  public static boolean catchUpLeavesUnreadable(DirectBuffer b, int o) {
    return (b.getByte(o + CATCH_UP_OPTIONS) & OPTION_LEAVE_UNREADABLE) != 0;
  }

  public static int catchUpPort(DirectBuffer b, int o) {
    return b.getShort(o + CATCH_UP_PORT, ORDER) & 0xFFFF;
  }

  public static long helloClient(DirectBuffer b, int o) {
    return b.getLong(o + HELLO_CLIENT, ORDER);
  }

  public static long helloConnection(DirectBuffer b, int o) {
    return b.getLong(o + HELLO_CONNECTION, ORDER);
  }

  public static int helloShard(DirectBuffer b, int o) {
    return b.getInt(o + HELLO_SHARD, ORDER);
  }

  public static int helloMinVersion(DirectBuffer b, int o) {
    return b.getByte(o + HELLO_MIN_VERSION);
  }

  public static int helloMaxVersion(DirectBuffer b, int o) {
    return b.getByte(o + HELLO_MAX_VERSION);
  }
}
