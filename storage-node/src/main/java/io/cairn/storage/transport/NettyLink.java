package io.cairn.storage.transport;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
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

  /** Which end of the connection this is. */
  enum Role {
    /** Sends requests; always reads, or two ends could wait for each other for ever. */
    CLIENT,
    /** Answers them; reads no further while its answers are not taken. */
    SERVER
  }

  private final long id = nextId();
  private final Channel channel;
  private final Role role;
  private final Dialer.Handler handler;
  private final LinkLimits limits;
  private final FrameDecoder decoder;

  /** What was received, also while the handler, or a server's peer, takes no more. */
  private final Inbox inbox;

  private final Outbox outbox;

  /** What the peer lends for as long as the link is open, or null. */
  private SharedMemory borrowed;

  /** What is lent to the peer, or null. */
  private final Lending lending;

  private boolean open;
  private boolean told;
  private boolean draining;

  /**
   * A link that does not read yet; made on the channel's loop.
   *
   * @param inbox the channel's receive allocator.
   * @param lending of payloads to the peer, or null.
   * @param borrowed memory that the peer lends, or null; taken over.
   */
  NettyLink(
      Channel channel,
      Inbox inbox,
      Role role,
      Dialer.Handler handler,
      LinkLimits limits,
      Lending lending,
      SharedMemory borrowed) {
    this.lending = lending;
    this.borrowed = borrowed;
    this.inbox = inbox;
    this.channel = channel;
    this.role = role;
    this.handler = handler;
    this.limits = limits;
    this.decoder = new FrameDecoder(channel.alloc(), borrowed);
    this.outbox = new Outbox(channel, this::flush);
  }

  /** Of links that have no connection of their own, too. */
  static long nextId() {
    return IDS.incrementAndGet();
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
    if (lending != null) {
      lending.offer(channel);
    }
    handler.onOpen(this, System.nanoTime());
    if (first != null) {
      inbox.append(first);
      drain();
    }
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    begin(null);
  }

  /** The message is the inbox's, or a payload's that is being collected, with another reference. */
  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ((ByteBuf) message).release();
    drain();
  }

  private boolean hasReceived() {
    return inbox.bytes() != null && inbox.bytes().isReadable();
  }

  private void drain() {
    if (draining || !open) {
      return;
    }
    draining = true;
    try {
      ByteBuf bytes = inbox.bytes() == null ? Unpooled.EMPTY_BUFFER : inbox.bytes();
      if (lending != null && !lending.isDecided() && bytes.isReadable()) {
        lending.decide(bytes.readByte());
      }
      String problem;
      do {
        problem = decoder.feed(bytes, this);
        // What is sent while frames are taken may fill the channel, or find it empty again.
      } while (problem == null && decoder.wasRefused() && takesMore());
      if (problem != null) {
        LOG.debug("{} is closed: {}", this, problem);
        close();
      }
    } catch (RuntimeException e) {
      LOG.error("{} is closed: its handler failed", this, e);
      close();
    } finally {
      draining = false;
    }
    if (!open) {
      releaseReceived();
      return;
    }
    inbox.trim();
    inbox.readInto(hasReceived() ? null : decoder.collected());
    boolean stops = decoder.wasRefused() && (hasReceived() || decoder.hasWhole());
    if (channel.config().isAutoRead() == stops) {
      channel.config().setAutoRead(!stops);
    }
  }

  @Override
  public boolean takesMore() {
    return open && (role == Role.CLIENT || channel.isWritable()) && handler.takesMore();
  }

  @Override
  public void resume() {
    if (open && !channel.config().isAutoRead()) {
      channel.eventLoop().execute(this::drain);
    }
  }

  @Override
  public void onFrame(DirectBuffer header, int headerLength, Payload payload) {
    if (lending != null) {
      lending.received(header);
    }
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
    boolean withPayload = payload != null && payload.length() > 0;
    if (withPayload
        && lending != null
        && lending.send(outbox, header, headerOffset, headerLength, payload)) {
      return;
    }
    outbox.header(header, headerOffset, headerLength);
    if (withPayload) {
      outbox.payload(payload);
      if (queuedBytes() > limits.queuedBytesMax()) {
        LOG.warn("{} is closed: its peer left {} bytes unread", this, queuedBytes());
        open = false;
        channel.close();
      }
    }
  }

  /** One of the links that share this one is closed: nobody waits for its answers. */
  void ended(int stream) {
    if (lending != null) {
      lending.ended(stream);
    }
  }

  private void flush() {
    if (open) {
      outbox.flush();
    }
  }

  /** Bytes that wait to leave. */
  long queuedBytes() {
    return outbox.queuedBytes();
  }

  /** Closes at once; what was sent before leaves if the socket takes it without waiting. */
  @Override
  public void close() {
    if (!open) {
      return;
    }
    open = false;
    outbox.flush();
    channel.close();
    if (!draining) {
      releaseReceived();
    }
  }

  private void releaseReceived() {
    inbox.readInto(null);
    decoder.release();
    inbox.release();
    outbox.release();
    if (lending != null) {
      lending.release();
    }
    if (borrowed != null) {
      borrowed.release();
      borrowed = null;
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
