package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ReplicaState;
import java.util.ArrayList;
import java.util.List;

/**
 * Moves replicas out of and into the in-sync sets, in batches, one command at a time (I3). Chunks
 * in use come before idle ones. What the metadata answers is adopted, whoever caused it.
 */
final class Membership {
  private static final int BATCH_MAX = 1024;
  private static final long RETRY_NANOS = 200_000_000L;

  private record Proposed(OwnedChunk chunk, OwnedReplica replica) {}

  private final VolumeSession session;
  private final long demoteAfterNanos;
  private final Proposal proposal;
  private long notBeforeNanos = Long.MIN_VALUE;

  Membership(VolumeSession session, long demoteAfterNanos) {
    this.session = session;
    this.demoteAfterNanos = demoteAfterNanos;
    proposal = new Proposal(session);
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
    List<Proposed> proposed = new ArrayList<>();
    List<Command.UpdateReplicas.Change> changes = new ArrayList<>();
    for (OwnedChunk chunk : some) {
      if (chunk.state() != OwnedChunk.State.CLOSED && changes.size() < BATCH_MAX) {
        collect(chunk, proposed, changes, nowNanos);
      }
    }
    if (changes.isEmpty()) {
      for (OwnedChunk chunk : some) {
        if (chunk.state() == OwnedChunk.State.CLOSED && changes.size() < BATCH_MAX) {
          collect(chunk, proposed, changes, nowNanos);
        }
      }
    }
    if (changes.isEmpty()) {
      return;
    }
    proposal.submit(
        new Command.UpdateReplicas(session.volumeId(), session.generation(), changes),
        (reply, now) -> answered(proposed, reply, now));
  }

  /** Whether it is not known what became of the last proposal. */
  boolean isUnanswered() {
    return proposal.isUnanswered();
  }

  /** At most one change per chunk and command: the epoch of the next is not known yet. */
  private void collect(
      OwnedChunk chunk,
      List<Proposed> proposed,
      List<Command.UpdateReplicas.Change> changes,
      long nowNanos) {
    for (OwnedReplica replica : chunk.replicas()) {
      ReplicaState wanted = wanted(chunk, replica, nowNanos);
      if (wanted != replica.recorded) {
        replica.promoting |= wanted == ReplicaState.IN_SYNC;
        replica.leaving |= wanted == ReplicaState.SYNCING;
        proposed.add(new Proposed(chunk, replica));
        changes.add(
            new Command.UpdateReplicas.Change(
                chunk.record().layer(),
                chunk.record().index(),
                chunk.record().epoch(),
                replica.node.link.nodeId,
                wanted));
        return;
      }
    }
  }

  private ReplicaState wanted(OwnedChunk chunk, OwnedReplica replica, long nowNanos) {
    if (replica.inSync()) {
      return isLost(replica, nowNanos) && chunk.canSpare(replica)
              || Placing.maySpare(chunk, replica)
          ? ReplicaState.SYNCING
          : ReplicaState.IN_SYNC;
    }
    boolean caughtUp =
        replica.phase == OwnedReplica.Phase.LIVE
            && (chunk.state() == OwnedChunk.State.READY || ShortOpening.isDue(chunk, nowNanos))
            && replica.isPrefixDurable()
            && !Placing.isSurplus(chunk, replica)
            && (replica.promoting
                || chunk.holdsAllCompleted(replica) && chunk.hasDurableWhatIsPromised(replica));
    // An unknown outcome is asked again until it is known: the replica counts meanwhile.
    return caughtUp || replica.promoting ? ReplicaState.IN_SYNC : ReplicaState.SYNCING;
  }

  /**
   * Whether it was out of reach, or refused everything, for so long that it is to leave the set.
   */
  boolean isLost(OwnedReplica replica, long nowNanos) {
    boolean refusing =
        replica.phase == OwnedReplica.Phase.OFF
            && replica.failingSinceNanos != Long.MAX_VALUE
            && nowNanos - replica.failingSinceNanos >= demoteAfterNanos;
    return isAway(replica.node, nowNanos) || refusing;
  }

  /**
   * Whether its replicas are to leave the set: it was out of reach for long, or its process has
   * ended, which cannot be back within that time and has clients wait for nothing.
   */
  boolean isAway(OwnedNode node, long nowNanos) {
    return !node.ready
        && (node.hasEnded() || nowNanos - node.unreadySinceNanos >= demoteAfterNanos);
  }

  private void answered(List<Proposed> proposed, Reply reply, long nowNanos) {
    if (reply != null) {
      proposed.forEach(one -> one.replica().leaving = false);
    }
    switch (reply) {
      case Reply.ReplicasUpdated updated -> adopt(proposed, updated, nowNanos);
      case Reply.Chunks _ -> proposed.forEach(Membership::isKnown);
      case Reply.Refused refused -> {
        if (refused.code() == Reply.ErrorCode.STALE_GENERATION
            || refused.code() == Reply.ErrorCode.NOT_FOUND) {
          session.onFenced(nowNanos);
        }
        notBeforeNanos = nowNanos + RETRY_NANOS;
      }
      case null, default -> notBeforeNanos = nowNanos + RETRY_NANOS;
    }
    if (reply != null) {
      proposed.forEach(one -> one.chunk().equalize(nowNanos));
    }
    session.onProgress(nowNanos);
  }

  private void adopt(List<Proposed> proposed, Reply.ReplicasUpdated updated, long nowNanos) {
    for (int i = 0; i < proposed.size(); i++) {
      Reply.ReplicasUpdated.Outcome outcome = updated.outcomes().get(i);
      OwnedReplica replica = proposed.get(i).replica();
      boolean demotion = replica.inSync();
      if (outcome.code() == null) {
        if (demotion) {
          session.counters.demotions++;
        } else {
          session.counters.promotions++;
        }
      } else {
        notBeforeNanos = nowNanos + RETRY_NANOS;
      }
      proposed.get(i).chunk().adopt(outcome.chunk(), nowNanos);
      isKnown(proposed.get(i));
    }
  }

  /** The record says by now what became of it. */
  private static void isKnown(Proposed one) {
    if (!one.replica().inSync()) {
      one.replica().promoting = false;
    }
  }
}
