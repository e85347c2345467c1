package io.cairn.client.nbd.server;

import io.cairn.client.nbd.Exports;
import io.cairn.client.nbd.Handshake;
import io.cairn.client.nbd.Nbd;
import io.cairn.client.nbd.Output;
import io.cairn.client.nbd.Transmission;
import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Cuts one connection's bytes into options and requests.
 *
 * <pre>
 * FLAGS --> OPTION --> OPTION_DATA --> OPTION ... --granted--> REQUEST --> PAYLOAD --> REQUEST ...
 * OPTION --too long--> SKIP --> OPTION      REQUEST --payload too long--> SKIP --> REQUEST
 * </pre>
 */
final class NbdConnection extends ByteToMessageDecoder implements Output, Handshake.Listener {
  /** Requests that one connection may have under way; beyond it the socket is not read. */
  private static final int REQUESTS_MAX = 256;

  private static final int HANDSHAKE_SECONDS = 30;

  private enum Stage {
    FLAGS,
    OPTION,
    OPTION_DATA,
    REQUEST,
    PAYLOAD,
    SKIP
  }

  private final Handshake handshake;
  private Transmission transmission;
  private Stage stage = Stage.FLAGS;
  private ChannelHandlerContext context;
  private ScheduledFuture<?> deadline;
  private boolean flushNeeded;
  private boolean reading;

  private int option;
  private long skipBytes;
  private long dataLength;
  private int flags;
  private int type;
  private long cookie;
  private long offset;

  NbdConnection(Exports exports) {
    handshake = new Handshake(exports, this, this);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
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
      deadline =
          context.executor().schedule(() -> context.close(), HANDSHAKE_SECONDS, TimeUnit.SECONDS);
      handshake.greet();
      context.flush();
    }
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> unused) {
    reading = true;
    while (ctx.channel().isOpen() && step(in)) {
      // One option or request after the other, as far as the bytes reach.
      continue;
    }
    reading = false;
  }

  private boolean step(ByteBuf in) {
    return switch (stage) {
      case FLAGS -> in.readableBytes() >= 4 && clientFlags(in);
      case OPTION ->
          !handshake.isBusy() && in.readableBytes() >= Nbd.OPTION_BYTES && optionHeader(in);
      case OPTION_DATA -> in.readableBytes() >= dataLength && optionData(in);
      case REQUEST -> in.readableBytes() >= Nbd.REQUEST_BYTES && hasRoom() && requestHeader(in);
      case PAYLOAD -> in.readableBytes() >= dataLength && payload(in);
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

  private boolean hasRoom() {
    return transmission.requestsInFlight() < REQUESTS_MAX;
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
    if (type != Nbd.CMD_WRITE) {
      transmission.onRequest(flags, type, cookie, offset, dataLength, null);
      return true;
    }
    if (Transmission.payloadFits(dataLength)) {
      stage = Stage.PAYLOAD;
    } else {
      skipBytes = dataLength;
      stage = Stage.SKIP;
    }
    return true;
  }

  private boolean payload(ByteBuf in) {
    stage = Stage.REQUEST;
    NettyPayload payload = NettyPayload.of(in.readRetainedSlice((int) dataLength));
    try {
      transmission.onRequest(flags, type, cookie, offset, dataLength, payload);
    } finally {
      payload.release();
    }
    return true;
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
    transmission =
        new Transmission(io, structuredReplies, baseAllocation, this, this::requestFinished);
    stage = Stage.REQUEST;
    resume();
  }

  private void requestFinished() {
    if (transmission.requestsInFlight() == REQUESTS_MAX - 1) {
      resume();
    }
  }

  /** Bytes that came meanwhile wait in the cumulation: decode them now. */
  @Override
  public void resume() {
    if (!reading && context.channel().isActive()) {
      context
          .executor()
          .execute(
              () -> {
                if (context.channel().isActive()) {
                  decodeWhatIsThere();
                }
              });
    }
  }

  private void decodeWhatIsThere() {
    try {
      channelRead(context, Unpooled.EMPTY_BUFFER);
      channelReadComplete(context);
    } catch (Exception e) {
      exceptionCaught(context, e);
    }
  }

  @Override
  public void send(DirectBuffer header, int length, Payload payload) {
    ByteBuf bytes = context.alloc().directBuffer(length);
    byte[] array = header.byteArray();
    bytes.writeBytes(array, 0, length);
    context.write(bytes);
    if (payload != null && payload.length() > 0) {
      context.write(bytesOf(payload));
    }
    if (!reading && !flushNeeded) {
      flushNeeded = true;
      context.executor().execute(this::flush);
    }
  }

  private static ByteBuf bytesOf(Payload payload) {
    if (payload instanceof NettyPayload netty) {
      return netty.retainedBytes();
    }
    byte[] copy = new byte[payload.length()];
    payload.buffer().getBytes(payload.offset(), copy);
    return Unpooled.wrappedBuffer(copy);
  }

  private void flush() {
    flushNeeded = false;
    context.flush();
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    ctx.flush();
    super.channelReadComplete(ctx);
    boolean backlogged = transmission != null && !hasRoom();
    if (ctx.channel().config().isAutoRead() == backlogged) {
      ctx.channel().config().setAutoRead(!backlogged);
    }
  }

  @Override
  public void close() {
    context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    if (deadline != null) {
      deadline.cancel(false);
    }
    handshake.onClosed();
    if (transmission != null) {
      transmission.onClosed();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    // A reset or garbage ends this connection and no other.
    ctx.close();
  }
}
