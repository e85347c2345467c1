package io.cairn.metadata.placement;

import java.util.List;

/**
 * A node that may get a replica.
 *
 * @param freeBytes what it last reported; the weight.
 * @param shardsOut numbers of its shards that are out of service because of a device; null for
 *     none, as from an older release.
 */
public record Candidate(
    long nodeId,
    String zone,
    String rack,
    String hostLabel,
    long freeBytes,
    List<Integer> shardsOut) {
  /** Keeps the list immutable, and none null: it is written to the log with each command. */
  public Candidate {
    shardsOut = shardsOut == null || shardsOut.isEmpty() ? null : List.copyOf(shardsOut);
  }

  /** One of which all shards serve. */
  public Candidate(long nodeId, String zone, String rack, String hostLabel, long freeBytes) {
    this(nodeId, zone, rack, hostLabel, freeBytes, null);
  }

  /** Whether the shard is out of service. */
  public boolean lacks(int shard) {
    return shardsOut != null && shardsOut.contains(shard);
  }
}
