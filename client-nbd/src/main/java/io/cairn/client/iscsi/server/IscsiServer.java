package io.cairn.client.iscsi.server;

import io.cairn.client.iscsi.TargetConnection;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Listens for iSCSI initiators, on as many portals as wanted. All connections run on the one loop
 * that is handed in, which is the volumes' own.
 */
public final class IscsiServer implements AutoCloseable {
  /** Connections at one time. */
  static final int CONNECTIONS_MAX = 1024;

  /** Connections that may be in their login; with more, the oldest one that we do not owe goes. */
  static final int LOGINS_MAX = 256;

  private static final int WATCH_SECONDS = 5;
  private static final int LOGOUT_SECONDS_MAX = 2;

  /** Bytes that an initiator leaves unread above which it gets no more commands in. */
  private static final int UNREAD_BYTES_HIGH = 4 << 20;

  private final EventLoop loop;
  private final TargetConnection.Portal portal;
  private final ChannelGroup listeners;
  private final ChannelGroup channels;

  /** Connections in their login, the oldest first; on the loop. */
  private final Set<IscsiConnection> logins = new LinkedHashSet<>();

  /** All connections; on the loop. */
  private final Set<IscsiConnection> connections = new LinkedHashSet<>();

  /**
   * A server that does not listen yet.
   *
   * @param loop made for epoll where there is one, else for NIO.
   */
  public IscsiServer(EventLoop loop, TargetConnection.Portal portal) {
    this.loop = loop;
    this.portal = portal;
    listeners = new DefaultChannelGroup(loop);
    channels = new DefaultChannelGroup(loop);
  }

  /**
   * Listens on TCP.
   *
   * @return the address, with the port that was given for port 0.
   */
  public InetSocketAddress listen(InetSocketAddress address) throws IOException {
    Class<? extends ServerChannel> type =
        Epoll.isAvailable() ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
    ServerBootstrap bootstrap = new ServerBootstrap().group(loop).channel(type);
    bootstrap.option(ChannelOption.SO_REUSEADDR, true);
    bootstrap.childOption(ChannelOption.TCP_NODELAY, true);
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
    if (listeners.isEmpty()) {
      var unused =
          loop.scheduleWithFixedDelay(this::watch, WATCH_SECONDS, WATCH_SECONDS, TimeUnit.SECONDS);
      bound.channel().closeFuture().addListener(closed -> unused.cancel(false));
    }
    listeners.add(bound.channel());
    return (InetSocketAddress) bound.channel().localAddress();
  }

  private void accept(Channel channel) {
    if (connections.size() >= CONNECTIONS_MAX || !makeWay()) {
      channel.close();
      return;
    }
    channels.add(channel);
    IscsiConnection connection = new IscsiConnection(portal, logins::remove);
    connections.add(connection);
    logins.add(connection);
    channel
        .closeFuture()
        .addListener(
            closed -> {
              connections.remove(connection);
              logins.remove(connection);
            });
    channel.pipeline().addLast(connection);
  }

  /** Initiators that say nothing must not keep others out. */
  private boolean makeWay() {
    if (logins.size() < LOGINS_MAX) {
      return true;
    }
    for (IscsiConnection connection : logins) {
      if (connection.giveWay()) {
        return true;
      }
    }
    return false;
  }

  private void watch() {
    List.copyOf(connections).forEach(IscsiConnection::watch);
  }

  /** Connections that are open. */
  public int connections() {
    return channels.size();
  }

  /** Stops listening, asks initiators to log out, and ends what is left after two seconds. */
  @Override
  public void close() {
    listeners.close().awaitUninterruptibly();
    loop.submit(() -> List.copyOf(connections).forEach(IscsiConnection::requestLogout))
        .awaitUninterruptibly();
    channels.newCloseFuture().awaitUninterruptibly(LOGOUT_SECONDS_MAX, TimeUnit.SECONDS);
    channels.close().awaitUninterruptibly();
  }
}
