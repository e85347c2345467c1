package io.cairn.bench.sim;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.LossQueries;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.ReplicaState;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * All in-sync replicas of a chunk die for good, and an operator goes on with what is left, also
 * where only their devices failed ({@link SimLostDevices}). Fault model: the nodes never come back;
 * others may be away at the same time, restart, or have been in the middle of a catch-up. A hasty
 * operator tries the same where nothing is lost, or not yet.
 *
 * <p>Where devices are replaced the operator looks after that as well: another replica may be on
 * its way out of the in-sync set, by a command that is not applied yet, when the device goes that
 * has the last whole copy from then on.
 *
 * <p>Draws from a source of its own, so that a run without it is the same run as ever.
 */
final class SimLostCopies {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0x1057_0000_0003L;

  /** One run in so many loses something. */
  private static final int OUT_OF = 6;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimRandom random;
  private final boolean some;
  private final boolean devices;
  private boolean watched;
  private final Set<SimNode> dead = new LinkedHashSet<>();

  /** Draws the losses of a run; with devices an operator is there also where nothing is drawn. */
  SimLostCopies(SimCluster cluster, SimFaults faults, long seed, boolean devices) {
    this.devices = devices;
    this.cluster = cluster;
    this.faults = faults;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(OUT_OF);
  }

  void begin(long endNanos) {
    if (devices) {
      watchAfter(SECOND);
    }
    if (!some) {
      return;
    }
    long atNanos = random.between(SECOND / 2, Math.max(SECOND, endNanos - SECOND));
    // Somebody has to be behind for something to be left.
    boolean lagging = !random.oneIn(4);
    SimNode behind = cluster.nodes().get(random.below(cluster.nodes().size()));
    if (lagging) {
      long early = random.between(SECOND / 10, 3 * SECOND);
      cluster.world().after(Math.max(0, atNanos - early), () -> faults.crash(behind, false));
    }
    cluster.world().after(atNanos, () -> lose(endNanos, lagging ? behind : null));
    hurry(endNanos);
  }

  /** The nodes of all in-sync replicas of one chunk die. */
  private void lose(long endNanos, SimNode behind) {
    List<ChunkRecord> chunks = new ArrayList<>();
    for (int i = 0; cluster.record(i) != null || i < 32; i++) {
      ChunkRecord record = cluster.record(i);
      if (record != null && (behind == null || has(record, behind.nodeId, ReplicaState.SYNCING))) {
        chunks.add(record);
      }
    }
    Set<SimNode> doomed = new LinkedHashSet<>();
    if (!chunks.isEmpty()) {
      ChunkRecord chosen = chunks.get(random.below(chunks.size()));
      for (Replica replica : chosen.replicas()) {
        if (replica.state() == ReplicaState.IN_SYNC) {
          doomed.add(cluster.node(replica.nodeId()));
        }
      }
    }
    long staying =
        cluster.nodes().stream()
            .filter(node -> !doomed.contains(node) && !faults.isGone(node))
            .filter(node -> !cluster.isLeaving(node.nodeId))
            .count();
    if (doomed.isEmpty() || staying < cluster.volume().minInSync() || faults.hasRot()) {
      if (cluster.world().nowNanos() + SECOND < endNanos) {
        cluster.world().after(random.between(SECOND / 10, SECOND), () -> lose(endNanos, behind));
      }
      return;
    }
    for (SimNode node : doomed) {
      cluster.world().log(node.process.name() + ": lost for good");
      dead.add(node);
      faults.lost(node, random.oneIn(2));
    }
    watchAfter(random.between(SECOND / 10, 2 * SECOND));
  }

  private static boolean has(ChunkRecord record, long nodeId, ReplicaState state) {
    return record.replicas().contains(new Replica(nodeId, state));
  }

  /** From then on an operator looks twice a second. */
  private void watchAfter(long nanos) {
    if (!watched) {
      watched = true;
      lookAfter(nanos);
    }
  }

