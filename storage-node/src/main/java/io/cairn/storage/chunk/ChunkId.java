package io.cairn.storage.chunk;

/** Names a chunk on a node. */
public record ChunkId(long volumeId, int layer, int index) implements Comparable<ChunkId> {
  @Override
  public int compareTo(ChunkId other) {
    int byVolume = Long.compare(volumeId, other.volumeId);
    if (byVolume != 0) {
      return byVolume;
    }
    int byLayer = Integer.compare(layer, other.layer);
    return byLayer != 0 ? byLayer : Integer.compare(index, other.index);
  }

  @Override
  public String toString() {
    return volumeId + "-" + layer + "-" + index;
  }
}
