package io.cairn.storage.journal;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.wire.Frame;

/** A chunk in an index, with those of its pages that are in memory. */
final class IndexedChunk implements ChunkEntry {
  final ChunkId id;

  /** In a {@link RunIndex}; null in others. */
  Page[] pages;

  /** In a {@link LiveIndex}, from the first page on that it has in memory; else null. */
  LivePage[] live;

  /** Bit per page that the catalogue has; one that it has not, and is not loaded, is all holes. */
  final long[] storedPages;

  private final int sizeBlocks;
  long lastVersion;

  /** Generation of the owner whose catch-up is under way; 0 when the chunk is complete. */
  long syncGeneration;

  /** Set once the chunk went to the trash: late callbacks must not touch it. */
  boolean gone;

  IndexedChunk(ChunkId id, int sizeBlocks) {
    this.id = id;
    this.sizeBlocks = sizeBlocks;
    storedPages = new long[(pageCount() + 63) / 64];
  }

  int pageCount() {
    return (sizeBlocks + Page.BLOCKS - 1) / Page.BLOCKS;
  }

  static IndexedChunk of(Catalogue.Stored stored) {
    IndexedChunk chunk = new IndexedChunk(stored.chunk(), stored.sizeBlocks());
    chunk.lastVersion = stored.lastVersion();
    chunk.syncGeneration = stored.syncGeneration();
    System.arraycopy(stored.pages(), 0, chunk.storedPages, 0, chunk.storedPages.length);
    return chunk;
  }

  Catalogue.Stored stored() {
    return new Catalogue.Stored(id, sizeBlocks, lastVersion, syncGeneration, storedPages.clone());
  }

  boolean isStored(int page) {
    return (storedPages[page >> 6] & 1L << page) != 0;
  }

  void setStored(int page) {
    storedPages[page >> 6] |= 1L << page;
  }

  long sizeBytes() {
    return (long) sizeBlocks * Frame.BLOCK_BYTES;
  }

  @Override
  public long volumeId() {
    return id.volumeId();
  }

  @Override
  public int layer() {
    return id.layer();
  }

  @Override
  public int index() {
    return id.index();
  }

  @Override
  public int sizeBlocks() {
    return sizeBlocks;
  }

  @Override
  public long lastVersion() {
    return lastVersion;
  }

  @Override
  public boolean syncing() {
    return syncGeneration != 0;
  }

  @Override
  public long syncGeneration() {
    return syncGeneration;
  }
}
