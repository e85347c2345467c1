package io.cairn.bench.sim;

import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Connections between processes. Fault model: a connection delivers its frames in order, late by a
 * random delay; it may break at any time, and then both ends lose what was under way from some
 * point on. A direction between two processes may be cut: its frames wait; when it heals they
 * arrive late (possibly after a newer connection's) or the connection turns out to be broken. A bit
 * of a payload may flip, rarely. A killed process's connections are reset, and its host refuses new
 * ones; a powerless one's die in silence, and nobody answers there.
 */
final class SimNetwork {
  private static final long CONNECT_TIMEOUT_NANOS = 1_000_000_000L;

  private final SimWorld world;
  private final SimRandom random;
  private final boolean[][] cut;
  private final long[][] slowNanos;
  private final List<Connection> connections = new ArrayList<>();

  /** Those whose host went down with them. */
  private final Set<SimProcess> powerless = new HashSet<>();

  private long nextLinkId = 1;
  private int flipOneIn;

  SimNetwork(SimWorld world, SimRandom random, int processCount) {
    this.world = world;
    this.random = random;
    cut = new boolean[processCount][processCount];
    slowNanos = new long[processCount][processCount];
  }

  /** What a process does with its end of a connection. */
  interface Handler {
    void onFrame(Link link, DirectBuffer header, int offset, int length, Payload payload);

    void onClosed(Link link);
  }

  /** A process that accepts connections. */
  interface Acceptor {
    /** The handler of a new connection, or null to refuse it. */
    Handler accept(Link link);

    SimProcess process();

    SimPayload.Ledger ledger();
  }

  /** Outcome of a connection attempt. */
  interface Connecting {
    Handler connected(Link link);

    /** The host answers that nobody listens. */
    void refused();

    /** Nobody answered in time. */
    void failed();
  }

  void flipBits(int oneIn) {
    flipOneIn = oneIn;
  }

  /** Opens a connection; the outcome comes later, within the calling process. */
  void connect(SimProcess from, SimPayload.Ledger ledger, Acceptor to, Connecting outcome) {
    int a = from.number();
    int b = to.process().number();
    boolean isCut = cut[a][b] || cut[b][a];
    if (isCut && random.oneIn(8)
        || !isCut && !to.process().isUp() && !powerless.contains(to.process())) {
      // A firewall may say of a process that lives that nobody is there.
      world.after(from, delay(a, b), outcome::refused);
      return;
    }
    if (isCut || !to.process().isUp()) {
      world.after(from, CONNECT_TIMEOUT_NANOS, outcome::failed);
      return;
    }
    Connection connection = new Connection(from, ledger, to.process(), to.ledger());
    int life = from.life();
    world.after(
        to.process(),
        delay(a, b),
        () -> {
          if (!from.isLife(life)) {
            return;
          }
          Handler accepted = to.accept(connection.right);
          if (accepted == null) {
            world.after(from, delay(b, a), outcome::failed);
            return;
          }
          connection.right.handler = accepted;
          connections.add(connection);
          world.after(
              from,
              delay(b, a),
              () -> {
                connection.left.handler = outcome.connected(connection.left);
                connection.left.drainEarly();
                if (connection.left.peerClosed) {
                  connection.left.hearClose();
                }
              });
        });
    // A connection attempt to a process that dies meanwhile fails in the end.
    world.after(
        from,
        CONNECT_TIMEOUT_NANOS,
        () -> {
          if (connection.left.handler == null && !connection.left.closed) {
            connection.left.closed = true;
            connection.right.breakOff();
            outcome.failed();
          }
        });
  }

  void setCut(int a, int b, boolean value) {
    cut[a][b] = value;
    if (!value) {
      for (Connection connection : List.copyOf(connections)) {
        connection.healed(a, b);
      }
    }
  }

  void setSlow(int a, int b, long nanos) {
    slowNanos[a][b] = nanos;
  }

  void heal() {
    for (int a = 0; a < cut.length; a++) {
      for (int b = 0; b < cut.length; b++) {
        slowNanos[a][b] = 0;
        if (cut[a][b]) {
          setCut(a, b, false);
        }
      }
    }
  }

  /** Breaks one open connection, if there is one. */
  void breakOne() {
    if (!connections.isEmpty()) {
      Connection connection = connections.get(random.below(connections.size()));
      world.log("net: break " + connection);
      connection.reset();
    }
  }

  /** The process died; with power loss its peers hear nothing for a while. */
  void processDied(SimProcess process, boolean silent) {
    if (silent) {
      powerless.add(process);
    } else {
      powerless.remove(process);
    }
    for (Connection connection : List.copyOf(connections)) {
      if (connection.left.process == process || connection.right.process == process) {
        End dead = connection.left.process == process ? connection.left : connection.right;
        dead.closed = true;
        dead.early.clear();
        long delay = silent ? random.between(1_000_000L, 1_500_000_000L) : delay(0, 0);
        world.after(dead.peer.process, delay, dead.peer::breakOff);
        connections.remove(connection);
      }
    }
  }

  private long delay(int a, int b) {
    long base = random.between(20_000L, 200_000L);
    if (random.oneIn(50)) {
      base += random.between(0, 5_000_000L);
    }
    return base + slowNanos[a][b];
  }

  private final class Connection {
    final End left;
    final End right;

    Connection(
        SimProcess from, SimPayload.Ledger fromLedger, SimProcess to, SimPayload.Ledger toLedger) {
      left = new End(this, from, fromLedger, nextLinkId++);
      right = new End(this, to, toLedger, nextLinkId++);
      left.peer = right;
      right.peer = left;
    }

    void healed(int a, int b) {
      if (left.process.number() == a && right.process.number() == b) {
        left.healed();
      } else if (left.process.number() == b && right.process.number() == a) {
        right.healed();
      }
    }

    void reset() {
      connections.remove(this);
      for (End end : List.of(left, right)) {
        world.after(
            end.process, delay(end.peer.process.number(), end.process.number()), end::breakOff);
      }
    }

    @Override
    public String toString() {
      return left + "<->" + right;
    }
  }

  private record Parcel(byte[] header, byte[] payload) {}

  /** One end of a connection. */
  private final class End implements Link {
    final Connection connection;
    final SimProcess process;
    final SimPayload.Ledger ledger;
    final int life;
    final long id;
    final Queue<Parcel> early = new ArrayDeque<>();
    final Queue<Runnable> stuck = new ArrayDeque<>();
    End peer;
    Handler handler;
    boolean closed;
    boolean peerClosed;
    long lastArrivalNanos;

    End(Connection connection, SimProcess process, SimPayload.Ledger ledger, long id) {
      this.connection = connection;
      this.process = process;
      this.ledger = ledger;
      this.life = process.life();
      this.id = id;
    }

    @Override
    public long id() {
      return id;
    }

    @Override
    public void send(DirectBuffer header, int headerOffset, int headerLength, Payload payload) {
      if (closed) {
        return;
      }
      byte[] headerBytes = new byte[headerLength];
      header.getBytes(headerOffset, headerBytes);
      byte[] payloadBytes = null;
      if (payload != null) {
        payloadBytes = new byte[payload.length()];
        payload.buffer().getBytes(payload.offset(), payloadBytes);
        if (flipOneIn > 0 && random.oneIn(flipOneIn)) {
          payloadBytes[random.below(payloadBytes.length)] ^= (byte) (1 << random.below(8));
          world.log("net: bit flip on link " + id);
        }
      }
      Parcel parcel = new Parcel(headerBytes, payloadBytes);
      transmit(() -> peer.receive(parcel));
    }

    /** Frames and the close travel the same way, in order. */
    private void transmit(Runnable arrival) {
      if (cut[process.number()][peer.process.number()] || !stuck.isEmpty()) {
        stuck.add(arrival);
        return;
      }
      long at =
          Math.max(
              lastArrivalNanos, world.nowNanos() + delay(process.number(), peer.process.number()));
      lastArrivalNanos = at;
      world.after(peer.process, at - world.nowNanos(), arrival);
    }

    void healed() {
      if (stuck.isEmpty()) {
        return;
      }
      if (random.oneIn(2)) {
        stuck.clear();
        connection.reset();
        return;
      }
      List<Runnable> late = List.copyOf(stuck);
      stuck.clear();
      late.forEach(this::transmit);
    }

    private void receive(Parcel parcel) {
      if (closed || !process.isLife(life)) {
        return;
      }
      if (handler == null) {
        early.add(parcel);
        return;
      }
      MutableDirectBuffer header = new UnsafeBuffer(parcel.header);
      SimPayload payload =
          parcel.payload == null ? null : SimPayload.of(ledger, parcel.payload.clone());
      if (world.trace() != null) {
        world.log(
            peer.process.name()
                + ">"
                + process.name()
                + " "
                + MessageType.name(Frame.type(header, 0))
                + ((Frame.type(header, 0) & MessageType.REPLY) != 0 ? " reply" : "")
                + " #"
                + Frame.requestId(header, 0)
                + " s"
                + Frame.status(header, 0)
                + FrameText.of(header));
      }
      if ((Frame.type(header, 0) & MessageType.REPLY) != 0) {
        SimRecords.answered(Frame.type(header, 0), Frame.status(header, 0));
      }
      handler.onFrame(this, header, 0, parcel.header.length, payload);
      if (payload != null) {
        payload.release();
      }
    }

    void drainEarly() {
      while (!early.isEmpty() && !closed) {
        receive(early.poll());
      }
    }

    /** The connection failed under this end. */
    void breakOff() {
      hearClose();
    }

    private void hearClose() {
      peerClosed = true;
      if (!closed && handler != null) {
        closed = true;
        connections.remove(connection);
        if (process.isLife(life)) {
          handler.onClosed(this);
        }
      }
    }

    @Override
    public boolean isOpen() {
      return !closed;
    }

    @Override
    public void close() {
      if (closed) {
        return;
      }
      closed = true;
      // What was sent before is lost or arrives, then the peer hears of the end.
      transmit(peer::hearClose);
      connections.remove(connection);
      if (handler != null) {
        world.after(process, 1_000L, () -> handler.onClosed(this));
      }
    }

    @Override
    public String toString() {
      return process.name() + "#" + id;
    }
  }
}
