package io.cairn.storage.transport;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import org.agrona.DirectBuffer;

/** One of the links that share a connection. */
final class SharedLink implements Link {
  final int stream;
  private final long id = NettyLink.nextId();
  private final SharedConnection connection;
  private final Dialer.Handler handler;
  private boolean open = true;
  private boolean told;

  /** Whether the handler takes no more, for which all links of the connection wait. */
  private boolean refuses;

  SharedLink(SharedConnection connection, int stream, Dialer.Handler handler) {
    this.connection = connection;
    this.stream = stream;
    this.handler = handler;
  }

  void opened(long nowNanos) {
    handler.onOpen(this, nowNanos);
  }

  /** One frame of its stream; nothing after it was closed. */
  void received(DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
    if (!open) {
      return;
    }
    handler.onFrame(header, offset, headerLength, payload, nowNanos);
    if (open && !refuses && !handler.takesMore()) {
      refuses = true;
      connection.refuses();
    }
  }

  @Override
  public long id() {
    return id;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void send(DirectBuffer header, int headerOffset, int headerLength, Payload payload) {
    if (open) {
      connection.send(stream, header, headerOffset, headerLength, payload);
    }
  }

  @Override
  public void resume() {
    if (open && refuses && handler.takesMore()) {
      takesAgain();
    }
  }

  private void takesAgain() {
    refuses = false;
    connection.takesAgain();
  }

  @Override
  public void close() {
    if (open) {
      ended();
      connection.closed(this);
    }
  }

  /** Nothing comes or goes any more. */
  private void ended() {
    open = false;
    if (refuses) {
      takesAgain();
    }
  }

  /** It is gone; never from within a call of its handler's. */
  void tellClosed(long nowNanos) {
    if (open) {
      ended();
    }
    if (!told) {
      told = true;
      handler.onClosed(nowNanos);
    }
  }

  @Override
  public String toString() {
    return "link " + id + ", stream " + stream + " of " + connection;
  }
}
