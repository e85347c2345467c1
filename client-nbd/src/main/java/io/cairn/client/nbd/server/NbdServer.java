package io.cairn.client.nbd.server;

import io.cairn.client.nbd.Exports;
import io.cairn.storage.transport.Inbox;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Listens for NBD clients. All connections run on the one loop that is handed in, which is the
 * volumes' own: a request goes from socket to session without changing threads.
 */
public final class NbdServer implements AutoCloseable {
  /** Connections at one time. */
  static final int CONNECTIONS_MAX = 1024;

  /** Connections that may be in their handshake; with more, the oldest silent one is closed. */
  static final int HANDSHAKES_MAX = 256;

  private static final int KEEPALIVE_IDLE_SECONDS = 30;
  private static final int KEEPALIVE_INTERVAL_SECONDS = 10;
  private static final int KEEPALIVE_PROBES = 3;

  /** Bytes of replies that a client leaves unread above which it gets no more requests in. */
  private static final int UNREAD_BYTES_HIGH = 4 << 20;

  private final EventLoop loop;
  private final Exports exports;
  private final ChannelGroup channels;
  private final ExportMemories memories;
  private volatile int listeners;

  /** Connections in their handshake, the oldest first; on the loop. */
  private final Set<NbdConnection> handshakes = new LinkedHashSet<>();

  /**
   * A server that does not listen yet.
   *
   * @param loop made with {@link #ioHandlers()}.
   * @param exportBytesMax bound of the payloads that the requests and replies of one export hold; a
   *     single request may exceed it.
   */
  public NbdServer(EventLoop loop, Exports exports, long exportBytesMax) {
    this.memories = new ExportMemories(exportBytesMax);
    this.loop = loop;
    this.exports = exports;
    this.channels = new DefaultChannelGroup(loop);
  }

  /** What the loop must be made with: epoll where there is one, else NIO. */
  public static io.netty.channel.IoHandlerFactory ioHandlers() {
    return Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
  }

  /**
   * Listens on TCP.
   *
   * @return the address, with the port that was given for port 0.
   */
  public InetSocketAddress listen(InetSocketAddress address) throws IOException {
    Class<? extends ServerChannel> type =
        Epoll.isAvailable() ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
    return (InetSocketAddress) bind(type, address, true);
  }

  /** Listens on a Unix socket; a stale file of that name must have been removed. */
  public void listen(Path path) throws IOException {
    if (!Epoll.isAvailable()) {
      throw new IOException("Unix sockets need epoll, which this platform lacks");
    }
    bind(EpollServerDomainSocketChannel.class, new DomainSocketAddress(path.toFile()), false);
  }

  private SocketAddress bind(
      Class<? extends ServerChannel> type, SocketAddress address, boolean tcp) throws IOException {
    ServerBootstrap bootstrap = new ServerBootstrap().group(loop).channel(type);
    if (tcp) {
      bootstrap.childOption(ChannelOption.TCP_NODELAY, true);
      bootstrap.option(ChannelOption.SO_REUSEADDR, true);
      // A client whose host lost its power says nothing more: its volume must not stay attached.
      bootstrap.childOption(ChannelOption.SO_KEEPALIVE, true);
      if (Epoll.isAvailable()) {
        bootstrap.childOption(EpollChannelOption.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
        bootstrap.childOption(EpollChannelOption.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
        bootstrap.childOption(EpollChannelOption.TCP_KEEPCNT, KEEPALIVE_PROBES);
      }
    }
    bootstrap.childOption(
        ChannelOption.WRITE_BUFFER_WATER_MARK,
        new WriteBufferWaterMark(UNREAD_BYTES_HIGH / 2, UNREAD_BYTES_HIGH));
    bootstrap.childHandler(
        new ChannelInitializer<Channel>() {
          @Override
          protected void initChannel(Channel channel) {
            if (connections() >= CONNECTIONS_MAX || !makeWay()) {
              channel.close();
              return;
            }
            channels.add(channel);
            Inbox inbox = new Inbox();
            channel.config().setRecvByteBufAllocator(inbox);
            NbdConnection connection =
                new NbdConnection(inbox, exports, memories, handshakes::remove);
            handshakes.add(connection);
            channel.pipeline().addLast(connection);
          }
        });
    io.netty.channel.ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException("cannot listen on " + address + ": " + bound.cause(), bound.cause());
    }
    channels.add(bound.channel());
    listeners++;
    return bound.channel().localAddress();
  }

  /**
   * Clients that say nothing must not keep others out. Those that wait for us stay: false when all
   * of them do.
   */
  private boolean makeWay() {
    if (handshakes.size() < HANDSHAKES_MAX) {
      return true;
    }
    for (NbdConnection connection : handshakes) {
      if (connection.giveWay()) {
        return true;
      }
    }
    return false;
  }

  /** Bytes that payloads of requests and replies hold; on the loop. */
  long heldBytes() {
    return memories.heldBytes();
  }

  /** Connections that are open. */
  public int connections() {
    return Math.max(0, channels.size() - listeners);
  }

  /** Stops listening and ends all connections. */
  @Override
  public void close() {
    channels.close().awaitUninterruptibly();
  }
}
