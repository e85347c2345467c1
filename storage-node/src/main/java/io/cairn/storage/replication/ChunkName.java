package io.cairn.storage.replication;

import java.util.Comparator;

/** Names a chunk; in the order of volumes, layers and indices. */
public record ChunkName(long volumeId, int layer, int index) implements Comparable<ChunkName> {
  private static final Comparator<ChunkName> ORDER =
      Comparator.comparingLong(ChunkName::volumeId)
          .thenComparingInt(ChunkName::layer)
          .thenComparingInt(ChunkName::index);

  static ChunkName of(ChunkEntry chunk) {
    return new ChunkName(chunk.volumeId(), chunk.layer(), chunk.index());
  }

  @Override
  public int compareTo(ChunkName other) {
    return ORDER.compare(this, other);
  }
}
