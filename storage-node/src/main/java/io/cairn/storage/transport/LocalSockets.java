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
 *
 * <p>There is a second one for whoever lends payloads: it sends the descriptor of its {@link
 * SharedMemory} first, and the first byte that it receives says whether that was taken. All else is
 * the same.
 */
final class LocalSockets {
  /** Which of the two. */
  enum Kind {
    PLAIN("\0cairn-data "),
    LENDING("\0cairn-lend ");

    private final String prefix;

    Kind(String prefix) {
      this.prefix = prefix;
    }
  }

  /** Longest name, which sun_path bounds; nodes with a longer address are reached by TCP alone. */
  private static final int NAME_BYTES_MAX = 107;

  static final Class<EpollDomainSocketChannel> SOCKET = EpollDomainSocketChannel.class;
  static final Class<EpollServerDomainSocketChannel> SERVER_SOCKET =
      EpollServerDomainSocketChannel.class;

  private LocalSockets() {}

  /**
   * The socket of the data port with an announced address.
   *
   * @param kind of what comes first on it.
   * @param loop which is to use it.
   * @return null where there is none.
   */
  static DomainSocketAddress of(Kind kind, String host, int port, EventLoop loop) {
    String name = kind.prefix + host + ":" + port;
    return SocketKind.of(loop) != SocketKind.EPOLL
            || name.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES_MAX
        ? null
        : new DomainSocketAddress(name);
  }
}
