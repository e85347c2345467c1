package io.cairn.storage.chunk;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Keeps the parts on the heap until they are committed as one batch. */
final class CollectedCheckpoint implements Catalogue.Checkpoint {
  private final Catalogue catalogue;
  private final Map<Long, Long> fences = new TreeMap<>();
  private final List<Catalogue.Stored> chunks = new ArrayList<>();
  private final List<Catalogue.StoredPage> pages = new ArrayList<>();
  private final List<ChunkId> deleted = new ArrayList<>();

  CollectedCheckpoint(Catalogue catalogue) {
    this.catalogue = catalogue;
  }

  @Override
  public void delete(ChunkId chunk) {
    deleted.add(chunk);
  }

  @Override
  public void putFence(long volumeId, long generation) {
    fences.put(volumeId, generation);
  }

  @Override
  public void putChunk(Catalogue.Stored chunk) {
    chunks.add(chunk);
  }

  @Override
  public void putPage(ChunkId chunk, int page, byte[] bytes) {
    pages.add(new Catalogue.StoredPage(chunk, page, bytes.clone()));
  }

  @Override
  public void commit(long checkpointLsn) throws IOException {
    catalogue.commit(new Catalogue.Batch(checkpointLsn, fences, chunks, pages, deleted));
  }

  @Override
  public void close() {}
}
