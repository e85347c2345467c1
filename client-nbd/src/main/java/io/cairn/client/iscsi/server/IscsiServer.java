package io.cairn.client.iscsi.server;

import io.cairn.client.iscsi.TargetConnection;
import io.cairn.client.listener.ClientListener;
import io.cairn.storage.transport.Inbox;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
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
  private static final int WATCH_SECONDS = 5;
  private static final int LOGOUT_SECONDS_MAX = 2;

  private final EventLoop loop;
  private final TargetConnection.Portal portal;
  private final ClientListener listener;

  /** All connections; on the loop. */
  private final Set<IscsiConnection> connections = new LinkedHashSet<>();

  private Future<?> watch;

  /**
   * A server that does not listen yet.
   *
   * @param loop made for epoll where there is one, else for NIO.
   */
  public IscsiServer(EventLoop loop, TargetConnection.Portal portal) {
    this.loop = loop;
    this.portal = portal;
    listener = new ClientListener(loop, this::receive);
  }

  /**
   * Listens on TCP.
   *
   * @return the address, with the port that was given for port 0.
   */
  public InetSocketAddress listen(InetSocketAddress address) throws IOException {
    InetSocketAddress bound = listener.listen(address);
    if (watch == null) {
      watch =
          loop.scheduleWithFixedDelay(this::watch, WATCH_SECONDS, WATCH_SECONDS, TimeUnit.SECONDS);
    }
    return bound;
  }

  private ClientListener.Newcomer receive(Channel channel) {
    Inbox inbox = new Inbox();
    channel.config().setRecvByteBufAllocator(inbox);
    IscsiConnection connection = new IscsiConnection(inbox, portal, listener::settled);
    connections.add(connection);
    channel.closeFuture().addListener(closed -> connections.remove(connection));
    channel.pipeline().addLast(connection);
    return connection;
  }

  private void watch() {
    List.copyOf(connections).forEach(IscsiConnection::watch);
  }

  /** Connections that are open. */
  public int connections() {
    return listener.connections();
  }

  /** Stops listening, asks initiators to log out, and ends what is left after two seconds. */
  @Override
  public void close() {
    listener.stopListening();
    if (watch != null) {
      watch.cancel(false);
    }
    loop.submit(() -> List.copyOf(connections).forEach(IscsiConnection::requestLogout))
        .awaitUninterruptibly();
    listener.awaitClosed(LOGOUT_SECONDS_MAX);
    listener.close();
  }
}
