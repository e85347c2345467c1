package io.cairn.storage.transport;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.time.Duration;

/** Which of Netty's socket implementations a loop runs. */
public enum SocketKind {
  /** Linux. */
  EPOLL(EpollSocketChannel.class, EpollServerSocketChannel.class),
  /** Everywhere else. */
  NIO(NioSocketChannel.class, NioServerSocketChannel.class);

  /** Silence after which the kernel asks whether the peer is still there. */
  private static final int KEEPALIVE_IDLE_SECONDS = 10;

  private static final int KEEPALIVE_INTERVAL_SECONDS = 3;
  private static final int KEEPALIVE_PROBES = 3;

  /** Time without an acknowledgement after which the kernel gives a connection up. */
  private static final int USER_TIMEOUT_MILLIS = 15_000;

  private final Class<? extends Channel> socket;
  private final Class<? extends ServerChannel> serverSocket;

  SocketKind(Class<? extends Channel> socket, Class<? extends ServerChannel> serverSocket) {
    this.socket = socket;
    this.serverSocket = serverSocket;
  }

  /** The best kind that works here. */
  public static SocketKind best() {
    return Epoll.isAvailable() ? EPOLL : NIO;
  }

  /** The kind that a loop was made for. */
  public static SocketKind of(EventLoop loop) {
    return loop instanceof IoEventLoop io && io.isIoType(EpollIoHandler.class) ? EPOLL : NIO;
  }

  /** What loops of this kind are made with that sleep whenever they have nothing to do. */
  public IoHandlerFactory ioHandlers() {
    return ioHandlers(Duration.ZERO);
  }

  /**
   * What loops of this kind are made with.
   *
   * @param busyPoll how long a loop at most asks for what comes next before it sleeps, where that
   *     pays; {@link #NIO} loops never do. 0 for not at all.
   */
  public IoHandlerFactory ioHandlers(Duration busyPoll) {
    if (this == NIO) {
      return NioIoHandler.newFactory();
    }
    return busyPoll.isZero()
        ? EpollIoHandler.newFactory()
        : EpollIoHandler.newFactory(0, () -> new BusyPoll(busyPoll, System::nanoTime));
  }

  /** Type of a connection's channel. */
  public Class<? extends Channel> socket() {
    return socket;
  }

  /** Type of a listening channel. */
  public Class<? extends ServerChannel> serverSocket() {
    return serverSocket;
  }

  /**
   * No delay for small frames; and a peer that vanished without a word, a host that lost its power,
   * is noticed even by an end that has nothing to send.
   */
  void tune(Channel channel) {
    channel.config().setOption(ChannelOption.TCP_NODELAY, true);
    channel.config().setOption(ChannelOption.SO_KEEPALIVE, true);
    if (this == EPOLL) {
      channel.config().setOption(EpollChannelOption.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
      channel.config().setOption(EpollChannelOption.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
      channel.config().setOption(EpollChannelOption.TCP_KEEPCNT, KEEPALIVE_PROBES);
      channel.config().setOption(EpollChannelOption.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLIS);
    }
  }
}
