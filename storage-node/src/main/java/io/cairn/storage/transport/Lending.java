package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.netty.channel.Channel;
import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The payloads of one link that its peer, a process of this host, reads from this one's memory
 * instead of its socket: those of WRITEs, until they are answered.
 *
 * <pre>
 * OFFERED --the peer's first byte is 1--> LENDING      the memory's descriptor was sent first
 *         --any other------------------> NOT LENDING   payloads follow their headers as ever
 * </pre>
 *
 * <p>Links that share the connection share this; each has requests of its own.
 *
 * <p>A link that ends gives all payloads back, although the peer may be looking at one: it takes
 * nothing for written of which the checksums do not hold in its own journal.
 */
final class Lending {
  /** The answer of who has mapped the memory. */
  static final byte TAKEN = 1;

  private static final int STREAM_SHIFT = 48;

  private final SharedMemory memory;
  private final Long2ObjectHashMap<Payload> lent = new Long2ObjectHashMap<>();
  private final UnsafeBuffer header = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX >> 4]);
  private final Crc32c crc = new Crc32c();
  private boolean decided;
  private boolean taken;

  /**
   * For one link.
   *
   * @param memory borrowed for as long as its loop has it.
   */
  Lending(SharedMemory memory) {
    this.memory = memory;
  }

  /** Shows the memory to the peer; before any frame. */
  void offer(Channel channel) {
    channel.write(memory.descriptor(), channel.voidPromise());
  }

  /** Whether the peer has answered the offer. */
  boolean isDecided() {
    return decided;
  }

  /** What the peer said to the offer. */
  void decide(byte answer) {
    decided = true;
    taken = answer == TAKEN;
  }

  /**
   * Sends a request without its payload, if that can be lent.
   *
   * @return false when the caller is to send both.
   */
  boolean send(Outbox outbox, DirectBuffer source, int offset, int length, Payload payload) {
    if (!taken
        || Frame.type(source, offset) != MessageType.WRITE
        || length + Long.BYTES > header.capacity()
        || payload.buffer().byteArray() != null) {
      return false;
    }
    long place =
        memory.placeOf(payload.buffer().addressOffset() + payload.offset(), payload.length());
    if (place < 0) {
      return false;
    }
    header.putBytes(0, source, offset, length);
    Frame.markLent(header, 0, true, crc);
    header.putLong(length, place, ByteOrder.LITTLE_ENDIAN);
    payload.retain();
    release(lent.put(key(source, offset), payload));
    outbox.header(header, 0, length + Long.BYTES);
    return true;
  }

  /** Ids are counted by each link, from 1. */
  private static long key(DirectBuffer header, int offset) {
    return Frame.requestId(header, offset) ^ (long) Frame.stream(header, offset) << STREAM_SHIFT;
  }

  /**
   * A frame that came: if it answers a request, the peer needs its payload no more, and if it ends
   * a link, it needs none of that link's.
   */
  void received(DirectBuffer frame) {
    if (lent.isEmpty()) {
      return;
    }
    if (Frame.type(frame, 0) == MessageType.END) {
      ended(Frame.stream(frame, 0));
    } else {
      release(lent.remove(key(frame, 0)));
    }
  }

  /** One of several links is closed. */
  void ended(int stream) {
    lent.entrySet()
        .removeIf(
            entry -> {
              boolean its = entry.getKey() >>> STREAM_SHIFT == stream;
              if (its) {
                entry.getValue().release();
              }
              return its;
            });
  }

  private static void release(Payload payload) {
    if (payload != null) {
      payload.release();
    }
  }

  /** The link is closed. */
  void release() {
    lent.values().forEach(Payload::release);
    lent.clear();
  }
}
