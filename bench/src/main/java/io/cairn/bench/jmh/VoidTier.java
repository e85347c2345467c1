package io.cairn.bench.jmh;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A capacity tier and a catalogue that cost nothing: what is measured above them is the journal and
 * the index, with their destaging.
 */
final class VoidTier implements CapacityTier, Catalogue {
  private final Map<ChunkId, Stored> stored = new HashMap<>();
  private final Map<ChunkId, Map<Integer, byte[]>> pages = new HashMap<>();

  @Override
  public boolean reserve(long sizeBytes) {
    return true;
  }

  @Override
  public void adopt(long sizeBytes) {}

  @Override
  public void write(ChunkId chunk, int block, int count, DirectBuffer source, int offset) {}

  @Override
  public void zero(ChunkId chunk, int block, int count, boolean allocate) {}

  @Override
  public void read(ChunkId chunk, int block, int count, MutableDirectBuffer target, int offset) {
    throw new IllegalStateException("nothing is here");
  }

  @Override
  public void sync(ChunkId chunk) {}

  @Override
  public void trash(ChunkId chunk, long sizeBytes) {}

  @Override
  public long checkpointLsn() {
    return 0;
  }

  @Override
  public Map<Long, Long> fences() {
    return Map.of();
  }

  @Override
  public List<Stored> chunks() {
    return List.of();
  }

  @Override
  public synchronized Stored chunk(ChunkId chunk) {
    return stored.get(chunk);
  }

  @Override
  public synchronized byte[] page(ChunkId chunk, int page) {
    return pages.get(chunk).get(page);
  }

  @Override
  public void raiseFence(long volumeId, long generation) {}

  @Override
  public synchronized void commit(Batch batch) {
    for (Stored chunk : batch.chunks()) {
      stored.put(chunk.chunk(), chunk);
    }
    for (StoredPage page : batch.pages()) {
      pages.computeIfAbsent(page.chunk(), chunk -> new HashMap<>()).put(page.page(), page.bytes());
    }
  }

  @Override
  public void close() {}
}
