package io.cairn.storage.replication;

import io.cairn.storage.wire.Frame;

/**
 * Bounds of one shard.
 *
 * @param linksMax links at one time: one for each volume that somebody has attached.
 * @param parkedMax requests that one link may have parked while the journal is full; the gateway's
 *     window keeps within it, and who does not is cut.
 * @param parkedBytesMax bytes that all links together may have parked; beyond, a link that has
 *     parked something is not read. Well above a gateway's window: a link that is not read does not
 *     answer keepalives either.
 * @param readBytesMax bytes of reads that one link may have under way; beyond, it is not read.
 * @param fetchesMax reads that one catch-up has under way.
 * @param compareBlocksMax blocks whose versions a catch-up asks its source for at one time, 1 to
 *     {@link Frame#VERSIONS_MAX}.
 * @param catchUpTimeoutNanos time without progress after which a catch-up gives its source up.
 */
public record ReplicaLimits(
    int linksMax,
    int parkedMax,
    long parkedBytesMax,
    long readBytesMax,
    int fetchesMax,
    int compareBlocksMax,
    long catchUpTimeoutNanos) {
  /** What a node uses unless it is told otherwise. */
  public static ReplicaLimits defaults() {
    return new ReplicaLimits(
        16384, 65536, 256L << 20, 16L << 20, 8, Frame.VERSIONS_MAX, 5_000_000_000L);
  }

  /** The same, but for how many versions are compared at one time. */
  public ReplicaLimits withCompareBlocks(int blocks) {
    return new ReplicaLimits(
        linksMax, parkedMax, parkedBytesMax, readBytesMax, fetchesMax, blocks, catchUpTimeoutNanos);
  }
}
