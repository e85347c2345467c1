package io.cairn.storage.transport;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.transport.LocalSockets.Kind;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ConnectTimeoutException;
import io.netty.channel.EventLoop;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.NetUtil;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Dials from one event loop. {@link #connect} is called on that loop; a failure is told after it
 * has returned. Names are looked up on a thread of their own, as a slow name server must not hold
 * up the loop.
 */
public final class LinkClient implements Dialer, AutoCloseable {
  private final EventLoop loop;
  private final LocalPeers local;
  private final LinkLimits limits;
  private final ByteBufAllocator allocator;
  private final ChannelGroup channels;
  private volatile boolean closed;

  /** A client with the default bounds. */
  public LinkClient(EventLoop loop, LocalPeers local) {
    this(loop, local, LinkLimits.defaults(), NettyPayload.POOL);
  }

  /**
   * A client.
   *
   * @param loop made by {@link SocketKind#ioHandlers()}.
   * @param local how peers on this host are reached, where they offer that.
   */
  public LinkClient(
      EventLoop loop, LocalPeers local, LinkLimits limits, ByteBufAllocator allocator) {
    this.loop = loop;
    this.local = local;
    this.limits = limits;
    this.allocator = allocator;
    // A channel that comes after the close is closed as well.
    this.channels = new DefaultChannelGroup("links", loop, true);
  }

  @Override
  public void connect(String host, int port, Handler handler) {
    if (closed || port < 1 || port > 65535) {
      fail(handler);
      return;
    }
    switch (local) {
      case BY_TCP -> connectByTcp(host, port, handler);
      case BY_SOCKETS -> connectLocally(host, port, handler);
      case LENDING -> connectLending(host, port, handler);
    }
  }

  private void connectLending(String host, int port, Handler handler) {
    DomainSocketAddress address = LocalSockets.of(Kind.LENDING, host, port, loop);
    SharedMemory lent = address == null ? null : LoopMemory.current().lent();
    if (lent == null) {
      connectLocally(host, port, handler);
    } else {
      dialLocally(address, lent, handler, (link, refused) -> connectLocally(host, port, handler));
    }
  }

  private void connectLocally(String host, int port, Handler handler) {
    DomainSocketAddress address = LocalSockets.of(Kind.PLAIN, host, port, loop);
    if (address == null) {
      connectByTcp(host, port, handler);
    } else {
      dialLocally(address, null, handler, (link, refused) -> connectByTcp(host, port, handler));
    }
  }

  /** Nobody waits for this one: the kernel knows at once whether the peer is here. */
  private void dialLocally(
      DomainSocketAddress address, SharedMemory lent, Handler handler, Failed failed) {
    dial(
        new Bootstrap().channel(LocalSockets.SOCKET),
        address,
        lent,
        channel -> {},
        handler,
        failed);
  }

  private void connectByTcp(String host, int port, Handler handler) {
    InetAddress literal = NetUtil.createInetAddressFromIpAddressString(host);
    if (literal != null) {
      dial(new InetSocketAddress(literal, port), limits.connectTimeoutMillis(), handler);
    } else {
      new Lookup(host, port, handler).start();
    }
  }

  private void fail(Handler handler) {
    loop.execute(() -> handler.onClosed(System.nanoTime()));
  }

  private void dial(InetSocketAddress address, int timeoutMillis, Handler handler) {
    SocketKind kind = SocketKind.of(loop);
    dial(
        new Bootstrap()
            .channel(kind.socket())
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, timeoutMillis),
        address,
        null,
        kind::tune,
        handler,
        (link, refused) -> {
          if (refused) {
            handler.onRefused(System.nanoTime());
          } else if (link == null) {
            handler.onClosed(System.nanoTime());
          } else {
            link.tellClosed();
          }
        });
  }

  /**
   * Dials.
   *
   * @param lent memory that the peer is to be shown, or null.
   * @param failed hears on the loop, instead of the handler, that there is no connection.
   */
  private void dial(
      Bootstrap bootstrap,
      SocketAddress address,
      SharedMemory lent,
      Consumer<Channel> tune,
      Handler handler,
      Failed failed) {
    NettyLink[] made = new NettyLink[1];
    bootstrap
        .group(loop)
        .option(ChannelOption.ALLOCATOR, allocator)
        .handler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) {
                tune.accept(channel);
                channels.add(channel);
                Inbox inbox = new Inbox();
                channel.config().setRecvByteBufAllocator(inbox);
                made[0] =
                    new NettyLink(
                        channel,
                        inbox,
                        NettyLink.Role.CLIENT,
                        handler,
                        limits,
                        lent == null ? null : new Lending(lent),
                        null);
                channel.pipeline().addLast(made[0]);
              }
            })
        .connect(address)
        .addListener(
            done -> {
              if (!done.isSuccess()) {
                boolean refused = isRefusal(done.cause());
                loop.execute(() -> failed.accept(made[0], refused));
              }
            });
  }

  /** Hears that there is no connection. */
  private interface Failed {
    /**
     * Tells whose it was.
     *
     * @param link that nobody was told of, or null.
     * @param refused whether the address was reached and nobody listens there.
     */
    void accept(NettyLink link, boolean refused);
  }

  /** Netty has no type for ECONNREFUSED alone; its text is the system's own. */
  private static boolean isRefusal(Throwable cause) {
    return cause instanceof ConnectException
        && !(cause instanceof ConnectTimeoutException)
        && cause.getMessage() != null
        && cause.getMessage().contains("Connection refused");
  }

  /** One name that is being looked up; whoever of timer and name server is first decides. */
  private final class Lookup {
    private final String host;
    private final int port;
    private final Handler handler;
    private final long startNanos = System.nanoTime();
    private boolean decided;

    Lookup(String host, int port, Handler handler) {
      this.host = host;
      this.port = port;
      this.handler = handler;
    }

    void start() {
      var unused =
          loop.schedule(() -> found(null), limits.connectTimeoutMillis(), TimeUnit.MILLISECONDS);
      Thread.ofVirtual()
          .name("lookup of " + host)
          .start(
              () -> {
                InetAddress address = null;
                try {
                  address = InetAddress.getByName(host);
                } catch (UnknownHostException e) {
                  // Told as a link that could not be opened.
                }
                InetAddress result = address;
                try {
                  loop.execute(() -> found(result));
                } catch (RejectedExecutionException e) {
                  // The loop has ended, and with it everybody who could be told.
                }
              });
    }

    private void found(InetAddress address) {
      if (decided) {
        return;
      }
      decided = true;
      long usedMillis = (System.nanoTime() - startNanos) / 1_000_000;
      if (address == null || closed) {
        handler.onClosed(System.nanoTime());
      } else {
        int left = (int) Math.max(1, limits.connectTimeoutMillis() - usedMillis);
        dial(new InetSocketAddress(address, port), left, handler);
      }
    }
  }

  /** Closes all links; each handler hears of it. Not from the loop itself. */
  @Override
  public void close() {
    closed = true;
    channels.close().awaitUninterruptibly();
  }
}
