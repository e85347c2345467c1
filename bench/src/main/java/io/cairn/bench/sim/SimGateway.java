package io.cairn.bench.sim;

import io.cairn.client.volume.CatchUpPace;
import io.cairn.client.volume.RepairRate;
import io.cairn.client.volume.ScrubSettings;
import io.cairn.client.volume.SessionSettings;
import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import java.util.List;

/** A gateway: the real volume session, one per life of the process at a time. */
final class SimGateway {
  final SimProcess process;
  private final SimCluster cluster;
  private final String volume;
  private VolumeSession session;

  /** What the sessions of one life of the gateway share. */
  private CatchUpPace pace;

  private SimPayload.Ledger ledger = new SimPayload.Ledger();
  private boolean serving;
  private boolean releasing;
  private boolean maintains;
  private int sessions;
  private long armedNanos = Long.MAX_VALUE;
  private ScrubSettings scrub;

  SimGateway(SimCluster cluster, SimProcess process, String volume) {
    this.cluster = cluster;
    this.volume = volume;
    this.process = process;
  }

  /** Its sessions scrub like that from now on. */
  void scrubs(ScrubSettings settings) {
    scrub = settings;
  }

  /** The session that serves now, or null. */
  VolumeSession serving() {
    return maintains ? null : running();
  }

  /** The session that owns the volume and has its map, whether it serves or only mends; or null. */
  VolumeSession running() {
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

  /** A client comes before the ownership was given up: the session serves on, if it still can. */
  void keep() {
    boolean kept = session.keep(cluster.world().nowNanos());
    cluster.world().log(process.name() + (kept ? ": keeps the volume" : ": too late to keep it"));
    releasing = !kept;
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

  /** Whether the session is one that only mends. */
  boolean maintains() {
    return isAttached() && maintains;
  }

  /** Takes the volume, in a new life of the process if it is dead. */
  void attach() {
    attach(-1, scrub);
  }

  /** Takes the volume only to mend it, unless somebody else has taken it since. */
  void maintain(long offeredGeneration) {
    maintain(new Reply.MaintenanceOffer(volume, offeredGeneration));
  }

  /** The same as it was offered. */
  void maintain(Reply.MaintenanceOffer offer) {
    attach(offer.generation(), offer.scrubDue() ? scrub.nowDue() : scrub);
  }

  /** What it takes for due to be scrubbed when nobody has it; null for nothing. */
  Query.ScrubWanted scrubWanted() {
    return scrub == null ? null : scrub.wanted();
  }

  private void attach(long offeredGeneration, ScrubSettings scrubSettings) {
    if (!process.isUp()) {
      process.start();
      pace = CatchUpPace.ofGateway(repairRate());
      ledger = new SimPayload.Ledger();
    }
    SimWorld world = cluster.world();
    sessions++;
    serving = false;
    releasing = false;
    maintains = offeredGeneration >= 0;
    armedNanos = Long.MAX_VALUE;
    long instance = process.number() * 100_000L + process.life() * 1000L + sessions;
    SessionSettings usual = SessionSettings.of(process.name(), instance, process.name());
    SessionSettings settings =
        usual
            .withPace(pace)
            .withMapPage(cluster.knobs().mapPage())
            .withWindow(256 << 10, usual.windowEntriesMax())
            .forMaintenance(offeredGeneration);
    world.log(
        process.name() + ": " + (maintains ? "maintain" : "attach") + ", session " + instance);
    if (scrubSettings != null) {
      settings = settings.withScrub(scrubSettings);
    }
    SimPayload.Ledger mine = ledger;
    VolumeSession started =
        new VolumeSession(
            settings,
            volume,
            cluster.metadata().client(process, instance),
            (host, port, handler) -> cluster.dial(process, mine, port, handler),
            length -> SimPayload.of(mine, new byte[length]),
            world::nowNanos);
    session = started;
    started.start(
        () -> {
          world.log(process.name() + ": serves generation " + started.generation());
          serving = true;
        },
        () -> world.log(process.name() + ": session over, fenced " + started.isFenced()),
        world.nowNanos());
  }

  /** Every other life is one whose clients must not wait long: it copies slowly. */
  private RepairRate repairRate() {
    return process.life() % 2 == 0 ? RepairRate.unbounded() : new RepairRate(1, 1 << 20);
  }

  /**
   * What a heartbeat's answer says.
   *
   * @param volume null when it was deleted: then nothing is said of it.
   * @param moves replicas that the leader wishes to be moved, of any volume.
   */
  void onNodes(
      List<NodeRecord> nodes,
      List<Long> away,
      List<Reply.NodeShard> awayShards,
      VolumeRecord volume,
      List<Reply.WantedMove> moves) {
    VolumeSession told = session;
    if (isAttached()) {
      process.run(
          () -> {
            if (session == told && !told.isOver()) {
              told.onNodes(nodes, away, awayShards, cluster.world().nowNanos());
              if (volume != null) {
                told.onRecord(volume, cluster.world().nowNanos());
                told.mending()
                    .onMovesWanted(
                        moves.stream().filter(m -> m.volume().equals(volume.name())).toList(),
                        cluster.world().nowNanos());
              }
            }
          });
    }
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
            // One that a nearer deadline replaced must not arm another.
            if (session == current && armedNanos == next) {
              armedNanos = Long.MAX_VALUE;
              current.onTimer(world.nowNanos());
            }
          });
    }
  }
}
