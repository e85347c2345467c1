package io.cairn.storage.journal;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * The state of the last checkpoint, and what a run of the destager applies to it: whole pages,
 * which come from the catalogue when they are needed. Blocks.
 *
 * <p>Not thread-safe: the destager makes one per run.
 */
final class RunIndex extends ShardIndex {
  private final Catalogue catalogue;
  private final PageStock stock;
  private final byte[] pageBytes;
  private int loadedPages;

  /**
   * An empty one.
   *
   * @param pageBytes the caller's, {@link Page#STORED_BYTES} of them, for as long as this is used.
   */
  RunIndex(Catalogue catalogue, PageStock stock, byte[] pageBytes) {
    this.catalogue = catalogue;
    this.stock = stock;
    this.pageBytes = pageBytes;
  }

  int loadedPages() {
    return loadedPages;
  }

  @Override
  void add(IndexedChunk chunk) {
    chunk.pages = new Page[chunk.pageCount()];
    super.add(chunk);
  }

  @Override
  long version(IndexedChunk chunk, int block) {
    return page(chunk, block / Page.BLOCKS).versions[block % Page.BLOCKS];
  }

  @Override
  void put(IndexedChunk chunk, int block, long version, int crc, long place, long lsn) {
    page(chunk, block / Page.BLOCKS).put(block % Page.BLOCKS, version, crc, place);
  }

  private Page page(IndexedChunk chunk, int number) {
    Page page = chunk.pages[number];
    if (page == null) {
      page = chunk.isStored(number) ? stored(chunk, number) : stock.blank();
      chunk.pages[number] = page;
      loadedPages++;
    }
    return page;
  }

  private Page stored(IndexedChunk chunk, int number) {
    Page page = stock.any();
    try {
      page.decode(pageBytes, catalogue.page(chunk.id, number, pageBytes));
    } catch (IOException | IllegalStateException e) {
      throw CheckpointPage.damaged(chunk.id, number, e);
    }
    return page;
  }

  @Override
  IndexedChunk findStored(long volumeId, int layer, int index) {
    ChunkId id = new ChunkId(volumeId, layer, index);
    if (trashed().contains(id)) {
      return null;
    }
    try {
      Catalogue.Stored stored = catalogue.chunk(id);
      if (stored == null) {
        return null;
      }
      IndexedChunk chunk = IndexedChunk.of(stored);
      add(chunk);
      return chunk;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  List<ChunkId> storedOf(long volumeId) {
    try {
      return catalogue.chunks().stream()
          .map(Catalogue.Stored::chunk)
          .filter(id -> id.volumeId() == volumeId)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  void onGone(IndexedChunk chunk) {
    for (Page page : chunk.pages) {
      loadedPages -= page == null ? 0 : 1;
    }
  }

  /** Nothing of its pages is used any more. */
  void close() {
    for (IndexedChunk chunk : chunks()) {
      for (Page page : chunk.pages) {
        if (page != null) {
          stock.giveBack(page);
        }
      }
    }
  }
}
