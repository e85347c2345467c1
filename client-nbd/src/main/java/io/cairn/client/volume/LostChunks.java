package io.cairn.client.volume;

import static io.cairn.storage.wire.Reply.STATE_COMPLETE;
import static io.cairn.storage.wire.Reply.STATE_SYNCING;

import io.cairn.client.volume.OwnedReplica.Phase;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.storage.wire.CopyPace;
import io.cairn.storage.wire.Version;
import java.util.ArrayList;
import java.util.List;

/**
 * Chunks that no in-sync replica holds any more: they are on nodes that an operator removed by
 * force and that are gone, on devices that failed long ago, or hold too little to go on from, since
 * their devices were replaced or a catch-up was never finished. Nothing is done for them but to
 * look at what the other replicas hold, so that an operator can be told and decide. The decision
 * ends this session: the next one begins with what is left.
 *
 * <p>A recovered chunk whose replica had only begun to catch up stands by itself from then on,
 * under a version that no other replica can have.
 */
final class LostChunks {
  private static final long ASK_NANOS = 1_000_000_000L;

  private final VolumeSession session;
  private boolean asking;
  private boolean someToLookAt;
  private long askAtNanos = Long.MIN_VALUE;

  LostChunks(VolumeSession session) {
    this.session = session;
  }

  /**
   * Whether nobody is left whom the chunk could be brought up from, as far as can be seen. In-sync
   * replicas that are only out of reach may come back: the metadata says so to who asks.
   */
  static boolean isLost(OwnedChunk chunk, long nowNanos) {
    VolumeSession session = chunk.session;
    List<OwnedReplica> replicas = chunk.replicas();
    boolean lost = false;
    for (int i = 0; i < replicas.size(); i++) {
      OwnedReplica replica = replicas.get(i);
      if (!replica.inSync()) {
        continue;
      }
      boolean isAway = !replica.node.ready && session.mending.membership.isLost(replica, nowNanos);
      if (isAway) {
        lost |= session.nodes.isGone(replica.node);
      } else if (chunk.isKnownToBeShort(replica)) {
        lost = true;
      } else {
        return false;
      }
    }
    return lost;
  }

  /**
   * Whether a replica on record as in sync, whose node is ready, may be used. Where all of them had
   * been out of reach an operator may have gone on from another one, and an owner that has not
   * heard of that would serve what was given up, roll the chosen one back, or take writes that
   * nobody will know of. What was given up was out of reach then: once one is back, a confirmation
   * of the generation settles it.
   */
  static boolean mayGoOn(OwnedChunk chunk, OwnedNode node, long nowNanos) {
    if (!chunk.mayBeGivenUp) {
      return true;
    }
    Lease lease = chunk.session.lease;
    if (!lease.metadataConfirmedSince(node.readySinceNanos)) {
      lease.askMetadata(nowNanos);
      return false;
    }
    chunk.mayBeGivenUp = false;
    return true;
  }

  /** Whether it is known to lack something, whatever its version. */
  private static boolean isPartial(OwnedReplica replica) {
    return replica.node.ready
        && replica.phase == Phase.OPENED
        && replica.openState == STATE_SYNCING;
  }

  /**
   * The only replica that counts of a chunk that was recovered has gaps: they are contents from now
   * on. Only then may gaps stand; otherwise somebody in sync has what it lacks.
   */
  static void letAloneStand(OwnedChunk chunk, long nowNanos) {
    if (chunk.record().loss() == null || chunk.record().inSyncCount() != 1) {
      return;
    }
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.inSync() && isPartial(replica)) {
        long base = Version.of(chunk.session.generation(), Version.sequence(replica.position) + 1);
        replica.phase = Phase.CATCHING;
        replica.seen = false;
        chunk.requests.catchUp(
            replica,
            replica,
            base,
            CopyPace.UNBOUNDED,
            false,
            (header, offset, now) -> {
              replica.phase = Phase.LIVE;
              replica.openState = STATE_COMPLETE;
              replica.position = base;
              chunk.equalize(now);
            },
            nowNanos);
      }
    }
  }

  /** Whether an operator must be told of some. */
  boolean isSeen() {
    return someToLookAt;
  }

  /**
   * Looks at what is there, and whether somebody decided.
   *
   * @param some chunks that are not at rest: {@link Mending#pump}.
   */
  void pump(List<OwnedChunk> some, long nowNanos) {
    if (!session.isServing()) {
      return;
    }
    int gone = 0;
    someToLookAt = false;
    for (OwnedChunk chunk : some) {
      if (isLost(chunk, nowNanos)) {
        someToLookAt = true;
        gone += mayComeBack(chunk) ? 0 : 1;
        look(chunk, nowNanos);
      }
    }
    session.counters.lostChunks = gone;
    if (someToLookAt && !asking && nowNanos >= askAtNanos) {
      asking = true;
      askAtNanos = nowNanos + ASK_NANOS;
      session.metadata.query(
          new Query.ConfirmGeneration(session.volumeId(), session.generation()),
          (reply, now) -> {
            asking = false;
            if (!session.isOver() && reply instanceof Reply.Refused) {
              session.onFenced(now);
            }
          });
    }
  }

  /** Whether a lost chunk has an in-sync replica that is only out of reach. */
  private static boolean mayComeBack(OwnedChunk chunk) {
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.inSync() && !replica.node.ready && !chunk.session.nodes.isGone(replica.node)) {
        return true;
      }
    }
    return false;
  }

  private static void look(OwnedChunk chunk, long nowNanos) {
    chunk.mayBeGivenUp = true;
    chunk.open(nowNanos);
    for (OwnedReplica replica : List.copyOf(chunk.replicas())) {
      if (!replica.required() && !replica.seen) {
        if (replica.phase == Phase.LIVE) {
          // It caught up, and those in sync died before it was taken in: who it was is used up.
          replica.reset();
        }
        chunk.ask(replica, nowNanos);
      }
    }
  }

  /** What was seen of them so far. */
  List<ReplicaLook> looks(long nowNanos) {
    List<ReplicaLook> looks = new ArrayList<>();
    if (!session.isServing() || !someToLookAt) {
      return looks;
    }
    for (OwnedChunk chunk : session.chunks()) {
      if (looks.size() < Query.VolumeLooks.REPLICAS_MAX && isLost(chunk, nowNanos)) {
        for (OwnedReplica replica : chunk.replicas()) {
          if (replica.seen && replica.node.ready) {
            looks.add(look(chunk, replica));
          }
        }
      }
    }
    return looks;
  }

  private static ReplicaLook look(OwnedChunk chunk, OwnedReplica replica) {
    return new ReplicaLook(
        chunk.record().layer(),
        chunk.record().index(),
        chunk.record().epoch(),
        replica.node.link.nodeId,
        switch (replica.openState) {
          // One that was made and never written to holds no more than one that was not made.
          case STATE_COMPLETE ->
              replica.position == 0 ? ReplicaCondition.EMPTY : ReplicaCondition.COMPLETE;
          case STATE_SYNCING -> ReplicaCondition.PARTIAL;
          default -> ReplicaCondition.EMPTY;
        },
        replica.position);
  }
}
