package io.cairn.storage.replication;

/**
 * Bounds of one shard.
 *
 * @param linksMax links at one time.
 * @param parkedMax requests that one link may have parked while the journal is full; the gateway's
 *     window keeps within it, and who does not is cut.
 * @param fetchesMax reads that one catch-up has under way.
 * @param catchUpTimeoutNanos time without progress after which a catch-up gives its source up.
 */
public record ReplicaLimits(int linksMax, int parkedMax, int fetchesMax, long catchUpTimeoutNanos) {
  /** What a node uses unless it is told otherwise. */
  public static ReplicaLimits defaults() {
    return new ReplicaLimits(1024, 65536, 8, 5_000_000_000L);
  }
}
