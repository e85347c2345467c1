package io.cairn.client.nbd.server;

import io.cairn.client.listener.ClientListener;
import io.cairn.client.nbd.Exports;
import io.cairn.storage.transport.Inbox;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;

/**
 * Listens for NBD clients. All connections run on the one loop that is handed in, which is the
 * volumes' own: a request goes from socket to session without changing threads.
 */
public final class NbdServer implements AutoCloseable {
  private final ClientListener listener;
  private final ExportMemories memories;

  /**
   * A server that does not listen yet.
   *
   * @param loop made with what {@code SocketKind} says.
   * @param exportBytesMax bound of the payloads that the requests and replies of one export hold; a
   *     single request may exceed it.
   */
  public NbdServer(EventLoop loop, Exports exports, long exportBytesMax) {
    memories = new ExportMemories(exportBytesMax);
    listener = new ClientListener(loop, channel -> receive(channel, exports));
  }

  private ClientListener.Newcomer receive(Channel channel, Exports exports) {
    Inbox inbox = new Inbox();
    channel.config().setRecvByteBufAllocator(inbox);
    NbdConnection connection = new NbdConnection(inbox, exports, memories, listener::settled);
    channel.pipeline().addLast(connection);
    return connection;
  }

  /**
   * Listens on TCP.
   *
   * @return the address, with the port that was given for port 0.
   */
  public InetSocketAddress listen(InetSocketAddress address) throws IOException {
    return listener.listen(address);
  }

  /** Listens on a Unix socket; a stale file of that name must have been removed. */
  public void listen(Path path) throws IOException {
    listener.listen(path);
  }

  /** Bytes that payloads of requests and replies hold; on the loop. */
  long heldBytes() {
    return memories.heldBytes();
  }

  /** Connections that are open. */
  public int connections() {
    return listener.connections();
  }

  /** Stops listening and ends all connections. */
  @Override
  public void close() {
    listener.close();
  }
}
