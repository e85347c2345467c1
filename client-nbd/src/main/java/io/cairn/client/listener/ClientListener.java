package io.cairn.client.listener;

import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.SocketKind;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Listens for the clients of one protocol, on as many addresses as wanted, and bounds how many
 * there are. All connections run on the one loop that is handed in, which is the volumes' own: a
 * request goes from socket to session without changing threads.
 */
public final class ClientListener implements AutoCloseable {
  /** Connections at one time. */
  public static final int CONNECTIONS_MAX = 1024;

  /** Connections that may be newcomers; with more, the oldest that we do not owe an answer goes. */
  public static final int NEWCOMERS_MAX = 256;

  private static final int KEEPALIVE_IDLE_SECONDS = 30;
  private static final int KEEPALIVE_INTERVAL_SECONDS = 10;
  private static final int KEEPALIVE_PROBES = 3;

  /** Bytes that a client leaves unread above which it gets no more requests in. */
  private static final int UNREAD_BYTES_HIGH = 4 << 20;

  /** A connection that has not said yet who it is and what it wants. Called on the loop. */
  public interface Newcomer {
    /** Ends the connection for another one's sake, unless it waits for us; whether it did. */
    boolean giveWay();
  }

  /** Receives connections, on the loop. */
  public interface Reception {
    /**
     * A connection is there.
     *
     * @param channel gets its handlers here.
     * @return who came; {@link #settled} is to be called once it is no newcomer any more.
     */
    Newcomer receive(Channel channel);
  }

  private final EventLoop loop;
  private final Reception reception;
  private final ChannelGroup listeners;
  private final ChannelGroup connections;

  /** The oldest first; on the loop. */
  private final Set<Newcomer> newcomers = new LinkedHashSet<>();

  /**
   * A listener without an address.
   *
   * @param loop made with {@link SocketKind#ioHandlers} of any kind.
   */
  public ClientListener(EventLoop loop, Reception reception) {
    this.loop = loop;
    this.reception = reception;
    listeners = new DefaultChannelGroup(loop);
    connections = new DefaultChannelGroup(loop);
  }

  /**
   * Listens on TCP.
   *
   * @return the address, with the port that was given for port 0.
   * @throws IOException with the address and why it cannot be.
   */
  public InetSocketAddress listen(InetSocketAddress address) throws IOException {
    SocketKind kind = SocketKind.of(loop);
    ServerBootstrap bootstrap = new ServerBootstrap().channel(kind.serverSocket());
    bootstrap.option(ChannelOption.SO_REUSEADDR, true);
    bootstrap.childOption(ChannelOption.TCP_NODELAY, true);
    // A client whose host lost its power says nothing more: its volume must not stay attached.
    bootstrap.childOption(ChannelOption.SO_KEEPALIVE, true);
    if (kind == SocketKind.EPOLL) {
      bootstrap.childOption(EpollChannelOption.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
      bootstrap.childOption(EpollChannelOption.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
      bootstrap.childOption(EpollChannelOption.TCP_KEEPCNT, KEEPALIVE_PROBES);
    }
    return (InetSocketAddress) bind(bootstrap, address);
  }

  /**
   * Listens on a Unix socket; a stale file of that name must have been removed.
   *
   * @throws IOException with the path and why it cannot be.
   */
  public void listen(Path path) throws IOException {
    if (SocketKind.of(loop) != SocketKind.EPOLL) {
      throw new IOException("Unix sockets need epoll, which this platform lacks");
    }
    Class<? extends ServerChannel> type = EpollServerDomainSocketChannel.class;
    bind(new ServerBootstrap().channel(type), new DomainSocketAddress(path.toFile()));
  }

  private SocketAddress bind(ServerBootstrap bootstrap, SocketAddress address) throws IOException {
    bootstrap.group(loop);
    bootstrap.childOption(ChannelOption.ALLOCATOR, NettyPayload.POOL);
    bootstrap.childOption(
        ChannelOption.WRITE_BUFFER_WATER_MARK,
        new WriteBufferWaterMark(UNREAD_BYTES_HIGH / 2, UNREAD_BYTES_HIGH));
    bootstrap.childHandler(
        new ChannelInitializer<Channel>() {
          @Override
          protected void initChannel(Channel channel) {
            accept(channel);
          }
        });
    ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException("cannot listen on " + address + ": " + bound.cause(), bound.cause());
    }
    listeners.add(bound.channel());
    return bound.channel().localAddress();
  }

  private void accept(Channel channel) {
    if (connections.size() >= CONNECTIONS_MAX || !makeWay()) {
      channel.close();
      return;
    }
    connections.add(channel);
    Newcomer newcomer = reception.receive(channel);
    newcomers.add(newcomer);
    channel.closeFuture().addListener(closed -> settled(newcomer));
  }

  /**
   * Clients that say nothing must not keep others out. Those that wait for us stay: false when all
   * of them do.
   */
  private boolean makeWay() {
    if (newcomers.size() < NEWCOMERS_MAX) {
      return true;
    }
    for (Newcomer newcomer : newcomers) {
      if (newcomer.giveWay()) {
        return true;
      }
    }
    return false;
  }

  /** This one is no newcomer any more; on the loop. */
  public void settled(Newcomer newcomer) {
    newcomers.remove(newcomer);
  }

  /** Connections that are open. */
  public int connections() {
    return connections.size();
  }

  /** Lets nobody in any more. */
  public void stopListening() {
    listeners.close().awaitUninterruptibly();
  }

  /** Waits for the clients to end their connections, for so long at most. */
  public void awaitClosed(long timeoutSeconds) {
    connections.newCloseFuture().awaitUninterruptibly(timeoutSeconds, TimeUnit.SECONDS);
  }

  /** Stops listening and ends all connections. */
  @Override
  public void close() {
    stopListening();
    connections.close().awaitUninterruptibly();
  }
}
