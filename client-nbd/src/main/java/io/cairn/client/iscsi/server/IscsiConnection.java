package io.cairn.client.iscsi.server;

import io.cairn.client.iscsi.Bhs;
import io.cairn.client.iscsi.Output;
import io.cairn.client.iscsi.Parameters;
import io.cairn.client.iscsi.ProtocolException;
import io.cairn.client.iscsi.TargetConnection;
import io.cairn.client.listener.ClientListener;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.OutboundBytes;
import io.cairn.storage.wire.Crc32c;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.agrona.concurrent.UnsafeBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Cuts one connection's bytes into PDUs, and checks and makes their digests (RFC 7143 section
 * 11.2). A digest that is wrong ends the connection, as error recovery level 0 allows (section
 * 7.8).
 */
final class IscsiConnection extends ByteToMessageDecoder
    implements Output, ClientListener.Newcomer {
  private static final Logger LOG = LoggerFactory.getLogger(IscsiConnection.class);
  private static final int LOGIN_SECONDS = 30;

  private final TargetConnection.Portal portal;
  private final Consumer<IscsiConnection> loggedIn;
  private final Bhs pdu = new Bhs();
  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer view = new UnsafeBuffer(0, 0);
  private TargetConnection connection;
  private ChannelHandlerContext context;
  private ScheduledFuture<?> deadline;
  private boolean hasHeader;
  private boolean reading;
  private boolean flushNeeded;
  private boolean inLogin = true;

  /**
   * A connection before its login.
   *
   * @param loggedIn hears that the login is over.
   */
  IscsiConnection(TargetConnection.Portal portal, Consumer<IscsiConnection> loggedIn) {
    this.portal = portal;
    this.loggedIn = loggedIn;
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
    if (connection != null) {
      return;
    }
    connection =
        new TargetConnection(
            portal,
            text(context.channel().localAddress()),
            text(context.channel().remoteAddress()),
            this,
            System.nanoTime());
    deadline = context.executor().schedule(this::onDeadline, LOGIN_SECONDS, TimeUnit.SECONDS);
  }

  private static String text(SocketAddress address) {
    // Who has gone already has no address.
    if (!(address instanceof InetSocketAddress inet)) {
      return "unknown";
    }
    String host = inet.getAddress().getHostAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + inet.getPort();
  }

  private void onDeadline() {
    if (!connection.isLoggedIn()) {
      connection.close("no login within " + LOGIN_SECONDS + " s");
    }
  }

  /** Ends a login for another initiator's, unless it waits for us; whether it did. */
  @Override
  public boolean giveWay() {
    if (connection == null || connection.isBusy()) {
      return false;
    }
    loggedIn.accept(this);
    connection.close("others want to log in");
    return true;
  }

  void watch() {
    if (connection != null) {
      connection.onTimer(System.nanoTime());
    }
  }

  void requestLogout() {
    if (connection != null) {
      connection.requestLogout();
    }
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> unused) {
    reading = true;
    try {
      while (ctx.channel().isActive() && (hasHeader || header(in)) && data(in)) {
        // One PDU after the other, as far as the bytes reach.
        continue;
      }
    } catch (ProtocolException e) {
      in.skipBytes(in.readableBytes());
      connection.close(e.getMessage());
    } finally {
      reading = false;
    }
  }

  private boolean header(ByteBuf in) {
    if (in.readableBytes() < Bhs.BYTES) {
      return false;
    }
    in.getBytes(in.readerIndex(), pdu.bytes().byteArray());
    int length = Bhs.BYTES + pdu.additionalHeaderBytes();
    boolean digest = connection.isLoggedIn() && connection.parameters().headerDigest();
    if (in.readableBytes() < length + (digest ? Bhs.DIGEST_BYTES : 0)) {
      return false;
    }
    if (digest) {
      check("header", in, length);
    }
    if (pdu.dataSegmentBytes() > Parameters.RECEIVE_BYTES_MAX) {
      throw new ProtocolException(
          "a data segment of "
              + pdu.dataSegmentBytes()
              + " bytes: at most "
              + Parameters.RECEIVE_BYTES_MAX);
    }
    in.skipBytes(length + (digest ? Bhs.DIGEST_BYTES : 0));
    hasHeader = true;
    return true;
  }

  private void check(String what, ByteBuf in, int length) {
    view.wrap(in.nioBuffer(in.readerIndex(), length));
    int computed = crc.of(view, 0, length);
    int came = in.getIntLE(in.readerIndex() + length);
    if (computed != came) {
      throw new ProtocolException(
          String.format("the %s digest is %08x: computed %08x", what, came, computed));
    }
  }

  private boolean data(ByteBuf in) {
    int length = pdu.dataSegmentBytes();
    if (length == 0) {
      hasHeader = false;
      connection.onPdu(pdu, null, System.nanoTime());
      afterPdu();
      return true;
    }
    int padded = length + Bhs.padding(length);
    boolean digest = connection.isLoggedIn() && connection.parameters().dataDigest();
    if (in.readableBytes() < padded + (digest ? Bhs.DIGEST_BYTES : 0)) {
      return false;
    }
    if (digest) {
      check("data", in, padded);
    }
    hasHeader = false;
    Payload data = NettyPayload.of(in.readRetainedSlice(length));
    in.skipBytes(padded - length + (digest ? Bhs.DIGEST_BYTES : 0));
    try {
      connection.onPdu(pdu, data, System.nanoTime());
    } finally {
      data.release();
    }
    afterPdu();
    return true;
  }

  private void afterPdu() {
    if (inLogin && connection.isLoggedIn()) {
      loginOver();
    }
  }

  private void loginOver() {
    inLogin = false;
    deadline.cancel(false);
    loggedIn.accept(this);
    LOG.info("iSCSI: {} logged in from {}", initiator(), context.channel().remoteAddress());
  }

  private String initiator() {
    // It came from outside: no control characters in the log.
    String name = connection.initiatorName();
    return name == null ? "an initiator" : name.replaceAll("[^\\x21-\\x7e]", "?");
  }

  @Override
  public void send(Bhs header, Payload data) {
    // The login's last answer has none yet: what follows it has.
    boolean digests = connection.isLoggedIn() && !isLoginAnswer(header);
    boolean headerDigest = digests && connection.parameters().headerDigest();
    boolean dataDigest = digests && connection.parameters().dataDigest();
    ByteBuf bytes = context.alloc().directBuffer(Bhs.BYTES + Bhs.DIGEST_BYTES);
    bytes.writeBytes(header.bytes().byteArray());
    if (headerDigest) {
      bytes.writeIntLE(crc.of(header.bytes(), 0, Bhs.BYTES));
    }
    context.write(bytes);
    if (data != null && data.length() > 0) {
      sendData(data, dataDigest);
    }
    if (!reading && !flushNeeded) {
      flushNeeded = true;
      context.executor().execute(this::flush);
    }
  }

  private static boolean isLoginAnswer(Bhs header) {
    return header.opcode() == 0x23;
  }

  private void sendData(Payload data, boolean digest) {
    int padding = Bhs.padding(data.length());
    if (padding == 0) {
      context.write(OutboundBytes.of(data, context.alloc()));
      if (digest) {
        ByteBuf trailer = context.alloc().directBuffer(Bhs.DIGEST_BYTES);
        trailer.writeIntLE(crc.of(data.buffer(), data.offset(), data.length()));
        context.write(trailer);
      }
      return;
    }
    int length = data.length() + padding;
    UnsafeBuffer padded = new UnsafeBuffer(new byte[length]);
    padded.putBytes(0, data.buffer(), data.offset(), data.length());
    ByteBuf bytes = context.alloc().directBuffer(length + Bhs.DIGEST_BYTES);
    bytes.writeBytes(padded.byteArray());
    if (digest) {
      bytes.writeIntLE(crc.of(padded, 0, length));
    }
    context.write(bytes);
  }

  private void flush() {
    flushNeeded = false;
    if (inLogin && connection.isLoggedIn()) {
      loginOver();
    }
    context.flush();
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    ctx.flush();
    super.channelReadComplete(ctx);
  }

  /** Who does not take its answers gets no more commands in. */
  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    ctx.channel().config().setAutoRead(ctx.channel().isWritable());
  }

  @Override
  public void close() {
    // Who has not said a name is nobody whom an operator could look for.
    if (connection.end() != null && connection.initiatorName() != null) {
      LOG.info(
          "iSCSI: {} at {} is disconnected: {}",
          initiator(),
          context.channel().remoteAddress(),
          connection.end());
    }
    deadline.cancel(false);
    context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    if (connection != null) {
      deadline.cancel(false);
      connection.onClosed();
    }
    super.channelInactive(ctx);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    // A reset or garbage ends this connection and no other.
    if (!(cause instanceof java.io.IOException)) {
      LOG.warn("iSCSI: {} broke and is disconnected", ctx.channel().remoteAddress(), cause);
    }
    ctx.close();
  }
}
