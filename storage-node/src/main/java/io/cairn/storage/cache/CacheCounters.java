package io.cairn.storage.cache;

/** What one shard's read cache has done; written on the loop, read by metrics at any time. */
public final class CacheCounters {
  long hitBlocks;
  long missedBlocks;
  long writtenBlocks;
  long writtenBytes;
  long lostBlocks;
  long badBlocks;

  /** Blocks of the capacity tier that were read from the cache. */
  public long hitBlocks() {
    return hitBlocks;
  }

  /** Blocks of the capacity tier that were not in the cache when they were read. */
  public long missedBlocks() {
    return missedBlocks;
  }

  /** Blocks that were taken in. */
  public long writtenBlocks() {
    return writtenBlocks;
  }

  /** Bytes that were written to the cache's device, entries included. */
  public long writtenBytes() {
    return writtenBytes;
  }

  /** Blocks that were not taken in, as the device did not keep up. */
  public long lostBlocks() {
    return lostBlocks;
  }

  /** Blocks of the cache that failed their checksum. */
  public long badBlocks() {
    return badBlocks;
  }
}
