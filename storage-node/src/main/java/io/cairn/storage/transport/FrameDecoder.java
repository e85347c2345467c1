package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Cuts a stream of bytes into frames. Nothing that a peer says is believed before it is checked:
 * the lengths must lie in their bounds before the header is waited for, and the header's checksum
 * must hold before memory is allocated for the payload.
 *
 * <pre>
 * PREFIX --32 good bytes--> HEADER --checksum holds--> PAYLOAD --delivered--> PREFIX ...
 * PREFIX, HEADER --anything else--> the stream is over
 * </pre>
 *
 * <p>A payload that lies whole in the bytes that are fed shares their memory. A small one is waited
 * for when there is room for the rest of it behind what came; any other is collected in a buffer of
 * its own size, which the socket may be read into: no byte is copied more than once. One that the
 * peer lends is delivered where it lies; its bytes may change at any time, by a peer that fails.
 */
final class FrameDecoder {
  /** A larger header's array is given back after its frame: idle links stay small. */
  private static final int HEADER_KEPT_BYTES = 4096;

  private static final int HEADER_FIRST_BYTES = 512;

  /** A payload up to this size is waited for where it lies. */
  private static final int WAITED_FOR_BYTES = 32 << 10;

  /** Receives the frames. */
  interface Sink {
    /** Whether another frame may be delivered now; when not, the bytes stay where they are. */
    boolean takesMore();

    /** One whole frame with a good header; header and payload are borrowed. */
    void onFrame(DirectBuffer header, int headerLength, Payload payload);
  }

  private final ByteBufAllocator allocator;

  /** What the peer lends, or null. */
  private final SharedMemory lent;

  private final Crc32c crc = new Crc32c();
  private byte[] headerBytes = new byte[HEADER_FIRST_BYTES];
  private final UnsafeBuffer header = new UnsafeBuffer(headerBytes);
  private int headerFilled;

  /** 0 until the prefix was found good. */
  private int headerLength;

  /** Bytes behind the header that say where the payload lies; 0 for one that follows. */
  private int placeBytes;

  /** -1 until the header was found good. */
  private int payloadLength = -1;

  /** The part of a payload that came so far; null when nothing had to be collected yet. */
  private ByteBuf collected;

  private boolean refused;

  /**
   * A decoder at the beginning of a stream.
   *
   * @param lent memory of the peer's in which payloads may lie, or null. Borrowed.
   */
  FrameDecoder(ByteBufAllocator allocator, SharedMemory lent) {
    this.allocator = allocator;
    this.lent = lent;
  }

  /**
   * Consumes bytes as far as there are any and the sink takes frames.
   *
   * @param in borrowed; what was consumed is behind its reader index.
   * @return null, or why the stream is over, with the value and the bound.
   */
  String feed(ByteBuf in, Sink sink) {
    refused = false;
    while (sink.takesMore()) {
      if (payloadLength < 0) {
        String problem = fillHeader(in);
        if (problem != null) {
          return problem;
        }
        if (payloadLength < 0) {
          return null;
        }
      }
      if (payloadLength == 0) {
        deliver(sink, null);
      } else if (placeBytes > 0) {
        int place = (int) header.getLong(headerLength, ByteOrder.LITTLE_ENDIAN);
        deliver(sink, NettyPayload.of(lent.retain(), place, payloadLength));
      } else if (collected == null && in.readableBytes() >= payloadLength) {
        int from = in.readerIndex();
        in.skipBytes(payloadLength);
        deliver(sink, NettyPayload.of(in.retain(), from, payloadLength));
      } else if (collected == null && hasRoomForRest(in)) {
        return null;
      } else if (collect(in)) {
        ByteBuf whole = collected;
        collected = null;
        deliver(sink, NettyPayload.of(whole));
      } else {
        return null;
      }
    }
    refused = true;
    return null;
  }

  /** Whether the last feeding ended because the sink took no more. */
  boolean wasRefused() {
    return refused;
  }

  private String fillHeader(ByteBuf in) {
    if (headerLength == 0) {
      if (!take(in, Frame.PREFIX_BYTES)) {
        return null;
      }
      String problem = Frame.prefixProblem(header, 0);
      if (problem != null) {
        return problem;
      }
      headerLength = Frame.headerLength(header, 0);
      placeBytes = isLent() ? Long.BYTES : 0;
      if (headerLength + placeBytes > headerBytes.length) {
        byte[] larger = new byte[headerLength + placeBytes];
        System.arraycopy(headerBytes, 0, larger, 0, headerFilled);
        keep(larger);
      }
    }
    if (!take(in, headerLength + placeBytes)) {
      return null;
    }
    if (!Frame.headerCrcOk(header, 0, crc)) {
      return "the header's checksum does not match its " + headerLength + " bytes";
    }
    int length = Frame.frameLength(header, 0) - headerLength;
    if (placeBytes > 0) {
      String problem = placeProblem(header.getLong(headerLength, ByteOrder.LITTLE_ENDIAN), length);
      if (problem != null) {
        return problem;
      }
      Frame.markLent(header, 0, false, crc);
    }
    payloadLength = length;
    return null;
  }

  private boolean isLent() {
    return Frame.type(header, 0) == MessageType.WRITE
        && (Frame.flags(header, 0) & Frame.FLAG_LENT) != 0;
  }

  private String placeProblem(long place, int length) {
    if (lent == null) {
      return "a payload of " + length + " bytes in memory that was not lent";
    }
    if (length == 0 || place < 0 || place > lent.sizeBytes() - length) {
      return "a payload of "
          + length
          + " bytes at "
          + place
          + " is not within the "
          + lent.sizeBytes()
          + " bytes that were lent";
    }
    return null;
  }

  private boolean take(ByteBuf in, int wanted) {
    int count = Math.min(in.readableBytes(), wanted - headerFilled);
    in.readBytes(headerBytes, headerFilled, count);
    headerFilled += count;
    return headerFilled == wanted;
  }

  private boolean hasRoomForRest(ByteBuf in) {
    return payloadLength <= WAITED_FOR_BYTES
        && in.writableBytes() >= payloadLength - in.readableBytes();
  }

  /**
   * The payload that is being collected, for the socket to be read into; null when there is none.
   */
  ByteBuf collected() {
    return collected;
  }

  /** Whether a payload was collected whole, and waits for the sink. */
  boolean hasWhole() {
    return collected != null && !collected.isWritable();
  }

  private boolean collect(ByteBuf in) {
    if (collected == null) {
      collected = LoopMemory.forPayload(payloadLength, allocator);
    }
    collected.writeBytes(in, Math.min(in.readableBytes(), collected.writableBytes()));
    return !collected.isWritable();
  }

  private void deliver(Sink sink, NettyPayload payload) {
    int length = headerLength;
    headerFilled = 0;
    headerLength = 0;
    payloadLength = -1;
    try {
      sink.onFrame(header, length, payload);
    } finally {
      if (payload != null) {
        payload.release();
      }
      if (headerBytes.length > HEADER_KEPT_BYTES) {
        keep(new byte[HEADER_FIRST_BYTES]);
      }
    }
  }

  private void keep(byte[] array) {
    headerBytes = array;
    header.wrap(array);
  }

  /** Gives back what was collected of a frame that will not be completed. */
  void release() {
    if (collected != null) {
      collected.release();
      collected = null;
    }
  }
}
