package io.cairn.metadata.model;

import java.util.List;

/**
 * What an operator gave up of a chunk whose in-sync replicas were gone for good. Stays on record.
 *
 * @param epoch of the chunk when that was decided.
 * @param lostNodes nodes of the in-sync replicas that are gone.
 * @param sourceNodeId whose replica was made the current one.
 * @param condition what that replica held.
 * @param version last version of it, as the data protocol counts them; 0 when it was empty.
 * @param atMillis the operator's clock.
 */
public record ChunkLoss(
    long epoch,
    List<Long> lostNodes,
    long sourceNodeId,
    ReplicaCondition condition,
    long version,
    long atMillis) {
  /** Keeps the list immutable. */
  public ChunkLoss {
    lostNodes = List.copyOf(lostNodes);
  }
}
