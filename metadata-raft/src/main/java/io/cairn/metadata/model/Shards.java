package io.cairn.metadata.model;

/**
 * Which shard of a node a chunk belongs to; part of the protocol: gateways, nodes and metadata
 * compute it.
 */
public final class Shards {
  /** Most shards that a node may have. */
  public static final int COUNT_MAX = 256;

  private Shards() {}

  /** The chunk's shard on a node. */
  public static int shardOf(ChunkRecord chunk, NodeRecord node) {
    return shardOf(chunk.volumeId(), chunk.layer(), chunk.index(), node.shardCount());
  }

  /** The shard, 0 to shardCount - 1: a 64-bit finalizer (SplitMix64) over the chunk's key. */
  public static int shardOf(long volumeId, int layer, int index, int shardCount) {
    if (shardCount == 1) {
      return 0;
    }
    long z = volumeId * 0x9E3779B97F4A7C15L + ((long) layer << 32 | index & 0xFFFFFFFFL);
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    z ^= z >>> 31;
    return (int) Long.remainderUnsigned(z, shardCount);
  }
}