  private void lookAfter(long nanos) {
    cluster
        .world()
        .after(
            nanos,
            () -> {
              giveUp();
              recover();
              lookAfter(SECOND / 2);
            });
  }

  /** Whether nodes died for good, with all that they alone had. */
  boolean some() {
    return !dead.isEmpty();
  }

  /** Whether an in-sync replica is still on a node that is dead for good. */
  boolean isDue() {
    Set<Long> ids = new TreeSet<>();
    dead.forEach(node -> ids.add(node.nodeId));
    for (int i = 0; i < 32 && !ids.isEmpty(); i++) {
      ChunkRecord record = cluster.record(i);
      if (record != null
          && record.replicas().stream()
              .anyMatch(r -> r.state() == ReplicaState.IN_SYNC && ids.contains(r.nodeId()))) {
        return true;
      }
    }
    return false;
  }

  /** The operator says that the nodes are gone, also where nothing was lost with them. */
  private void giveUp() {
    for (SimNode node : dead) {
      if (!isForced(node)) {
        cluster.metadata().operate(new Command.DrainNode(node.nodeId, Departure.FORCED));
      }
    }
  }

  /** The operator takes what is left. */
  private void recover() {
    long nowNanos = cluster.world().nowNanos();
    List<ReplicaLook> looks = new ArrayList<>();
    for (SimGateway gateway : cluster.gateways()) {
      if (gateway.running() != null
          && gateway.running().generation() == cluster.volume().generation()) {
        looks.addAll(gateway.running().mending().looksAtLostChunks(nowNanos));
      }
    }
    Reply.Losses losses =
        (Reply.Losses)
            LossQueries.losses(
                cluster.metadata().machine().state(), SimCluster.VOLUME, cluster.reach(), looks);
    List<Command.RecoverVolume.Choice> choices =
        losses.chunks().stream()
            .filter(Reply.LostChunk::mayBeGivenUp)
            .map(Reply.LostChunk::bestChoice)
            .toList();
    if (!choices.isEmpty()) {
      submit(choices);
    }
  }

  /**
   * Where too few nodes are left for all replicas, nobody else leaves: an operator takes back what
   * can no longer come to its end.
   */
  void heal() {
    long staying =
        cluster.nodes().stream()
            .filter(node -> !dead.contains(node) && !cluster.isLeaving(node.nodeId))
            .count();
    if (!dead.isEmpty() && staying < cluster.volume().replicas()) {
      for (SimNode node : cluster.nodes()) {
        if (!dead.contains(node)) {
          faults.comesBack(node);
          cluster.metadata().operate(new Command.DrainNode(node.nodeId, null));
        }
      }
    }
  }

  private boolean isForced(SimNode node) {
    return cluster.metadata().machine().state().node(node.nodeId).departure() == Departure.FORCED;
  }

  private void submit(List<Command.RecoverVolume.Choice> choices) {
    Reply reply =
        cluster
            .metadata()
            .operate(
                new Command.RecoverVolume(
                    SimCluster.VOLUME, cluster.volume().generation(), 1, choices));
    if (reply instanceof Reply.Volume recovered) {
      for (Command.RecoverVolume.Choice choice : choices) {
        cluster.losses().accepted(choice.index(), recovered.volume().generation());
      }
    }
  }

  /** Somebody takes a replica for the best that is left while in-sync ones may come back. */
  private void hurry(long endNanos) {
    if (cluster.world().nowNanos() >= endNanos) {
      return;
    }
    cluster
        .world()
        .after(
            random.between(SECOND / 10, 2 * SECOND),
            () -> {
              ChunkRecord record = cluster.record(random.below(8));
              if (record != null && !isDue()) {
                Replica replica = record.replicas().get(random.below(record.replicas().size()));
                submit(
                    List.of(
                        new Command.RecoverVolume.Choice(
                            0,
                            record.index(),
                            record.epoch(),
                            random.oneIn(4) ? 0 : replica.nodeId(),
                            ReplicaCondition.COMPLETE,
                            0)));
              }
              hurry(endNanos);
            });
  }
}
