package io.cairn.storage.transport;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;

/**
 * Dials so that the links of many volumes to one shard share few connections: with one for each, no
 * two requests share a system call. The first have connections of their own, as sharing costs each
 * frame another checksum and lets one link hold up another. Used on its client's loop.
 */
public final class SharedDialer implements Dialer {
  /** Links to one shard with a connection of their own. */
  static final int OWN_MAX = 1;

  /** Shared connections to one shard. */
  static final int SHARED_MAX = 2;

  /**
   * Silence after which a link that is closed takes its connection with it: less than what makes
   * its user close it. What is silent for so long may be a connection that carries nothing more.
   */
  static final long STALE_NANOS = TimeUnit.MILLISECONDS.toNanos(1_500);

  private record Address(String host, int port, int shard) {}

  private final LinkClient client;
  private final EventLoop loop;
  private final Map<Address, Shard> shards = new HashMap<>();

  /** Over a client, which whoever made it closes. */
  public SharedDialer(LinkClient client, EventLoop loop) {
    this.client = client;
    this.loop = loop;
  }

  @Override
  public void connect(String host, int port, Handler handler) {
    client.connect(host, port, handler);
  }

  @Override
  public void connect(String host, int port, int shard, Handler handler) {
    shards.computeIfAbsent(new Address(host, port, shard), Shard::new).connect(handler);
  }

  /** One shard of a node, as long as there is a connection to it. */
  private final class Shard {
    private final Address address;
    private final List<DialedLinks> shared = new ArrayList<>();
    private int own;

    Shard(Address address) {
      this.address = address;
    }

    void connect(Handler handler) {
      if (own < OWN_MAX) {
        own++;
        client.connect(address.host, address.port, new Own(this, handler));
        return;
      }
      if (shared.size() < SHARED_MAX) {
        DialedLinks dialed = new DialedLinks(this);
        shared.add(dialed);
        dialed.connect(handler);
        client.connect(address.host, address.port, dialed);
        return;
      }
      shared.stream()
          .min(Comparator.comparingInt(DialedLinks::wanted))
          .orElseThrow()
          .connect(handler);
    }

    void ownClosed() {
      own--;
      forgetIfUnused();
    }

    void closed(DialedLinks dialed) {
      shared.remove(dialed);
      forgetIfUnused();
    }

    private void forgetIfUnused() {
      if (own == 0 && shared.isEmpty()) {
        shards.remove(address);
      }
    }
  }

  /** A link with a connection of its own. */
  private static final class Own implements Handler {
    private final Shard shard;
    private final Handler handler;

    Own(Shard shard, Handler handler) {
      this.shard = shard;
      this.handler = handler;
    }

    @Override
    public void onOpen(Link link, long nowNanos) {
      handler.onOpen(link, nowNanos);
    }

    @Override
    public void onFrame(
        DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
      handler.onFrame(header, offset, headerLength, payload, nowNanos);
    }

    @Override
    public boolean takesMore() {
      return handler.takesMore();
    }

    @Override
    public void onRefused(long nowNanos) {
      shard.ownClosed();
      handler.onRefused(nowNanos);
    }

    @Override
    public void onClosed(long nowNanos) {
      shard.ownClosed();
      handler.onClosed(nowNanos);
    }
  }

  /**
   * A client's end of a shared connection. The first link asks by its HELLO whether the server
   * knows streams; the others wait for the answer.
   *
   * <pre>
   * DIALING --open--> ASKING --answer in the stream--> SHARED
   *                          --answer in none--------> PLAIN: the first link's own
   * </pre>
   */
  private final class DialedLinks extends SharedConnection {
    private enum State {
      DIALING,
      ASKING,
      SHARED,
      PLAIN,
      CLOSED
    }

    private final Shard shard;
    private final ArrayDeque<Handler> waiting = new ArrayDeque<>();
    private State state = State.DIALING;
    private SharedLink first;
    private int lastStream;
    private long heardNanos;

    DialedLinks(Shard shard) {
      super(loop);
      this.shard = shard;
    }

    /** Links that it has, and that wait for it. */
    int wanted() {
      return linkCount() + waiting.size();
    }

    void connect(Handler handler) {
      switch (state) {
        case DIALING, ASKING -> waiting.add(handler);
        case SHARED -> {
          waiting.add(handler);
          loop.execute(this::openWaiting);
        }
        case PLAIN -> client.connect(shard.address.host, shard.address.port, handler);
        case CLOSED -> throw new IllegalStateException("a closed connection is nobody's choice");
      }
    }

    @Override
    public void onOpen(Link opened, long nowNanos) {
      super.onOpen(opened, nowNanos);
      state = State.ASKING;
      heardNanos = nowNanos;
      first = open(waiting.remove(), nowNanos);
    }

    private SharedLink open(Handler handler, long nowNanos) {
      do {
        lastStream = lastStream % Frame.STREAM_MAX + 1;
      } while (hasLink(lastStream));
      SharedLink link = add(lastStream, handler);
      guarded(link, () -> link.opened(nowNanos));
      return link;
    }

    private void openWaiting() {
      while (state == State.SHARED && !waiting.isEmpty()) {
        open(waiting.remove(), System.nanoTime());
      }
    }

    @Override
    public void onFrame(
        DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
      heardNanos = nowNanos;
      if (state == State.ASKING) {
        boolean shares = Frame.stream(header, offset) != 0;
        state = shares ? State.SHARED : State.PLAIN;
        if (shares) {
          loop.execute(this::openWaiting);
        } else {
          waiting.forEach(
              handler -> client.connect(shard.address.host, shard.address.port, handler));
          waiting.clear();
        }
      }
      if (state == State.PLAIN) {
        first.received(header, offset, headerLength, payload, nowNanos);
      } else {
        super.onFrame(header, offset, headerLength, payload, nowNanos);
      }
    }

    @Override
    SharedLink unknown(int stream, DirectBuffer header, int offset, long nowNanos) {
      return null;
    }

    @Override
    void send(
        int stream, DirectBuffer header, int headerOffset, int headerLength, Payload payload) {
      if (state == State.PLAIN) {
        sendPlainly(header, headerOffset, headerLength, payload);
      } else {
        super.send(stream, header, headerOffset, headerLength, payload);
      }
    }

    /** A server that was asked for nothing yet, or that knows no streams, is told by the close. */
    @Override
    void end(int stream) {
      if (state == State.SHARED) {
        super.end(stream);
      }
    }

    @Override
    void linkClosed() {
      boolean stale = System.nanoTime() - heardNanos >= STALE_NANOS;
      if (state != State.SHARED || stale || wanted() == 0) {
        leave();
        close();
      }
    }

    /** From now on others dial anew. */
    private void leave() {
      if (state != State.CLOSED) {
        state = State.CLOSED;
        shard.closed(this);
      }
    }

    @Override
    public void onRefused(long nowNanos) {
      gone(nowNanos, handler -> handler.onRefused(nowNanos));
    }

    @Override
    public void onClosed(long nowNanos) {
      gone(nowNanos, handler -> handler.onClosed(nowNanos));
    }

    private void gone(long nowNanos, Consumer<Handler> tellWaiting) {
      leave();
      super.onClosed(nowNanos);
      List<Handler> told = List.copyOf(waiting);
      waiting.clear();
      told.forEach(tellWaiting);
    }
  }
}
