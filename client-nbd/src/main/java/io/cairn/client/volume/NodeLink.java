package io.cairn.client.volume;

import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The gateway's connection to one shard of one node; it dials again whenever it is down. Matches
 * replies to requests, notices silence, and follows the shard's durable position.
 *
 * <pre>
 * DOWN --retry time--> DIALING --open--> GREETING --WELCOME--> UP
 * DIALING, GREETING, UP --closed, refused, silent--> DOWN
 * </pre>
 */
final class NodeLink {
  /** Silence after which a link with requests under way, or a keepalive, is given up. */
  static final long SILENCE_NANOS = 2_000_000_000L;

  /** Silence after which a keepalive asks. */
  static final long KEEPALIVE_NANOS = 1_000_000_000L;

  private static final long RETRY_MIN_NANOS = 20_000_000L;
  private static final long RETRY_MAX_NANOS = 500_000_000L;

  /** One for all links of a loop: with one for each, some hundred volumes took all of the heap. */
  private static final ThreadLocal<UnsafeBuffer> OUT =
      ThreadLocal.withInitial(() -> new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]));

  /** Hears what happens to the link. */
  interface Listener {
    /** The link greets the shard: requests may be sent. */
    void onUp(NodeLink link, long nowNanos);

    /** The link is gone; every request under way is lost. */
    void onDown(NodeLink link, long nowNanos);

    /** Nobody listens where the node was. */
    void onRefused(NodeLink link, long nowNanos);

    /**
     * The link was silent: the listener may ask something of its own, which the shard answers at
     * once; false when it has nothing to ask.
     */
    boolean onIdle(NodeLink link, long nowNanos);

    /** The shard's durable position moved. */
    void onDurable(NodeLink link, long durableLsn, long nowNanos);
  }

  /** Hears the end of one request: a reply, or nothing any more. */
  interface Pending {
    /** The reply; borrowed. */
    void onReply(
        Status status,
        DirectBuffer header,
        int offset,
        Payload payload,
        long sentNanos,
        long nowNanos);

    /** The link went down first: whether the request took effect is not known. */
    void onLost(long nowNanos);
  }

  private static final class Sent {
    Pending pending;
    long sentNanos;
  }

  private enum State {
    DOWN,
    DIALING,
    GREETING,
    UP,
    CLOSED
  }

  final long nodeId;
  final int shard;
  final Request request;
  private final Dialer dialer;
  private final Listener listener;
  private final long clientId;
  private final LatencyHistogram roundTrips;
  private final Long2ObjectHashMap<Sent> pending = new Long2ObjectHashMap<>();
  private final Pool<Sent> unused = new Pool<>(Sent::new);
  private String host;
  private int port;
  private State state = State.DOWN;
  private boolean refused;
  private Link link;
  private Connection connection;
  private long connectionNumber;
  private long requestId;
  private long durableLsn;
  private long incarnation;
  private long lostIncarnation;
  private long lastHeardNanos;
  private long lastAskedNanos;
  private long retryAtNanos = Long.MIN_VALUE;
  private long retryNanos = RETRY_MIN_NANOS;

  NodeLink(
      long clusterId,
      long nodeId,
      int shard,
      String host,
      int port,
      long clientId,
      Dialer dialer,
      Listener listener,
      LatencyHistogram roundTrips) {
    this.roundTrips = roundTrips;
    this.nodeId = nodeId;
    this.shard = shard;
    this.host = host;
    this.port = port;
    this.clientId = clientId;
    this.dialer = dialer;
    this.listener = listener;
    request = new Request(clusterId);
  }

  boolean isUp() {
    return state == State.UP;
  }

  long durableLsn() {
    return durableLsn;
  }

  long incarnation() {
    return incarnation;
  }

  /** Since which incarnation of its node the shard does not know what it held; 0 if it does. */
  long lostIncarnation() {
    return lostIncarnation;
  }

  /** When the shard was last heard of. */
  long lastHeardNanos() {
    return lastHeardNanos;
  }

  String host() {
    return host;
  }

  int port() {
    return port;
  }

  /**
   * Whether nobody listens where the node was last dialled: its process has ended. One that cannot
   * be reached, or that is silent, is not refused.
   */
  boolean isRefused() {
    return refused;
  }

  /** The node may have moved: the next dial goes there. */
  void moved(String newHost, int newPort) {
    refused &= newHost.equals(host) && newPort == port;
    host = newHost;
    port = newPort;
  }

  /** A read or a write was answered: how long that takes is what an operator compares nodes by. */
  void roundTrip(long sentNanos, long nowNanos) {
    roundTrips.record(nowNanos - sentNanos);
  }

  /** The id that the next request must be encoded with. */
  long nextRequestId() {
    return requestId + 1;
  }

  /** Where the next request is encoded; its content lasts until that is sent. */
  UnsafeBuffer out() {
    return OUT.get();
  }

  /** Sends the request that was encoded into {@link #out()} with {@link #nextRequestId()}. */
  void send(int headerLength, Payload payload, Pending reply, long nowNanos) {
    requestId++;
    Sent sent = unused.take();
    sent.pending = reply;
    sent.sentNanos = nowNanos;
    pending.put(requestId, sent);
    link.send(out(), 0, headerLength, payload);
  }

  /**
   * Hears one connection. What still comes from a connection that was given up must not be taken
   * for something that happened to its successor.
   */
  private final class Connection implements Dialer.Handler {
    private boolean isCurrent() {
      return connection == this;
    }

    @Override
    public void onOpen(Link opened, long nowNanos) {
      if (isCurrent() && state == State.DIALING) {
        opened(opened, nowNanos);
      } else {
        opened.close();
      }
    }

    @Override
    public void onFrame(
        DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
      if (isCurrent()) {
        received(header, offset, payload, nowNanos);
      }
    }

    @Override
    public void onRefused(long nowNanos) {
      if (isCurrent()) {
        refused(nowNanos);
      }
    }

    @Override
    public void onClosed(long nowNanos) {
      if (isCurrent()) {
        refused = false;
        closed(nowNanos);
      }
    }
  }

  private void refused(long nowNanos) {
    refused = true;
    closed(nowNanos);
    listener.onRefused(this, nowNanos);
  }

  private void opened(Link opened, long nowNanos) {
    state = State.GREETING;
    refused = false;
    link = opened;
    lastHeardNanos = nowNanos;
    int length =
        request.hello(
            out(),
            0,
            nextRequestId(),
            nodeId,
            clientId,
            connectionNumber,
            shard,
            Request.ROLE_GATEWAY);
    requestId++;
    link.send(out(), 0, length, null);
  }

  private void received(DirectBuffer header, int offset, Payload payload, long nowNanos) {
    if (state != State.GREETING && state != State.UP) {
      return;
    }
    lastHeardNanos = nowNanos;
    Status status = Status.ofCode(Frame.status(header, offset));
    if (state == State.GREETING) {
      if (status != Status.OK || Reply.helloNodeId(header, offset) != nodeId) {
        reset(nowNanos);
        return;
      }
      state = State.UP;
      incarnation = Reply.helloIncarnation(header, offset);
      lostIncarnation = Reply.detail(header, offset);
      durableLsn = Reply.durableLsn(header, offset);
      listener.onUp(this, nowNanos);
      return;
    }
    if (status == Status.OK) {
      // Only a node that serves is dialled again at once; one that greets and refuses is not.
      retryNanos = RETRY_MIN_NANOS;
    }
    Link current = link;
    Sent sent = pending.remove(Frame.requestId(header, offset));
    long durable = Reply.durableLsn(header, offset);
    if (sent != null) {
      Pending asking = sent.pending;
      long sentNanos = sent.sentNanos;
      unused.give(sent);
      asking.onReply(status, header, offset, payload, sentNanos, nowNanos);
    }
    if (durable > durableLsn && link == current) {
      durableLsn = durable;
      listener.onDurable(this, durable, nowNanos);
    }
  }

  /** Gives the present connection up and dials again later: what came from it is of no use. */
  void reset(long nowNanos) {
    if (state == State.GREETING || state == State.UP) {
      Link useless = link;
      closed(nowNanos);
      useless.close();
    }
  }

  private void closed(long nowNanos) {
    if (state == State.CLOSED || state == State.DOWN) {
      return;
    }
    boolean wasUp = state == State.UP;
    state = State.DOWN;
    link = null;
    connection = null;
    retryAtNanos = nowNanos + retryNanos;
    retryNanos = Math.min(retryNanos * 2, RETRY_MAX_NANOS);
    List<Sent> lost = new ArrayList<>();
    long[] ids = new long[pending.size()];
    int count = 0;
    Long2ObjectHashMap<Sent>.KeyIterator keys = pending.keySet().iterator();
    while (keys.hasNext()) {
      ids[count++] = keys.nextLong();
    }
    java.util.Arrays.sort(ids);
    for (long id : ids) {
      lost.add(pending.get(id));
    }
    pending.clear();
    if (wasUp) {
      listener.onDown(this, nowNanos);
    }
    for (Sent sent : lost) {
      sent.pending.onLost(nowNanos);
    }
  }

  long nextDeadlineNanos() {
    return switch (state) {
      case DOWN -> retryAtNanos;
      case DIALING, CLOSED -> Long.MAX_VALUE;
      case GREETING -> lastHeardNanos + SILENCE_NANOS;
      case UP ->
          lastAskedNanos > lastHeardNanos
              ? lastHeardNanos + SILENCE_NANOS
              : lastHeardNanos + KEEPALIVE_NANOS;
    };
  }

  void onTimer(long nowNanos) {
    switch (state) {
      case DOWN -> {
        if (nowNanos >= retryAtNanos) {
          state = State.DIALING;
          connectionNumber++;
          connection = new Connection();
          dialer.connect(host, port, shard, connection);
        }
      }
      case GREETING, UP -> {
        if (nowNanos - lastHeardNanos >= SILENCE_NANOS
            && (state == State.GREETING || lastAskedNanos > lastHeardNanos)) {
          reset(nowNanos);
        } else if (state == State.UP
            && nowNanos - lastHeardNanos >= KEEPALIVE_NANOS
            && lastAskedNanos <= lastHeardNanos) {
          lastAskedNanos = nowNanos;
          if (listener.onIdle(this, nowNanos)) {
            return;
          }
          int length =
              request.bare(out(), 0, MessageType.PING, nextRequestId(), nodeId, 0, 0, 0, 0);
          requestId++;
          link.send(out(), 0, length, null);
        }
      }
      case DIALING, CLOSED -> {}
    }
  }

  void close() {
    state = State.CLOSED;
    connection = null;
    if (link != null) {
      link.close();
    }
    pending.clear();
  }
}
