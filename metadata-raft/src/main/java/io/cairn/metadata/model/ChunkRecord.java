package io.cairn.metadata.model;

import java.util.List;

/**
 * Where one chunk lives.
 *
 * @param epoch version of the replica set, from {@link #firstEpoch}; every change adds one, or
 *     more.
 * @param replicas in placement order; immutable.
 * @param scrub what the last scrubs came to, null before the first; changes without another epoch.
 * @param loss what was given up last, null when nothing ever was.
 * @param movesFromNodeId the node whose replica leaves as soon as enough others are in sync, null
 *     when none is to: the node itself stays.
 */
public record ChunkRecord(
    long volumeId,
    int layer,
    int index,
    long epoch,
    List<Replica> replicas,
    ChunkScrub scrub,
    ChunkLoss loss,
    Long movesFromNodeId) {
  /** Keeps the list immutable. */
  public ChunkRecord {
    replicas = List.copyOf(replicas);
  }

  /** One that nobody has scrubbed. */
  public ChunkRecord(long volumeId, int layer, int index, long epoch, List<Replica> replicas) {
    this(volumeId, layer, index, epoch, replicas, null, null, null);
  }

  /** Bits of the epoch that count changes; those above tell chunks of one volume by their age. */
  private static final int CHANGE_BITS = 24;

  /**
   * Epoch of a new chunk.
   *
   * @param before chunks that the volume has had: one that began anew counts twice.
   */
  public static long firstEpoch(long before) {
    return (before << CHANGE_BITS) + 1;
  }

  /**
   * At most as many chunks as the volume had had when this one was allocated, or begun anew after
   * all of it was lost; 0 for one that an older release allocated.
   */
  public long chunksBefore() {
    return epoch >>> CHANGE_BITS;
  }

  /** The chunk in its next epoch, with other replicas or other states of them. */
  public ChunkRecord with(List<Replica> changed) {
    return new ChunkRecord(
        volumeId, layer, index, epoch + 1, changed, scrub, loss, movesFromNodeId);
  }

  /** The chunk in its next epoch, with other replicas, of which the node's is to leave; or null. */
  public ChunkRecord moving(List<Replica> changed, Long fromNodeId) {
    return new ChunkRecord(volumeId, layer, index, epoch + 1, changed, scrub, loss, fromNodeId);
  }

  /** Whether the node's replica is to leave although the node stays. */
  public boolean movesFrom(long nodeId) {
    return movesFromNodeId != null && movesFromNodeId == nodeId;
  }

  /** The same chunk after another scrub. */
  public ChunkRecord scrubbed(ChunkScrub newScrub) {
    return new ChunkRecord(
        volumeId, layer, index, epoch, replicas, newScrub, loss, movesFromNodeId);
  }

  /** The chunk in its next epoch, with one replica made current and the loss on record. */
  public ChunkRecord recovered(List<Replica> changed, ChunkLoss newLoss) {
    return new ChunkRecord(volumeId, layer, index, epoch + 1, changed, scrub, newLoss, null);
  }

  /**
   * The chunk as one that is as young as one that is allocated now, with the loss on record: no
   * shard that began anew before takes it for what it may have held.
   *
   * @param before chunks that the volume has had.
   */
  public ChunkRecord begunAnew(List<Replica> changed, ChunkLoss newLoss, long before) {
    return new ChunkRecord(
        volumeId, layer, index, firstEpoch(before), changed, scrub, newLoss, null);
  }

  /** What the last scrubs came to. */
  public ChunkScrub lastScrub() {
    return scrub == null ? ChunkScrub.NEVER : scrub;
  }

  /** Number of replicas that are {@link ReplicaState#IN_SYNC}. */
  public int inSyncCount() {
    int count = 0;
    // By index: this is asked for each write, and an iterator is an object.
    for (int i = 0; i < replicas.size(); i++) {
      if (replicas.get(i).state() == ReplicaState.IN_SYNC) {
        count++;
      }
    }
    return count;
  }
}
