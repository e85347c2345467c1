package io.cairn.client.nbd.server;

import io.cairn.client.listener.ClientListener;
import io.cairn.client.nbd.Exports;
import io.cairn.client.nbd.Handshake;
import io.cairn.client.nbd.Nbd;
import io.cairn.client.nbd.Output;
import io.cairn.client.nbd.Transmission;
import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.Inbox;
import io.cairn.storage.transport.LoopMemory;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.Outbox;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Cuts one connection's bytes into options and requests. A payload stays in the memory that the
 * socket was read into, and what a read answers goes from the node's link to the client's socket.
 *
 * <pre>
 * FLAGS --> OPTION --> OPTION_DATA --> OPTION ... --granted--> REQUEST
 * REQUEST --> ADMISSION --room for it--> PAYLOAD, if it has one --> REQUEST ...
 * OPTION --too long--> SKIP --> OPTION      ADMISSION --payload too long--> SKIP --> REQUEST
 * </pre>
 */
final class NbdConnection extends ChannelInboundHandlerAdapter
    implements Output, Handshake.Listener, ClientListener.Newcomer {
  /** Requests that one connection may have under way; beyond it the socket is not read. */
  private static final int REQUESTS_MAX = 256;

  private static final int HANDSHAKE_SECONDS = 30;

  /** Silence in the middle of a payload after which the connection ends: it holds memory. */
  private static final int PAYLOAD_SECONDS = 60;

  /** Bytes that a client may send behind an option before that was answered. */
  private static final int EARLY_BYTES_MAX = 256 << 10;

  private enum Stage {
    FLAGS,
    OPTION,
    OPTION_DATA,
    REQUEST,
    ADMISSION,
    PAYLOAD,
    SKIP
  }

  /** A payload up to this size is waited for where it lies. */
  private static final int WAITED_FOR_BYTES = 32 << 10;

  private final Inbox inbox;
  private final Handshake handshake;
  private final ExportMemories memories;
  private final Consumer<NbdConnection> handshaken;
  private final RequestMemory.Waiter granted = this::granted;
  private VolumeIo export;
  private RequestMemory memory;
  private boolean isGranted;
  private boolean isWaiting;
  private boolean stopped;
  private long lastReadNanos;
  private Transmission transmission;
  private Stage stage = Stage.FLAGS;
  private ChannelHandlerContext context;
  private ScheduledFuture<?> deadline;
  private ScheduledFuture<?> payloadWatch;
  private Outbox outbox;
  private boolean reading;

  /** A payload that does not lie in the inbox; the socket is read into it. */
  private ByteBuf collected;

  /** Bytes of payloads that were sent and may not have left. */
  private long unsentBytes;

  private boolean watchesUnsent;

  private int option;
  private long skipBytes;
  private long dataLength;
  private int flags;
  private int type;
  private long cookie;
  private long offset;

  /**
   * A connection before its handshake.
   *
   * @param inbox the channel's receive allocator.
   * @param handshaken hears, once or more, that the handshake is over, well or not.
   */
  NbdConnection(
      Inbox inbox, Exports exports, ExportMemories memories, Consumer<NbdConnection> handshaken) {
    this.inbox = inbox;
    this.memories = memories;
    this.handshaken = handshaken;
    handshake = new Handshake(exports, this, this);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
    outbox = new Outbox(added.channel(), this::flush);
    if (added.channel().isActive()) {
      begin();
    }
  }

  @Override
  public void channelActive(ChannelHandlerContext active) {
    begin();
  }

  private void begin() {
    if (deadline == null) {
      deadline = context.executor().schedule(this::onDeadline, HANDSHAKE_SECONDS, TimeUnit.SECONDS);
      handshake.greet();
    }
  }

  /** Ends a handshake for another client's, unless it is our turn in it; whether it did. */
  @Override
  public boolean giveWay() {
    if (handshake.isBusy()) {
      return false;
    }
    handshaken.accept(this);
    context.close();
    return true;
  }

  /** Who waits for us may wait; who lets us wait may not. */
  private void onDeadline() {
    if (handshake.isBusy()) {
      deadline = context.executor().schedule(this::onDeadline, HANDSHAKE_SECONDS, TimeUnit.SECONDS);
    } else {
      context.close();
    }
  }

  /** The message is the inbox's, or the collected payload, with another reference. */
  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ((ByteBuf) message).release();
    lastReadNanos = System.nanoTime();
    decode();
  }

  private void decode() {
    if (!context.channel().isActive()) {
      return;
    }
    ByteBuf in = inbox.bytes() == null ? Unpooled.EMPTY_BUFFER : inbox.bytes();
    reading = true;
    while (context.channel().isOpen() && step(in)) {
      // One option or request after the other, as far as the bytes reach.
      continue;
    }
    reading = false;
    if (!context.channel().isOpen()) {
      return;
    }
    if (handshake.isBusy() && in.readableBytes() > EARLY_BYTES_MAX) {
      context.close();
      return;
    }
    inbox.trim();
    inbox.readInto(collected);
    boolean backlogged = transmission != null && stopped;
    if (context.channel().config().isAutoRead() == backlogged) {
      context.channel().config().setAutoRead(!backlogged);
    }
  }

  private boolean step(ByteBuf in) {
    return switch (stage) {
      case FLAGS -> in.readableBytes() >= 4 && clientFlags(in);
      case OPTION ->
          !handshake.isBusy() && in.readableBytes() >= Nbd.OPTION_BYTES && optionHeader(in);
      case OPTION_DATA -> in.readableBytes() >= dataLength && optionData(in);
      case REQUEST -> in.readableBytes() >= Nbd.REQUEST_BYTES && requestHeader(in);
      case ADMISSION -> admitted();
      case PAYLOAD -> payload(in);
      case SKIP -> skip(in);
    };
  }

  private boolean clientFlags(ByteBuf in) {
    stage = Stage.OPTION;
    handshake.onClientFlags(in.readInt());
    return true;
  }

  private boolean optionHeader(ByteBuf in) {
    if (!handshake.optionMagicOk(in.readLong())) {
      return false;
    }
    option = in.readInt();
    dataLength = in.readUnsignedInt();
    if (dataLength > Nbd.OPTION_DATA_BYTES_MAX) {
      skipBytes = dataLength;
      stage = Stage.SKIP;
    } else {
      stage = Stage.OPTION_DATA;
    }
    return true;
  }

  private boolean optionData(ByteBuf in) {
    byte[] data = new byte[(int) dataLength];
    in.readBytes(data);
    stage = Stage.OPTION;
    handshake.onOption(option, new UnsafeBuffer(data), 0, data.length);
    return true;
  }

  /** Whether the client takes its replies and leaves us some requests to finish. */
  private boolean hasRoom() {
    return transmission.requestsInFlight() < REQUESTS_MAX && context.channel().isWritable();
  }

  private boolean admitted() {
    if (isWaiting || !hasRoom()) {
      stopped = true;
      return false;
    }
    long weight = Transmission.weight(type, dataLength);
    if (!isGranted && !memory.reserve(weight, granted)) {
      isWaiting = true;
      stopped = true;
      return false;
    }
    isGranted = false;
    stopped = false;
    if (type != Nbd.CMD_WRITE) {
      stage = Stage.REQUEST;
      transmission.onRequest(flags, type, cookie, offset, dataLength, null);
    } else if (Transmission.payloadFits(dataLength)) {
      stage = Stage.PAYLOAD;
      watchPayload();
    } else {
      skipBytes = dataLength;
      stage = Stage.SKIP;
    }
    return true;
  }

  private void granted() {
    isWaiting = false;
    isGranted = true;
    resume();
  }

  /** A client that died or hangs in the middle of a write must not keep what is reserved for it. */
  private void watchPayload() {
    if (payloadWatch == null) {
      payloadWatch =
          context.executor().schedule(this::onPayloadWatch, PAYLOAD_SECONDS, TimeUnit.SECONDS);
    }
  }

  private void onPayloadWatch() {
    payloadWatch = null;
    if (stage != Stage.PAYLOAD) {
      return;
    }
    if (System.nanoTime() - lastReadNanos >= TimeUnit.SECONDS.toNanos(PAYLOAD_SECONDS)) {
      context.close();
    } else {
      watchPayload();
    }
  }

  private boolean requestHeader(ByteBuf in) {
    if (in.readInt() != Nbd.REQUEST_MAGIC) {
      context.close();
      return false;
    }
    flags = in.readUnsignedShort();
    type = in.readUnsignedShort();
    cookie = in.readLong();
    offset = in.readLong();
    dataLength = in.readUnsignedInt();
    stage = Stage.ADMISSION;
    return true;
  }

  private boolean payload(ByteBuf in) {
    int length = (int) dataLength;
    NettyPayload payload;
    if (collected == null && in.readableBytes() >= length) {
      payload = NettyPayload.of(in.retain(), in.readerIndex(), length);
      in.skipBytes(length);
    } else if (collect(in, length)) {
      payload = NettyPayload.of(collected);
      collected = null;
      inbox.readInto(null);
    } else {
      return false;
    }
    stage = Stage.REQUEST;
    try {
      transmission.onRequest(flags, type, cookie, offset, dataLength, payload);
    } finally {
      payload.release();
    }
    return true;
  }

  /** A small payload may be waited for where it lies; whether another one is whole. */
  private boolean collect(ByteBuf in, int length) {
    if (collected == null) {
      if (length <= WAITED_FOR_BYTES && in.writableBytes() >= length - in.readableBytes()) {
        return false;
      }
      collected = LoopMemory.forPayload(length, context.alloc());
    }
    collected.writeBytes(in, Math.min(in.readableBytes(), collected.writableBytes()));
    return !collected.isWritable();
  }

  private boolean skip(ByteBuf in) {
    int count = (int) Math.min(skipBytes, in.readableBytes());
    in.skipBytes(count);
    skipBytes -= count;
    if (skipBytes > 0) {
      return false;
    }
    if (transmission == null) {
      stage = Stage.OPTION;
      handshake.onOversizeOption(option, dataLength);
    } else {
      stage = Stage.REQUEST;
      transmission.onRequest(flags, type, cookie, offset, dataLength, null);
    }
    return true;
  }

  @Override
  public void transmit(VolumeIo io, boolean structuredReplies, boolean baseAllocation) {
    deadline.cancel(false);
    handshaken.accept(this);
    export = io;
    memory = memories.join(io);
    transmission =
        new Transmission(io, structuredReplies, baseAllocation, this, this::requestFinished);
    stage = Stage.REQUEST;
    resume();
  }

  private void requestFinished(long weight) {
    memory.release(weight);
    goOn();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (transmission != null) {
      goOn();
    }
  }

  private void goOn() {
    if (stopped && !isWaiting && hasRoom()) {
      stopped = false;
      resume();
    }
  }

  /** Bytes that came meanwhile wait in the inbox: decode them now. */
  @Override
  public void resume() {
    if (!reading && context.channel().isActive()) {
      context.executor().execute(this::decodeWhatIsThere);
    }
  }

  private void decodeWhatIsThere() {
    try {
      decode();
    } catch (RuntimeException e) {
      exceptionCaught(context, e);
    }
  }

  @Override
  public void send(DirectBuffer header, int headerLength, Payload payload) {
    outbox.header(header, 0, headerLength);
    if (payload != null && payload.length() > 0) {
      int length = payload.length();
      memory.hold(length);
      unsentBytes += length;
      outbox.payload(payload);
    }
  }

  private void flush() {
    outbox.flush();
    if (unsentBytes > 0 && outbox.queuedBytes() == 0) {
      sent(unsentBytes);
    } else if (unsentBytes > 0 && !watchesUnsent) {
      // The client does not take all at once: this one leaves behind all that is queued now.
      watchesUnsent = true;
      long count = unsentBytes;
      context
          .writeAndFlush(Unpooled.EMPTY_BUFFER)
          .addListener(
              left -> {
                watchesUnsent = false;
                sent(Math.min(count, unsentBytes));
                if (unsentBytes > 0) {
                  flush();
                }
              });
    }
  }

  private void sent(long count) {
    unsentBytes -= count;
    memory.release(count);
  }

  @Override
  public void close() {
    outbox.flush();
    context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    handshaken.accept(this);
    if (deadline != null) {
      deadline.cancel(false);
    }
    if (payloadWatch != null) {
      payloadWatch.cancel(false);
    }
    handshake.onClosed();
    if (transmission != null) {
      transmission.onClosed();
      if (isWaiting) {
        memory.forget(granted);
      } else if (isGranted) {
        memory.release(Transmission.weight(type, dataLength));
      } else if (stage == Stage.PAYLOAD) {
        memory.release(dataLength);
      }
      if (unsentBytes > 0) {
        sent(unsentBytes);
      }
      memories.leave(export);
    }
    inbox.readInto(null);
    inbox.release();
    outbox.release();
    if (collected != null) {
      collected.release();
      collected = null;
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    // A reset or garbage ends this connection and no other.
    ctx.close();
  }
}
