package io.cairn.storage.transport;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.collections.Int2ObjectHashMap;
import org.agrona.concurrent.UnsafeBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One end of a connection that several links share: each frame says by its stream whose it is, so
 * that what the links of one turn send leaves in one system call, and comes in one.
 *
 * <p>The frames of each link keep their order. One whose receiver takes no more holds up the others
 * of its connection. When a link is closed, the other end is told by an END; when the connection
 * is, all of its links are. All calls and callbacks happen on the connection's loop.
 */
abstract class SharedConnection implements Dialer.Handler {
  private static final Logger LOG = LoggerFactory.getLogger(SharedConnection.class);

  private static final int HEADER_FIRST_BYTES = 512;

  private final EventLoop loop;
  private final Int2ObjectHashMap<SharedLink> links = new Int2ObjectHashMap<>();
  private final UnsafeBuffer scratch = new UnsafeBuffer(new byte[HEADER_FIRST_BYTES]);
  private final Crc32c crc = new Crc32c();

  /** What carries the streams; null until it is open. */
  private NettyLink carrier;

  private int refusing;

  SharedConnection(EventLoop loop) {
    this.loop = loop;
  }

  /**
   * A frame of a stream that has no link.
   *
   * @return the link that it is for, or null when it is to be dropped: an end that closed a link
   *     may still be sent what the other end did before it heard of that.
   */
  abstract SharedLink unknown(int stream, DirectBuffer header, int offset, long nowNanos);

  /** A link was closed at this end; its handler is told afterwards. */
  void linkClosed() {}

  final int linkCount() {
    return links.size();
  }

  final EventLoop loop() {
    return loop;
  }

  final boolean hasLink(int stream) {
    return links.containsKey(stream);
  }

  /** A link in a stream that has none. */
  final SharedLink add(int stream, Dialer.Handler handler) {
    SharedLink link = new SharedLink(this, stream, handler);
    links.put(stream, link);
    return link;
  }

  @Override
  public void onOpen(Link opened, long nowNanos) {
    carrier = (NettyLink) opened;
  }

  @Override
  public void onFrame(
      DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
    int stream = Frame.stream(header, offset);
    if (Frame.type(header, offset) == MessageType.END) {
      SharedLink ended = links.remove(stream);
      if (ended != null) {
        guarded(ended, () -> ended.tellClosed(nowNanos));
        linkClosed();
      }
      return;
    }
    SharedLink link = links.get(stream);
    if (link == null) {
      link = unknown(stream, header, offset, nowNanos);
    }
    if (link == null) {
      return;
    }
    try {
      link.received(header, offset, headerLength, payload, nowNanos);
    } catch (RuntimeException e) {
      failed(link, e);
    }
  }

  /** What one link's handler does wrong costs the others nothing. */
  final void guarded(SharedLink link, Runnable call) {
    try {
      call.run();
    } catch (RuntimeException e) {
      failed(link, e);
    }
  }

  private static void failed(SharedLink link, RuntimeException e) {
    LOG.error("{} is closed: its handler failed", link, e);
    link.close();
  }

  @Override
  public boolean takesMore() {
    return refusing == 0;
  }

  void refuses() {
    refusing++;
  }

  void takesAgain() {
    refusing--;
    if (refusing == 0 && carrier != null) {
      carrier.resume();
    }
  }

  /** Sends a frame in a stream. */
  void send(int stream, DirectBuffer header, int headerOffset, int headerLength, Payload payload) {
    if (scratch.capacity() < headerLength) {
      scratch.wrap(new byte[headerLength]);
    }
    scratch.putBytes(0, header, headerOffset, headerLength);
    Frame.toStream(scratch, 0, stream, crc);
    carrier.send(scratch, 0, headerLength, payload);
  }

  /** The link was closed by who has it. */
  final void closed(SharedLink link) {
    links.remove(link.stream);
    end(link.stream);
    loop.execute(() -> link.tellClosed(System.nanoTime()));
    linkClosed();
  }

  /** Tells the other end that a stream is over. */
  void end(int stream) {
    if (carrier != null && carrier.isOpen()) {
      carrier.send(scratch, 0, Frame.end(scratch, 0, stream, crc), null);
      carrier.ended(stream);
    }
  }

  /** Sends a frame as it is, on a connection that turned out to be one link's. */
  final void sendPlainly(DirectBuffer header, int headerOffset, int headerLength, Payload payload) {
    carrier.send(header, headerOffset, headerLength, payload);
  }

  /** Closes the connection, and with it all links. */
  final void close() {
    if (carrier != null) {
      carrier.close();
    }
  }

  @Override
  public void onClosed(long nowNanos) {
    List<SharedLink> gone = new ArrayList<>(links.values());
    links.clear();
    for (SharedLink link : gone) {
      guarded(link, () -> link.tellClosed(nowNanos));
    }
  }

  @Override
  public String toString() {
    return String.valueOf(carrier);
  }
}
