package io.cairn.client.volume;

/** Brings replicas that are out of sync up, a few chunks at a time. */
final class CatchUps {
  /** How long a replica that catches up may keep a write in a window that is full. */
  static final long HOLD_BACK_NANOS = 1_000_000_000L;

  /** How long one that did is left alone. */
  static final long PUT_OFF_NANOS = 5_000_000_000L;

  private final VolumeSession session;
  private final int chunksMax;

  CatchUps(VolumeSession session, int chunksMax) {
    this.session = session;
    this.chunksMax = chunksMax;
  }

  /** Begins what is due and has room. */
  void pump(long nowNanos) {
    if (!session.isServing()) {
      return;
    }
    int running = 0;
    for (OwnedChunk chunk : session.chunks()) {
      running += chunk.isCatchingUp() ? 1 : 0;
    }
    for (OwnedChunk chunk : session.chunks()) {
      for (OwnedReplica replica : chunk.replicas()) {
        boolean due =
            !replica.inSync()
                && replica.node.ready
                && replica.phase == OwnedReplica.Phase.OFF
                && nowNanos >= replica.retryAtNanos
                && !Placing.isSurplus(chunk, replica);
        if (due && running < chunksMax) {
          chunk.open(nowNanos);
          if (chunk.state() == OwnedChunk.State.READY) {
            chunk.ask(replica, nowNanos);
          }
          running++;
        }
      }
    }
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

  /** Chunks that have a replica out of sync. */
  long chunksDue() {
    long due = 0;
    for (OwnedChunk chunk : session.chunks()) {
      due += chunk.record().inSyncCount() < chunk.replicas().size() ? 1 : 0;
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
