package io.cairn.storage.transport;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.DirectBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One end of a TCP connection. All calls and callbacks happen on the channel's loop.
 *
 * <p>Frames that are sent within one turn of the loop leave in one system call. The handler hears
 * of the close once, never from within a call that it makes itself, and no frame after it closed
 * the link.
 */
final class NettyLink extends ChannelInboundHandlerAdapter implements Link, FrameDecoder.Sink {
  private static final Logger LOG = LoggerFactory.getLogger(NettyLink.class);
  private static final AtomicLong IDS = new AtomicLong();

  /** Headers without a payload share buffers of this size. */
  private static final int HEADERS_BYTES = 2048;

  /** Which end of the connection this is. */
  enum Role {
    /** Sends requests; always reads, or two ends could wait for each other for ever. */
    CLIENT,
    /** Answers them; reads no further while its answers are not taken. */
    SERVER
  }

  private final long id = IDS.incrementAndGet();
  private final Channel channel;
  private final Role role;
  private final Dialer.Handler handler;
  private final LinkLimits limits;
  private final FrameDecoder decoder;
  private final Runnable flush = this::flush;

  /** Bytes that were received and wait until the handler, or a server's peer, takes more. */
  private final ArrayDeque<ByteBuf> received = new ArrayDeque<>();

  private ByteBuf headers;
  private boolean open;
  private boolean told;
  private boolean draining;
  private boolean flushScheduled;

  NettyLink(Channel channel, Role role, Dialer.Handler handler, LinkLimits limits) {
    this.channel = channel;
    this.role = role;
    this.handler = handler;
    this.limits = limits;
    this.decoder = new FrameDecoder(channel.alloc());
  }

  @Override
  public long id() {
    return id;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public String toString() {
    return "link " + id + " " + role + " " + channel;
  }

  /**
   * The channel is connected.
   *
   * @param first bytes that came already, or null; taken over.
   */
  void begin(ByteBuf first) {
    if (told || !channel.isActive()) {
      if (first != null) {
        first.release();
      }
      tellClosed();
      return;
    }
    open = true;
    handler.onOpen(this, System.nanoTime());
    if (first != null) {
      take(first);
    }
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    begin(null);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    take((ByteBuf) message);
  }

  private void take(ByteBuf bytes) {
    if (!open) {
      bytes.release();
      return;
    }
    received.add(bytes);
    drain();
  }

  private void drain() {
    if (draining) {
      return;
    }
    draining = true;
    try {
      while (!received.isEmpty() && takesMore()) {
        ByteBuf first = received.peek();
        String problem = decoder.feed(first, this);
        if (problem != null) {
          LOG.debug("{} is closed: {}", this, problem);
          close();
        } else if (!first.isReadable()) {
          received.remove().release();
        }
      }
    } catch (RuntimeException e) {
      LOG.error("{} is closed: its handler failed", this, e);
      close();
    } finally {
      draining = false;
    }
    if (!open) {
      releaseReceived();
    } else if (channel.config().isAutoRead() != received.isEmpty()) {
      channel.config().setAutoRead(received.isEmpty());
    }
  }

  @Override
  public boolean takesMore() {
    return open && (role == Role.CLIENT || channel.isWritable()) && handler.takesMore();
  }

  @Override
  public void resume() {
    if (open && !received.isEmpty()) {
      channel.eventLoop().execute(this::drainIfOpen);
    }
  }

  private void drainIfOpen() {
    if (open) {
      drain();
    }
  }

  @Override
  public void onFrame(DirectBuffer header, int headerLength, Payload payload) {
    handler.onFrame(header, 0, headerLength, payload, System.nanoTime());
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (channel.isWritable()) {
      drain();
    }
  }

  @Override
  public void send(DirectBuffer header, int headerOffset, int headerLength, Payload payload) {
    if (!channel.eventLoop().inEventLoop()) {
      throw new IllegalStateException(this + " is used outside its loop");
    }
    if (!open) {
      return;
    }
    if (headers != null && headers.writableBytes() < headerLength) {
      writeHeaders();
    }
    if (headers == null) {
      headers = channel.alloc().directBuffer(Math.max(HEADERS_BYTES, headerLength));
    }
    append(header, headerOffset, headerLength);
    if (payload != null && payload.length() > 0) {
      writeHeaders();
      channel.write(PayloadBytes.of(payload, channel.alloc()), channel.voidPromise());
      if (queuedBytes() > limits.queuedBytesMax()) {
        LOG.warn("{} is closed: its peer left {} bytes unread", this, queuedBytes());
        open = false;
        channel.close();
        return;
      }
    }
    if (!flushScheduled) {
      flushScheduled = true;
      channel.eventLoop().execute(flush);
    }
  }

  private void append(DirectBuffer header, int offset, int length) {
    byte[] array = header.byteArray();
    if (array != null) {
      headers.writeBytes(array, header.wrapAdjustment() + offset, length);
    } else {
      header.getBytes(offset, headers.internalNioBuffer(headers.writerIndex(), length), length);
      headers.writerIndex(headers.writerIndex() + length);
    }
  }

  private void writeHeaders() {
    if (headers != null) {
      ByteBuf bytes = headers;
      headers = null;
      channel.write(bytes, channel.voidPromise());
    }
  }

  private void flush() {
    flushScheduled = false;
    if (open) {
      writeHeaders();
      channel.flush();
    }
  }

  /** Bytes that wait to leave. */
  long queuedBytes() {
    ChannelOutboundBuffer outbound = channel.unsafe().outboundBuffer();
    return outbound == null ? 0 : outbound.totalPendingWriteBytes();
  }

  /** Closes at once; what was sent before leaves if the socket takes it without waiting. */
  @Override
  public void close() {
    if (!open) {
      return;
    }
    open = false;
    writeHeaders();
    channel.flush();
    channel.close();
    if (!draining) {
      releaseReceived();
    }
  }

  private void releaseReceived() {
    decoder.release();
    while (!received.isEmpty()) {
      received.remove().release();
    }
    if (headers != null) {
      headers.release();
      headers = null;
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    tellClosed();
  }

  /** The connection is gone, or was never made. */
  void tellClosed() {
    open = false;
    if (!draining) {
      releaseReceived();
    }
    if (!told) {
      told = true;
      handler.onClosed(System.nanoTime());
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("{} is closed", this, cause);
    open = false;
    channel.close();
  }
}
