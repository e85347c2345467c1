package io.cairn.bench.sim;

import io.cairn.client.volume.SessionSettings;
import io.cairn.client.volume.VolumeSession;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import org.agrona.DirectBuffer;

/** A gateway: the real volume session, one per life of the process at a time. */
final class SimGateway {
  final SimProcess process;
  private final SimCluster cluster;
  private VolumeSession session;
  private SimPayload.Ledger ledger = new SimPayload.Ledger();
  private boolean serving;
  private boolean releasing;
  private int sessions;
  private long armedNanos = Long.MAX_VALUE;

  SimGateway(SimCluster cluster, SimProcess process) {
    this.cluster = cluster;
    this.process = process;
  }

  /** The session that serves now, or null. */
  VolumeSession serving() {
    return process.isUp() && serving && !session.isOver() ? session : null;
  }

  /** Whether a session serves or is about to. */
  boolean isAttached() {
    return process.isUp() && session != null && !session.isOver();
  }

  /** Gives the ownership up; it takes until all is durable and the metadata has answered. */
  void release() {
    releasing = true;
    session.release(cluster.world().nowNanos());
  }

  /** Whether the session was told to give the ownership up. */
  boolean isReleasing() {
    return releasing;
  }

  /** The session of this life, or null. */
  VolumeSession session() {
    return session;
  }

  SimPayload.Ledger ledger() {
    return ledger;
  }

  int lifeKey() {
    return process.life() * 1000 + sessions;
  }

  /** Takes the volume, in a new life of the process if it is dead. */
  void attach() {
    if (!process.isUp()) {
      process.start();
      ledger = new SimPayload.Ledger();
    }
    SimWorld world = cluster.world();
    sessions++;
    serving = false;
    releasing = false;
    armedNanos = Long.MAX_VALUE;
    long instance = process.number() * 100_000L + process.life() * 1000L + sessions;
    SessionSettings usual = SessionSettings.of(process.name(), instance, process.name());
    SessionSettings settings =
        usual
            .withLease(cluster.mutations().leaseNanos(usual.leaseNanos()))
            .withWindow(256 << 10, usual.windowEntriesMax());
    world.log(process.name() + ": attach, session " + instance);
    SimPayload.Ledger mine = ledger;
    VolumeSession started =
        new VolumeSession(
            settings,
            SimCluster.VOLUME,
            cluster.mutations().metadata(cluster.metadata().client(process, instance)),
            (host, port, handler) -> cluster.dial(process, mine, port, new Bent(handler)),
            length -> SimPayload.of(mine, new byte[length]),
            cluster.mutations().clock(world::nowNanos));
    session = started;
    started.start(
        () -> {
          world.log(process.name() + ": serves generation " + started.generation());
          serving = true;
        },
        () -> world.log(process.name() + ": session over, fenced " + started.isFenced()),
        world.nowNanos());
  }

  void kill() {
    process.die();
    session = null;
    cluster.network().processDied(process, false);
  }

  void arm() {
    if (session == null || !process.isUp()) {
      return;
    }
    long next = session.nextDeadlineNanos();
    if (next < armedNanos) {
      armedNanos = next;
      SimWorld world = cluster.world();
      VolumeSession current = session;
      world.after(
          process,
          Math.max(0, next - world.nowNanos()),
          () -> {
            if (session == current) {
              armedNanos = Long.MAX_VALUE;
              current.onTimer(world.nowNanos());
            }
          });
    }
  }

  /** Lets a mutation see the session's links. */
  private final class Bent implements Dialer.Handler {
    private final Dialer.Handler handler;

    Bent(Dialer.Handler handler) {
      this.handler = handler;
    }

    @Override
    public void onOpen(Link link, long nowNanos) {
      handler.onOpen(cluster.mutations().gatewayLink(link), nowNanos);
    }

    @Override
    public void onFrame(
        DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
      handler.onFrame(header, offset, headerLength, payload, nowNanos);
    }

    @Override
    public void onClosed(long nowNanos) {
      handler.onClosed(nowNanos);
    }
  }
}
