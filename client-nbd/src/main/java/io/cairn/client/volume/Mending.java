package io.cairn.client.volume;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.storage.wire.CopyPace;
import java.util.ArrayList;
import java.util.List;

/**
 * What a session does for its volume beside answering requests: replicas are brought up, taken into
 * and out of the in-sync sets, placed anew, and scrubbed. On the session's loop.
 */
public final class Mending {
  final Membership membership;
  final Placing placing;
  final Moves moves;
  final Unfinished unfinished;
  private final VolumeSession session;
  private final CatchUps catchUps;
  private final Scrubs scrubs;
  private final LostChunks lost;

  Mending(VolumeSession session, SessionSettings settings) {
    this.session = session;
    membership = new Membership(session, settings.demoteAfterNanos());
    placing = new Placing(session);
    moves = new Moves(session, placing);
    catchUps = new CatchUps(session, settings.catchUpsMax(), settings.pace());
    session.timings.feed(settings.pace().rate());
    scrubs = new Scrubs(session, settings.scrub());
    lost = new LostChunks(session);
    unfinished = new Unfinished(session);
  }

  /** Begins what is due and has room. */
  void pump(long nowNanos) {
    List<OwnedChunk> some = notAtRest();
    catchUps.pump(some, nowNanos);
    membership.propose(some, nowNanos);
    placing.propose(some, nowNanos);
    moves.propose(nowNanos);
    scrubs.pump(nowNanos);
    lost.pump(some, nowNanos);
    unfinished.pump(nowNanos);
  }

  /** All chunks but those that nobody here has anything to do with, which are most by far. */
  private List<OwnedChunk> notAtRest() {
    VolumeRecord volume = session.ownership.volume();
    if (volume == null || session.nodes.someLeave() || session.nodes.someAreForced()) {
      return session.chunks();
    }
    List<OwnedChunk> some = new ArrayList<>(0);
    for (OwnedChunk chunk : session.chunks()) {
      if (!isAtRest(chunk, volume.replicas())) {
        some.add(chunk);
      }
    }
    return some;
  }

  /** Whether the chunk has all that it is to have, and none of it has any trouble. */
  static boolean isAtRest(OwnedChunk chunk, int wanted) {
    List<OwnedReplica> replicas = chunk.replicas();
    if (replicas.size() != wanted
        || chunk.record().movesFromNodeId() != null
        || chunk.isCatchingUp()) {
      return false;
    }
    for (int i = 0; i < replicas.size(); i++) {
      OwnedReplica replica = replicas.get(i);
      if (!replica.inSync()
          || replica.promoting
          || replica.leaving
          || !replica.node.ready
          || replica.node.link.lostIncarnation() > 0
          || replica.failingSinceNanos != Long.MAX_VALUE
          || chunk.isKnownToBeShort(replica)) {
        return false;
      }
    }
    return true;
  }

  /** Replicas that the metadata wishes to be moved now, in place of those that it did before. */
  public void onMovesWanted(List<Reply.WantedMove> wanted, long nowNanos) {
    moves.wish(wanted);
    if (!wanted.isEmpty()) {
      session.onProgress(nowNanos);
    }
  }

  /** When a scrub goes on; Long.MAX_VALUE when none does. What else is due comes with the ticks. */
  long nextDeadlineNanos() {
    return scrubs.nextDeadlineNanos();
  }

  void onTimer(long nowNanos) {
    if (nowNanos >= scrubs.nextDeadlineNanos()) {
      scrubs.pump(nowNanos);
    }
  }

  /** Whether the outcome of a change is not known. */
  boolean isUnsure() {
    return membership.isUnanswered() || placing.isUnsure();
  }

  /** When what was refused is proposed again; Long.MAX_VALUE when nothing was. */
  long againAtNanos(long nowNanos) {
    return placing.againAtNanos(nowNanos);
  }

  /** Whether a replica that can be reached is being brought up to the in-sync set. */
  public boolean isMending() {
    return catchUps.areDue(true);
  }

  /** Whether a replica is out of the in-sync set, whether or not it can be reached. */
  public boolean isDegraded() {
    return catchUps.areDue(false);
  }

  /** Whether a replica may be in sync on record only, for all that nodes said so far. */
  boolean isFinishing() {
    return unfinished.isDue();
  }

  /** Whether nothing is left to be mended, as far as can be seen. */
  public boolean isDone() {
    return !isDegraded() && !isPlacing() && !isFinishing() && !seesLostChunks();
  }

  /** Chunks that have a replica out of the in-sync set. */
  public long chunksToMend() {
    return catchUps.chunksDue();
  }

  /** Whether a replica is to be placed anew. */
  boolean isPlacing() {
    return placing.isDue() || moves.isDue();
  }

  /** Replicas that were sent on their way to other nodes though their nodes stay. */
  public long movesBegun() {
    return moves.begun();
  }

  /** Whether chunks were seen whose in-sync replicas are gone for good, or hold too little. */
  boolean seesLostChunks() {
    return lost.isSeen();
  }

  /** What is left of chunks whose in-sync replicas are gone for good, as far as that was seen. */
  public List<ReplicaLook> looksAtLostChunks(long nowNanos) {
    return lost.looks(nowNanos);
  }

  /** Whether an operator asked for a scrub that is not done. */
  public boolean isScrubAskedFor() {
    return scrubs.isAskedFor();
  }

  /** Whether chunks are being scrubbed, wait for it, or what was found is not on record yet. */
  public boolean isScrubbing() {
    return scrubs.isUnderWay();
  }

  /** Whether chunks may be scrubbed: not when the ownership is being given up. */
  boolean mayScrub() {
    return session.isServing() && !session.isReleasing();
  }

  /** A replica of the chunk came into the set with blocks that nobody could give it. */
  void scrubSoon(OwnedChunk chunk, long nowNanos) {
    scrubs.soon(chunk, nowNanos);
  }

  /** How fast one chunk may be copied now: a {@link CopyPace}. */
  int copyPace() {
    return catchUps.copyPace();
  }

  /** The same for one replica: what clients wait for is not slowed down. */
  int copyPaceOf(OwnedReplica replica) {
    return replica.required() ? CopyPace.UNBOUNDED : copyPace();
  }

  void describe(StringBuilder text) {
    scrubs.describe(text);
  }

  void abandon() {
    catchUps.abandon();
  }
}
