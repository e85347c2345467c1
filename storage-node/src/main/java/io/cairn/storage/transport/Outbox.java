package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import org.agrona.DirectBuffer;

/**
 * What one channel is to send: headers, which are copied and lie together, and payloads, which are
 * shared. All of one turn of the loop leaves in one system call. Allocates nothing in the steady
 * state; used on the channel's loop only.
 */
public final class Outbox {
  private final Channel channel;
  private final Runnable turnEnd;

  /** Headers; those from an index on were not written to the channel yet. */
  private Slab headers;

  private int unwritten;
  private boolean flushScheduled;

  /**
   * For a channel of the calling loop.
   *
   * @param turnEnd runs at the end of a turn in which something was to be sent, and flushes.
   */
  public Outbox(Channel channel, Runnable turnEnd) {
    this.channel = channel;
    this.turnEnd = turnEnd;
  }

  /** Queues a header; copied. */
  public void header(DirectBuffer header, int offset, int length) {
    if (length > LoopMemory.HEADERS_BYTES) {
      writeHeaders();
      ByteBuf large = channel.alloc().directBuffer(length, length);
      put(header, offset, length, large);
      channel.write(large, channel.voidPromise());
    } else {
      if (headers != null && headers.writableBytes() < length) {
        writeHeaders();
        release();
      }
      if (headers == null) {
        headers = LoopMemory.current().forHeaders();
        unwritten = 0;
      }
      put(header, offset, length, headers);
    }
    if (!flushScheduled) {
      flushScheduled = true;
      TurnLoop.atTurnEnd(channel.eventLoop(), turnEnd);
    }
  }

  private static void put(DirectBuffer header, int offset, int length, ByteBuf to) {
    byte[] array = header.byteArray();
    if (array != null) {
      to.writeBytes(array, header.wrapAdjustment() + offset, length);
    } else {
      header.getBytes(offset, to.internalNioBuffer(to.writerIndex(), length), length);
      to.writerIndex(to.writerIndex() + length);
    }
  }

  /** Queues the payload of the header before; borrowed. */
  public void payload(Payload payload) {
    writeHeaders();
    channel.write(OutboundBytes.of(payload, channel.alloc()), channel.voidPromise());
  }

  private void writeHeaders() {
    if (headers != null && headers.writerIndex() > unwritten) {
      int from = unwritten;
      unwritten = headers.writerIndex();
      channel.write(
          LoopMemory.current().outbound(headers, from, unwritten - from), channel.voidPromise());
    }
  }

  /** Sends what is queued, as far as the socket takes it; the channel keeps the rest. */
  public void flush() {
    flushScheduled = false;
    writeHeaders();
    channel.flush();
    // Whoever is idle holds no memory. Room in the channel may have brought another header already.
    if (headers != null && headers.writerIndex() == unwritten) {
      release();
    }
  }

  /** Bytes that wait to leave. */
  public long queuedBytes() {
    ChannelOutboundBuffer outbound = channel.unsafe().outboundBuffer();
    long unsent = headers == null ? 0 : headers.writerIndex() - unwritten;
    return outbound == null ? 0 : unsent + outbound.totalPendingWriteBytes();
  }

  /** Lets go of what was not written: the channel is closed. */
  public void release() {
    if (headers != null) {
      headers.release();
      headers = null;
    }
  }
}
