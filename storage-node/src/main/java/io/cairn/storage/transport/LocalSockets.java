package io.cairn.storage.transport;

import io.netty.channel.EventLoop;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.charset.StandardCharsets;

/**
 * The Unix socket that a data port has beside TCP, for processes of the same host: the kernel moves
 * bytes through it at a third of what the loopback interface costs.
 *
 * <p>Its name is the address that the node announces, in Linux's abstract namespace (unix(7)). So
 * there is no file that could be left over, in the way, or on a disk that is full; it is gone with
 * the process; and it is seen in its own network namespace only: whoever reaches the socket could
 * reach the port as well.
 */
final class LocalSockets {
  private static final String PREFIX = "\0cairn-data ";

  /** Longest name, which sun_path bounds; nodes with a longer address are reached by TCP alone. */
  private static final int NAME_BYTES_MAX = 107;

  static final Class<EpollDomainSocketChannel> SOCKET = EpollDomainSocketChannel.class;
  static final Class<EpollServerDomainSocketChannel> SERVER_SOCKET =
      EpollServerDomainSocketChannel.class;

  private LocalSockets() {}

  /**
   * The socket of the data port with an announced address.
   *
   * @param loop which is to use it.
   * @return null where there is none.
   */
  static DomainSocketAddress of(String host, int port, EventLoop loop) {
    String name = PREFIX + host + ":" + port;
    return SocketKind.of(loop) != SocketKind.EPOLL
            || name.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES_MAX
        ? null
        : new DomainSocketAddress(name);
  }
}
