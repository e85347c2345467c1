package io.cairn.storage.cache;

import io.cairn.metadata.model.VolumeTier;

/**
 * One volume's part of a shard's tier: what is to be done for it, and what it takes of the read
 * cache. On the shard's loop; the counters are read by other threads, and may be a little old
 * there.
 */
public final class VolumeShare {
  /** Of a slot whose volume is not known. */
  static final int NOBODY = 0;

  private final int number;
  private VolumeTier tier = VolumeTier.USUAL;

  /** Slots of the read cache that the volume has, those being written included. */
  private int slots;

  /** The turn in which the volume was read last. */
  private int usedTurn = -2;

  private boolean gone;

  /** Whether its reads are counted for itself. */
  private boolean shown;

  private long hitBlocks;
  private long missedBlocks;

  VolumeShare(int number) {
    this.number = number;
  }

  /** What the tier is to do for the volume. */
  public VolumeTier tier() {
    return tier;
  }

  /** Whether its reads are counted for itself; of others the sum is. */
  public boolean isShown() {
    return shown;
  }

  /** Blocks of the capacity tier that were read from the read cache, since it is shown. */
  public long hitBlocks() {
    return hitBlocks;
  }

  /** Blocks of the tier that were not in the read cache when they were read, since then. */
  public long missedBlocks() {
    return missedBlocks;
  }

  /** Blocks of the volume that the read cache has. */
  public int cachedBlocks() {
    return slots;
  }

  int number() {
    return number;
  }

  int usedTurn() {
    return usedTurn;
  }

  boolean isGone() {
    return gone;
  }

  void become(VolumeTier newTier) {
    tier = newTier;
  }

  void leave() {
    gone = true;
  }

  void show() {
    shown = true;
  }

  void used(int turn) {
    usedTurn = turn;
  }

  void add(int count) {
    slots += count;
  }

  void count(int hits, int misses) {
    hitBlocks += hits;
    missedBlocks += misses;
  }
}
