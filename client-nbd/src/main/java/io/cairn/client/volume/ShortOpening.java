package io.cairn.client.volume;

/**
 * A chunk that cannot be opened since in-sync replicas are lost and too few would stay without them
 * (I3): the owner before took one out of the set for a moment, and another died meanwhile. Those
 * out of sync catch up from one in the set that holds everything and join it; then the lost ones
 * can leave.
 *
 * <p>One is enough as a source: it holds every acknowledged write (I2), and since it took our fence
 * nobody before us adds to it. What a lost one has beyond that was never acknowledged; if it comes
 * back in time it is compared as ever.
 *
 * <p>Replicas in the set that lack something themselves, since their device was replaced, catch up
 * likewise: with them there may be enough without the lost ones.
 *
 * <p>The same where fewer than the minimum are on record as in sync: an operator made one replica
 * the current one after the loss of all others, or raised the minimum.
 */
final class ShortOpening {
  private ShortOpening() {}

  /**
   * Whether the chunk waits for replicas that seem to be lost: until somebody comes back, takes
   * their place or gives them up. Such chunks must not take the places of others that could move.
   */
  static boolean isBlocked(OwnedChunk chunk, long nowNanos) {
    if (chunk.state() != OwnedChunk.State.OPENING) {
      return false;
    }
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.inSync() && chunk.session.mending.membership.isLost(replica, nowNanos)) {
        return true;
      }
    }
    return chunk.record().inSyncCount() < chunk.session.minInSync();
  }

  /** Whether the chunk waits for replicas that seem to be lost, and cannot do without them. */
  static boolean isDue(OwnedChunk chunk, long nowNanos) {
    if (chunk.state() != OwnedChunk.State.OPENING) {
      return false;
    }
    if (chunk.record().inSyncCount() < chunk.session.minInSync()) {
      return chunk.hasHolder();
    }
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.inSync()
          && chunk.session.mending.membership.isLost(replica, nowNanos)
          && !chunk.canSpare(replica)) {
        return chunk.hasHolder();
      }
    }
    return false;
  }
}
