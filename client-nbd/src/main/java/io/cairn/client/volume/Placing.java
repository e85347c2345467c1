package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ReplicaState;
import java.util.ArrayList;
import java.util.List;

/**
 * Has replicas placed anew whose nodes or shards are to leave or are away for too long, and those
 * taken away that are no longer needed: some chunks at a time, those with the fewest replicas in
 * sync first. A new one is out of sync and is brought up as any other; an old one that is in sync
 * leaves the in-sync set before it leaves the record.
 *
 * <p>One is taken away only from a chunk that is ready. By then nobody before us can be reading a
 * replica (I4): once it has left the record, the owner after us would not know that it had to wait
 * for that. One is added besides where a chunk cannot be opened without it.
 */
final class Placing {
  private static final int BATCH_MAX = 16;
  private static final long RETRY_NANOS = 500_000_000L;

  /** Chunks that are opened for it, or that catch up, before more is placed. */
  private static final int CHUNKS_MAX = 8;

  private final VolumeSession session;
  private final Proposal proposal;
  private long notBeforeNanos = Long.MIN_VALUE;

  Placing(VolumeSession session) {
    this.session = session;
    proposal = new Proposal(session);
  }

  /**
   * Whether a chunk may have a replica on a node that we do not know: a lease of what is not
   * allocated must be that of all nodes.
   */
  boolean isUnsure() {
    return proposal.isUnsure();
  }

  /** Replicas that must stay when this one goes. */
  private static int needed(OwnedChunk chunk, OwnedReplica replica) {
    VolumeSession session = chunk.session;
    int wanted = session.ownership.volume().replicas();
    int staying = session.nodes.stayingCount(chunk);
    if (!session.nodes.isForced(replica.node.link.nodeId) || staying == 0) {
      return wanted;
    }
    return Math.min(wanted, Math.max(session.minInSync(), staying));
  }

  /** Whether the replica is to leave, with its node, with its shard or alone. */
  private static boolean isLeaving(OwnedChunk chunk, OwnedReplica replica) {
    return chunk.session.nodes.isLeaving(replica.node)
        || chunk.record().movesFrom(replica.node.link.nodeId);
  }

  /** Whether enough others are in sync on nodes that stay. */
  static boolean isSurplus(OwnedChunk chunk, OwnedReplica replica) {
    int needed = needed(chunk, replica);
    if (chunk.replicas().size() <= needed) {
      return false;
    }
    int others = 0;
    for (OwnedReplica other : chunk.replicas()) {
      others += other != replica && other.inSync() && !isLeaving(chunk, other) ? 1 : 0;
    }
    return others >= needed;
  }

  /** Whether it may leave the in-sync set: as many as needed can be reached and hold everything. */
  static boolean maySpare(OwnedChunk chunk, OwnedReplica replica) {
    return isSurplus(chunk, replica) && chunk.holdersBeside(replica) >= needed(chunk, replica);
  }

  /** Whether a replica is missing on the nodes that stay. */
  static boolean lacks(OwnedChunk chunk) {
    VolumeSession session = chunk.session;
    int wanted = session.ownership.volume().replicas();
    boolean someLeave = session.nodes.someLeave() || chunk.record().movesFromNodeId() != null;
    if (!someLeave && chunk.replicas().size() >= wanted) {
      return false;
    }
    int staying = 0;
    for (OwnedReplica replica : chunk.replicas()) {
      staying += isLeaving(chunk, replica) || Moves.isStuck(chunk, replica) ? 0 : 1;
    }
    return staying < wanted && staying < session.nodes.stayingCount(chunk);
  }

  private static OwnedReplica surplus(OwnedChunk chunk) {
    for (OwnedReplica replica : chunk.replicas()) {
      if (!replica.required() && isSurplus(chunk, replica)) {
        return replica;
      }
    }
    return null;
  }

  /** Whether something of the chunk is to be placed or taken away, or may be lost. */
  static boolean isDue(OwnedChunk chunk) {
    return lacks(chunk) || surplus(chunk) != null || mayBeLost(chunk);
  }

