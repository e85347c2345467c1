package io.cairn.client.iscsi.server;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.cairn.client.iscsi.Bhs;
import io.cairn.client.iscsi.Output;
import io.cairn.client.iscsi.ProtocolException;
import io.cairn.client.iscsi.TargetConnection;
import io.cairn.client.listener.ClientListener;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.Inbox;
import io.cairn.storage.transport.Outbox;
import io.cairn.storage.wire.Crc32c;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.agrona.concurrent.UnsafeBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection of the target: its bytes, its time limits and its end. A PDU that is none, or
 * whose digest is wrong, ends the connection, as error recovery level 0 allows (RFC 7143 section
 * 7.8).
 */
final class IscsiConnection extends ChannelInboundHandlerAdapter
    implements Output, PduReader.Sink, ClientListener.Newcomer {
  private static final Logger LOG = LoggerFactory.getLogger(IscsiConnection.class);
  private static final int LOGIN_SECONDS = 30;

  private final TargetConnection.Portal portal;
  private final Consumer<IscsiConnection> loggedIn;
  private final Inbox inbox;
  private final Crc32c crc = new Crc32c();

  /** A header with its digest, or the digest of data. */
  private final UnsafeBuffer sealed = new UnsafeBuffer(new byte[Bhs.BYTES + Bhs.DIGEST_BYTES]);

  private PduReader reader;
  private Outbox outbox;
  private TargetConnection connection;
  private ChannelHandlerContext context;
  private ScheduledFuture<?> deadline;
  private boolean inLogin = true;

  /** What came was no PDU: nothing more is taken. */
  private boolean broken;

  /**
   * A connection before its login.
   *
   * @param inbox the channel's receive allocator.
   * @param loggedIn hears that the login is over.
   */
  IscsiConnection(Inbox inbox, TargetConnection.Portal portal, Consumer<IscsiConnection> loggedIn) {
    this.inbox = inbox;
    this.portal = portal;
    this.loggedIn = loggedIn;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
    outbox = new Outbox(added.channel(), this::flush);
    reader = new PduReader(added.alloc(), this);
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

  /** The message is the inbox's, or what a data segment is collected in, with a reference. */
  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ((ByteBuf) message).release();
    if (ctx.channel().isActive() && !broken) {
      decode(ctx, inbox.bytes() == null ? Unpooled.EMPTY_BUFFER : inbox.bytes());
    }
    if (broken) {
      // The connection only waits for its last answers to leave.
      inbox.readInto(null);
      inbox.release();
    }
  }

  private void decode(ChannelHandlerContext ctx, ByteBuf in) {
    try {
      while (ctx.channel().isActive() && reader.read(in)) {
        // One PDU after the other, as far as the bytes reach.
        continue;
      }
    } catch (ProtocolException e) {
      broken = true;
      connection.close(e.getMessage());
      return;
    }
    inbox.trim();
    inbox.readInto(reader.collected());
  }

  @Override
  public boolean hasHeaderDigests() {
    return connection.isLoggedIn() && connection.parameters().headerDigest();
  }

  @Override
  public boolean hasDataDigests() {
    return connection.isLoggedIn() && connection.parameters().dataDigest();
  }

  @Override
  public Payload placeOf(Bhs pdu) {
    return connection.placeOf(pdu);
  }

  @Override
  public void onPdu(Bhs pdu, Payload data) {
    connection.onPdu(pdu, data, System.nanoTime());
    afterPdu();
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
    boolean digests = !isLoginAnswer(header);
    if (digests && hasHeaderDigests()) {
      sealed.putBytes(0, header.bytes(), 0, Bhs.BYTES);
      sealed.putInt(Bhs.BYTES, crc.of(header.bytes(), 0, Bhs.BYTES), LITTLE_ENDIAN);
      outbox.header(sealed, 0, Bhs.BYTES + Bhs.DIGEST_BYTES);
    } else {
      outbox.header(header.bytes(), 0, Bhs.BYTES);
    }
    if (data != null && data.length() > 0) {
      sendData(data, digests && hasDataDigests());
    }
  }

  private static boolean isLoginAnswer(Bhs header) {
    return header.opcode() == 0x23;
  }

  private void sendData(Payload data, boolean digest) {
    int padding = Bhs.padding(data.length());
    if (padding == 0) {
      outbox.payload(data);
      if (digest) {
        int sum = crc.of(data.buffer(), data.offset(), data.length());
        sealed.putInt(0, sum, LITTLE_ENDIAN);
        outbox.header(sealed, 0, Bhs.DIGEST_BYTES);
      }
      return;
    }
    int length = data.length() + padding;
    UnsafeBuffer padded = new UnsafeBuffer(new byte[length + Bhs.DIGEST_BYTES]);
    padded.putBytes(0, data.buffer(), data.offset(), data.length());
    if (digest) {
      padded.putInt(length, crc.of(padded, 0, length), LITTLE_ENDIAN);
    }
    outbox.header(padded, 0, length + (digest ? Bhs.DIGEST_BYTES : 0));
  }

  private void flush() {
    afterPdu();
    outbox.flush();
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
    outbox.flush();
    context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    if (connection != null) {
      deadline.cancel(false);
      connection.onClosed();
    }
    inbox.readInto(null);
    inbox.release();
    outbox.release();
    reader.release();
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
