package io.cairn.client.volume;

import io.cairn.storage.wire.CopyPace;
import java.util.List;

/**
 * Brings replicas that are out of sync up, a few chunks at a time, those with the fewest replicas
 * in sync first.
 */
final class CatchUps {
  /** How long a replica that catches up may keep a write in a window that is full. */
  static final long HOLD_BACK_NANOS = 1_000_000_000L;

  /** How long one that did is left alone. */
  static final long PUT_OFF_NANOS = 5_000_000_000L;

  private final VolumeSession session;
  private final int chunksMax;
  private final CatchUpPace pace;
  private final CatchUpPace.Share share;

  /**
   * None yet.
   *
   * @param chunksMax chunks of the volume at one time.
   * @param pace what it shares with other volumes.
   */
  CatchUps(VolumeSession session, int chunksMax, CatchUpPace pace) {
    this.session = session;
    this.chunksMax = chunksMax;
    this.pace = pace;
    share = pace.join();
  }

  /**
   * Begins what is due and has room.
   *
   * @param some chunks that are not at rest: {@link Mending#pump}.
   */
  void pump(List<OwnedChunk> some, long nowNanos) {
    if (!session.isServing()) {
      return;
    }
    int running = 0;
    boolean isWhole = true;
    for (OwnedChunk chunk : some) {
      isWhole &= !isShort(chunk);
      running += chunk.isCatchingUp() && !LostChunks.isLost(chunk, nowNanos) ? 1 : 0;
    }
    pace.runs(share, running, isWhole, nowNanos);
    pace.waitsForNothing(share);
    if (running > 0) {
      tellPace(nowNanos);
    }
    if (running >= chunksMax) {
      return;
    }
    for (OwnedChunk chunk : ChunkMap.mostEndangeredFirst(some, one -> isDue(one, nowNanos))) {
      if (isStuck(chunk, nowNanos)) {
        continue;
      }
      if (share.running >= chunksMax || !pace.mayBegin(share, chunk.record().inSyncCount())) {
        return;
      }
      chunk.open(nowNanos);
      if (chunk.state() == OwnedChunk.State.READY || ShortOpening.isDue(chunk, nowNanos)) {
        chunk.replicas().stream()
            .filter(replica -> isDue(chunk, replica, nowNanos))
            .toList()
            .forEach(replica -> chunk.ask(replica, nowNanos));
      }
      share.running++;
    }
  }

  private void tellPace(long nowNanos) {
    int copyPace = pace.ofOneChunk();
    for (OwnedChunk chunk : session.chunks()) {
      if (chunk.isCatchingUp()) {
        for (OwnedReplica replica : chunk.replicas()) {
          if (replica.phase == OwnedReplica.Phase.CATCHING) {
            replica.node.pace(copyPace, nowNanos);
          }
        }
      }
    }
  }

  /** How fast one chunk may be copied now: a {@link CopyPace}. */
  int copyPace() {
    return pace.ofOneChunk();
  }

  /** Chunks that cannot be opened until a node comes back must not hold up the others. */
  private static boolean isStuck(OwnedChunk chunk, long nowNanos) {
    return LostChunks.isLost(chunk, nowNanos)
        || ShortOpening.isBlocked(chunk, nowNanos) && !ShortOpening.isDue(chunk, nowNanos);
  }

  private static boolean isDue(OwnedChunk chunk, long nowNanos) {
    List<OwnedReplica> replicas = chunk.replicas();
    for (int i = 0; i < replicas.size(); i++) {
      if (isDue(chunk, replicas.get(i), nowNanos)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isDue(OwnedChunk chunk, OwnedReplica replica, long nowNanos) {
    return !replica.inSync()
        && replica.node.ready
        && replica.phase == OwnedReplica.Phase.OFF
        && nowNanos >= replica.retryAtNanos
        && !Placing.isSurplus(chunk, replica);
  }

  /** The session is over: others may use its share. */
  void abandon() {
    pace.leave(share, session.now());
  }

  /** Whether a replica could do something now, or is due to leave the set. */
  static boolean needsCare(OwnedChunk chunk) {
    for (OwnedReplica replica : chunk.replicas()) {
      boolean reachable = replica.node.ready && replica.phase != OwnedReplica.Phase.LIVE;
      boolean leaving = !replica.node.ready && replica.inSync();
      if (replica.promoting
          || reachable && (chunk.state() != OwnedChunk.State.CLOSED || !replica.inSync())
          || leaving
          || replica.node.ready && !replica.inSync()) {
        return true;
      }
    }
    return false;
  }

  private static boolean isShort(OwnedChunk chunk) {
    return chunk.record().inSyncCount() < chunk.replicas().size();
  }

  /** Chunks that have a replica out of sync. */
  long chunksDue() {
    long due = 0;
    for (OwnedChunk chunk : session.chunks()) {
      due += isShort(chunk) ? 1 : 0;
    }
    return due;
  }

  /** Whether a replica lacks something, of those whose nodes can be reached or of all. */
  boolean areDue(boolean reachableOnly) {
    for (OwnedChunk chunk : session.chunks()) {
      for (OwnedReplica replica : chunk.replicas()) {
        if (!replica.inSync() && (replica.node.ready || !reachableOnly)) {
          return true;
        }
      }
    }
    return false;
  }
}