  /** Whether nobody has asked yet what a shard has that began anew on an empty device. */
  private static boolean mayBeLost(OwnedChunk chunk) {
    if (chunk.state() == OwnedChunk.State.CLOSED) {
      for (OwnedReplica replica : chunk.replicas()) {
        if (replica.inSync() && replica.node.ready && replica.node.link.lostIncarnation() > 0) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Proposes what is due; does nothing while a proposal is under way.
   *
   * @param some chunks that are not at rest: {@link Mending#pump}.
   */
  void propose(List<OwnedChunk> some, long nowNanos) {
    if (nowNanos < notBeforeNanos || !session.isServing() || proposal.goesOn()) {
      return;
    }
    List<OwnedChunk> due = ChunkMap.mostEndangeredFirst(some, Placing::isDue);
    if (due.isEmpty()) {
      return;
    }
    List<OwnedChunk> chosen = new ArrayList<>();
    List<Command.PlaceReplicas.Placing> placings = new ArrayList<>();
    int busy = 0;
    int catchingUp = 0;
    for (OwnedChunk chunk : session.chunks()) {
      boolean opens =
          chunk.state() == OwnedChunk.State.OPENING && !ShortOpening.isBlocked(chunk, nowNanos);
      busy += opens || chunk.isCatchingUp() ? 1 : 0;
      catchingUp += chunk.isCatchingUp() ? 1 : 0;
    }
    for (OwnedChunk chunk : due) {
      boolean isShort = ShortOpening.isDue(chunk, nowNanos);
      if (placings.size() < BATCH_MAX && (chunk.state() == OwnedChunk.State.READY || isShort)) {
        busy += collect(chunk, busy, chosen, placings) ? 1 : 0;
      } else if (busy < CHUNKS_MAX && chunk.state() == OwnedChunk.State.CLOSED) {
        chunk.open(nowNanos);
        busy++;
      }
    }
    if (!placings.isEmpty()) {
      submit(
          chosen,
          new Command.PlaceReplicas(
              session.volumeId(), session.generation(), catchingUp, placings));
    }
  }

  /** Whether one more replica is asked for. */
  private boolean collect(
      OwnedChunk chunk,
      int busy,
      List<OwnedChunk> chosen,
      List<Command.PlaceReplicas.Placing> placings) {
    OwnedReplica surplus = chunk.state() == OwnedChunk.State.READY ? surplus(chunk) : null;
    boolean adds = surplus == null && busy < CHUNKS_MAX && lacks(chunk);
    if (surplus != null || adds) {
      chosen.add(chunk);
      placings.add(
          new Command.PlaceReplicas.Placing(
              chunk.record().layer(),
              chunk.record().index(),
              chunk.record().epoch(),
              adds ? 0 : surplus.node.link.nodeId));
    }
    return adds;
  }

  /** Whether a proposal can go out now, and the outcome of the last one is known. */
  boolean isIdle(long nowNanos) {
    return !isUnsure() && nowNanos >= notBeforeNanos && session.isServing();
  }

  /**
   * Submits a command, until its outcome is known.
   *
   * @param command answered by {@link Reply.ReplicasPlaced}, with an outcome for each chunk.
   */
  void submit(List<OwnedChunk> chosen, Command command) {
    proposal.submit(
        command,
        (reply, now) -> {
          answered(chosen, reply, now);
          session.onProgress(now);
        });
  }

  private void answered(List<OwnedChunk> chosen, Reply reply, long nowNanos) {
    switch (reply) {
      case Reply.ReplicasPlaced placed -> {
        session.nodes.learn(placed.nodes());
        if (placed.volume() != null) {
          session.ownership.changed(placed.volume());
        }
        for (int i = 0; i < chosen.size(); i++) {
          if (placed.outcomes().get(i).code() != null) {
            notBeforeNanos = nowNanos + RETRY_NANOS;
          }
          if (placed.outcomes().get(i).chunk() != null) {
            chosen.get(i).adopt(placed.outcomes().get(i).chunk(), nowNanos);
          }
        }
      }
      case Reply.Refused refused when Allocation.isStale(refused) -> session.onFenced(nowNanos);
      case null, default -> notBeforeNanos = nowNanos + RETRY_NANOS;
    }
  }

  /** When something that was refused is proposed again; Long.MAX_VALUE when nothing was. */
  long againAtNanos(long nowNanos) {
    return notBeforeNanos > nowNanos ? notBeforeNanos : Long.MAX_VALUE;
  }

  /** Whether something is to be done, now or when nodes and the metadata let it be done. */
  boolean isDue() {
    if (isUnsure()) {
      return true;
    }
    for (OwnedChunk chunk : session.chunks()) {
      if (isDue(chunk) || leaves(chunk)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a replica is still on a node that is to leave. */
  private boolean leaves(OwnedChunk chunk) {
    for (OwnedReplica replica : chunk.replicas()) {
      if (isLeaving(chunk, replica) && (replica.recorded == ReplicaState.IN_SYNC || lacks(chunk))) {
        return true;
      }
    }
    return false;
  }
}
