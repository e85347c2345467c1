package io.cairn.client.nbd.server;

import io.cairn.client.nbd.Exports;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
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

/**
 * Listens for NBD clients. All connections run on the one loop that is handed in, which is the
 * volumes' own: a request goes from socket to session without changing threads.
 */
public final class NbdServer implements AutoCloseable {
  /** Connections at one time. */
  static final int CONNECTIONS_MAX = 1024;

  private final EventLoop loop;
  private final Exports exports;
  private final ChannelGroup channels;

  /**
   * A server that does not listen yet.
   *
   * @param loop made with {@link #ioHandlers()}.
   */
  public NbdServer(EventLoop loop, Exports exports) {
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
    }
    bootstrap.childHandler(
        new ChannelInitializer<Channel>() {
          @Override
          protected void initChannel(Channel channel) {
            if (channels.size() >= CONNECTIONS_MAX) {
              channel.close();
              return;
            }
            channels.add(channel);
            channel.pipeline().addLast(new NbdConnection(exports));
          }
        });
    io.netty.channel.ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException("cannot listen on " + address + ": " + bound.cause(), bound.cause());
    }
    channels.add(bound.channel());
    return bound.channel().localAddress();
  }

  /** Stops listening and ends all connections. */
  @Override
  public void close() {
    channels.close().awaitUninterruptibly();
  }
}
