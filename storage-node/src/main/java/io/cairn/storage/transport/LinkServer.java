package io.cairn.storage.transport;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketChannelConfig;
import io.netty.channel.unix.DomainSocketReadMode;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.concurrent.ScheduledFuture;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.agrona.concurrent.UnsafeBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens on a node's one data port. A connection begins on the accepting loop, where it must send
 * a HELLO in time; the HELLO names a shard, and from then on the connection lives on that shard's
 * loop, so that a request goes from socket to shard without changing threads.
 *
 * <pre>
 * GREETING --HELLO--> MOVING --registered with the shard's loop--> the shard's link
 * GREETING --garbage, silence, too many that owe it--> closed
 * </pre>
 */
public final class LinkServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LinkServer.class);

  /** Where the connections of one shard live. */
  public interface Shard {
    /** The shard's loop, of the same kind as the accepting one. */
    EventLoop loop();

    /**
     * Makes the receiver of a new connection; called on the shard's loop, as is the handler, whose
     * first frame is the HELLO.
     */
    Dialer.Handler accept();
  }

  /** Connections that may owe their HELLO; with more, the one that owes it longest is closed. */
  static final int GREETINGS_MAX = 256;

  private final EventLoop acceptor;
  private final LinkLimits limits;
  private final ByteBufAllocator allocator;
  private final ChannelGroup connections;

  /** Connections that owe their HELLO, in the order of their age; the acceptor's loop only. */
  private final Set<Greeting> greetings = new LinkedHashSet<>();

  private final LongAdder accepted = new LongAdder();
  private final LongAdder refused = new LongAdder();
  private final LongAdder badGreetings = new LongAdder();
  private final LongAdder localAccepted = new LongAdder();
  private final LongAdder lent = new LongAdder();
  private Channel listener;

  /** Empty when there are none. */
  private final List<Channel> localListeners = new ArrayList<>();

  /** Empty until the node serves. */
  private volatile List<Shard> shards = List.of();

  private LinkServer(EventLoop acceptor, LinkLimits limits, ByteBufAllocator allocator) {
    this.acceptor = acceptor;
    this.limits = limits;
    this.allocator = allocator;
    this.connections = new DefaultChannelGroup("data port", acceptor, true);
  }

  /**
   * Takes the address; until {@link #serve} every connection is closed at once.
   *
   * @param acceptor the loop that accepts and waits for greetings; may be a shard's.
   */
  public static LinkServer listen(
      InetSocketAddress address, EventLoop acceptor, LinkLimits limits, ByteBufAllocator allocator)
      throws IOException {
    LinkServer server = new LinkServer(acceptor, limits, allocator);
    SocketKind kind = SocketKind.of(acceptor);
    server.listener =
        server.bind(
            new ServerBootstrap()
                .channel(kind.serverSocket())
                .option(ChannelOption.SO_REUSEADDR, true),
            address,
            kind::tune,
            address.getHostString() + ":" + address.getPort());
    return server;
  }

  /**
   * Listens also for processes of this host, as {@link LocalSockets} says; where that cannot be,
   * they use TCP as everybody else does.
   *
   * @param host under which the node is announced, with the port.
   */
  public void listenLocally(String host, int port) {
    for (LocalSockets.Kind kind : LocalSockets.Kind.values()) {
      DomainSocketAddress address = LocalSockets.of(kind, host, port, acceptor);
      if (address == null) {
        return;
      }
      String name = "the Unix socket of " + host + ":" + port;
      try {
        localListeners.add(
            bind(
                new ServerBootstrap().channel(LocalSockets.SERVER_SOCKET),
                address,
                kind == LocalSockets.Kind.LENDING ? this::lendingAccepted : this::localAccepted,
                name));
      } catch (IOException e) {
        LOG.warn("processes of this host use TCP too: {}", e.getMessage());
        return;
      }
    }
  }

  private void localAccepted(Channel channel) {
    localAccepted.increment();
  }

  /** The first thing to be received is no byte but the descriptor of the memory. */
  private void lendingAccepted(Channel channel) {
    localAccepted.increment();
    setReadMode(channel, DomainSocketReadMode.FILE_DESCRIPTORS);
  }

  private static void setReadMode(Channel channel, DomainSocketReadMode mode) {
    ((DomainSocketChannelConfig) channel.config()).setReadMode(mode);
  }

  /**
   * Listens on one address.
   *
   * @param taken is given each connection that is not refused.
   * @param name of the address, for people.
   */
  private Channel bind(
      ServerBootstrap bootstrap, SocketAddress address, Consumer<Channel> taken, String name)
      throws IOException {
    int high = limits.unreadBytesHigh();
    ChannelFuture bound =
        bootstrap
            .group(acceptor)
            .childOption(ChannelOption.ALLOCATOR, allocator)
            .childOption(
                ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(high / 2, high))
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    accepted(channel, taken);
                  }
                })
            .bind(address)
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException(
          "cannot listen on " + name + ": " + reason(bound.cause()), bound.cause());
    }
    return bound.channel();
  }

  /** What the kernel said, without the call and the number that Netty puts before it. */
  private static String reason(Throwable cause) {
    String message = String.valueOf(cause.getMessage());
    return message.substring(message.lastIndexOf(": ") < 0 ? 0 : message.lastIndexOf(": ") + 2);
  }

  /**
   * From now on connections are taken.
   *
   * @param byNumber a HELLO for a shard that does not exist goes to the first, which refuses it; an
   *     empty list ends the serving of new connections.
   */
  public void serve(List<Shard> byNumber) {
    shards = List.copyOf(byNumber);
  }

  /** The address, with the port that was given for port 0. */
  public InetSocketAddress address() {
    return (InetSocketAddress) listener.localAddress();
  }

  /** Connections that are open now. */
  public int connections() {
    return connections.size();
  }

  /** Connections that were accepted since the start. */
  public long accepted() {
    return accepted.sum();
  }

  /** Of those, connections from this host that came without TCP. */
  public long localAccepted() {
    return localAccepted.sum();
  }

  /** Of those, connections whose peer lends the payloads of its writes. */
  public long lent() {
    return lent.sum();
  }

  /** Connections that were closed at once: too many, or before the node served. */
  public long refused() {
    return refused.sum();
  }

  /** Connections that ended without a HELLO. */
  public long badGreetings() {
    return badGreetings.sum();
  }

  private void accepted(Channel channel, Consumer<Channel> taken) {
    if (shards.isEmpty() || connections.size() >= limits.connectionsMax()) {
      refused.increment();
      channel.close();
      return;
    }
    accepted.increment();
    connections.add(channel);
    taken.accept(channel);
    if (greetings.size() >= GREETINGS_MAX) {
      greetings.iterator().next().giveWay();
    }
    Inbox inbox = new Inbox();
    channel.config().setRecvByteBufAllocator(inbox);
    Greeting greeting = new Greeting(inbox);
    greetings.add(greeting);
    channel.pipeline().addLast(greeting);
  }

  /** A connection that has not said for which shard it is. */
  private final class Greeting extends ChannelInboundHandlerAdapter {
    private final UnsafeBuffer hello = new UnsafeBuffer(new byte[Request.HELLO_BYTES]);
    private ChannelHandlerContext context;
    private final Inbox inbox;
    private ByteBuf received;

    /** Memory that the peer lends, or null. */
    private SharedMemory borrowed;

    private ScheduledFuture<?> deadline;
    private Shard shard;
    private boolean over;

    Greeting(Inbox inbox) {
      this.inbox = inbox;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
      context = ctx;
      deadline =
          ctx.executor()
              .schedule(
                  () -> end(ctx, "no HELLO within " + limits.greetingTimeoutMillis() + " ms"),
                  limits.greetingTimeoutMillis(),
                  TimeUnit.MILLISECONDS);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (message instanceof FileDescriptor descriptor) {
        borrow(ctx, descriptor);
        return;
      }
      ((ByteBuf) message).release();
      if (over && shard == null) {
        inbox.release();
        return;
      }
      // Few bytes: reading stops at the first HELLO. They may move to another loop, their slab may
      // not; and who keeps silent holds little.
      ByteBuf bytes = inbox.bytes();
      if (received == null) {
        received = ctx.alloc().directBuffer(Math.max(bytes.readableBytes(), Request.HELLO_BYTES));
      }
      received.writeBytes(bytes);
      inbox.trim();
      if (shard == null) {
        examine(ctx);
      }
    }

    private void borrow(ChannelHandlerContext ctx, FileDescriptor descriptor) {
      try {
        if (!over && borrowed == null) {
          borrowed = SharedMemory.borrow(descriptor);
          lent.increment();
        }
      } catch (IOException e) {
        LOG.debug("{} sends its payloads: {}", ctx.channel(), e.getMessage());
      } finally {
        try {
          descriptor.close();
        } catch (IOException e) {
          LOG.debug("{}: a descriptor stays open", ctx.channel(), e);
        }
      }
      setReadMode(ctx.channel(), DomainSocketReadMode.BYTES);
      int answer = borrowed == null ? 0 : Lending.TAKEN;
      ctx.writeAndFlush(ctx.alloc().directBuffer(1, 1).writeByte(answer), ctx.voidPromise());
    }

    private void examine(ChannelHandlerContext ctx) {
      int count = Math.min(received.readableBytes(), Request.HELLO_BYTES);
      if (count < Frame.PREFIX_BYTES) {
        return;
      }
      received.getBytes(received.readerIndex(), hello.byteArray(), 0, count);
      String problem = Frame.prefixProblem(hello, 0);
      if (problem == null
          && (Frame.type(hello, 0) != MessageType.HELLO
              || Frame.headerLength(hello, 0) != Request.HELLO_BYTES
              || Frame.frameLength(hello, 0) != Request.HELLO_BYTES)) {
        problem = "the first frame is no HELLO but " + MessageType.name(Frame.type(hello, 0));
      }
      if (problem == null && count == Request.HELLO_BYTES) {
        if (Frame.headerCrcOk(hello, 0, new Crc32c())) {
          greeted(ctx);
          return;
        }
        problem = "the HELLO's checksum does not match";
      }
      if (problem != null) {
        end(ctx, problem);
      }
    }

    private void greeted(ChannelHandlerContext ctx) {
      int named = Request.helloShard(hello, 0);
      List<Shard> present = shards;
      if (present.isEmpty()) {
        end(ctx, "the node does not serve any more");
        return;
      }
      greetings.remove(this);
      shard = present.get(named >= 0 && named < present.size() ? named : 0);
      deadline.cancel(false);
      // Nothing more may be read on this loop; what the present read still brings is kept.
      ctx.channel().config().setAutoRead(false);
      ctx.executor().execute(() -> move(ctx));
    }

    private void move(ChannelHandlerContext ctx) {
      Channel channel = ctx.channel();
      if (!channel.isActive()) {
        return;
      }
      if (shard.loop() == channel.eventLoop()) {
        begin(channel);
        return;
      }
      channel
          .deregister()
          .addListener(
              left -> {
                if (!left.isSuccess()) {
                  abandon(channel);
                  return;
                }
                shard
                    .loop()
                    .register(channel)
                    .addListener(
                        joined -> {
                          if (joined.isSuccess()) {
                            begin(channel);
                          } else {
                            abandon(channel);
                          }
                        });
              });
    }

    /** A channel between two loops tells its pipeline nothing: what it holds is released here. */
    private void abandon(Channel channel) {
      channel.close();
      releaseReceived();
    }

    private void releaseReceived() {
      if (received != null) {
        received.release();
        received = null;
      }
      if (borrowed != null) {
        borrowed.release();
        borrowed = null;
      }
    }

    private void begin(Channel channel) {
      ByteBuf first = received;
      received = null;
      over = true;
      Dialer.Handler handler =
          Frame.stream(hello, 0) == 0 ? shard.accept() : new AcceptedLinks(shard);
      NettyLink link =
          new NettyLink(channel, inbox, NettyLink.Role.SERVER, handler, limits, null, borrowed);
      borrowed = null;
      channel.pipeline().replace(this, null, link);
      // Reading goes on as soon as the link has taken what is here.
      link.begin(first);
    }

    /** Many connections that say nothing must not keep those out that have something to say. */
    void giveWay() {
      end(context, "more than " + GREETINGS_MAX + " connections owe their HELLO");
    }

    private void end(ChannelHandlerContext ctx, String problem) {
      greetings.remove(this);
      if (!over && shard == null) {
        over = true;
        badGreetings.increment();
        LOG.debug("{} is closed: {}", ctx.channel(), problem);
        ctx.close();
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      if (shard == null) {
        greetings.remove(this);
      }
      if (!over && shard == null) {
        over = true;
        badGreetings.increment();
      }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
      deadline.cancel(false);
      releaseReceived();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      end(ctx, cause.toString());
      ctx.close();
    }
  }

  /** Stops listening and closes all connections; not from a loop. */
  @Override
  public void close() {
    listener.close().awaitUninterruptibly();
    localListeners.forEach(local -> local.close().awaitUninterruptibly());
    connections.close().awaitUninterruptibly();
  }
}
