package io.cairn.storage.replication;

/** What a shard knows of one chunk that it holds. Used on the shard's loop only. */
public interface ChunkEntry {
  /** Volume of the chunk. */
  long volumeId();

  /** Layer of the chunk. */
  int layer();

  /** Index of the chunk within its layer. */
  int index();

  /** Size in blocks of 4 KiB. */
  int sizeBlocks();

  /** Version of the last write that this replica accepted; 0 when none was. */
  long lastVersion();

  /**
   * True while the replica lacks blocks at or below {@link #lastVersion()}: it must serve no reads.
   */
  boolean syncing();

  /** The generation of the owner that began the current catch-up; 0 when not syncing. */
  long syncGeneration();
}
