package io.cairn.storage.journal;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import java.io.IOException;
import java.util.ArrayDeque;

/**
 * Pages that are used again: a run of the destager needs one for each mebibyte that was written
 * anywhere, and leaves them all at once, which is what the collector takes longest for.
 *
 * <p>Not thread-safe, but for {@link #read}.
 */
final class PageStock {
  private final boolean tracksChanges;
  private final int keptMax;
  private final ArrayDeque<Page> unused = new ArrayDeque<>();

  /**
   * An empty stock.
   *
   * @param tracksChanges of its pages; see {@link Page#changed}.
   * @param keptMax pages that are kept; more are left to the collector.
   */
  PageStock(boolean tracksChanges, int keptMax) {
    this.tracksChanges = tracksChanges;
    this.keptMax = keptMax;
  }

  /** A page of nothing but holes. */
  Page blank() {
    Page page = unused.poll();
    if (page == null) {
      return new Page(tracksChanges);
    }
    page.clear();
    return page;
  }

  /** A page whose content does not matter: it is going to be {@link #read}. */
  Page any() {
    Page page = unused.poll();
    return page == null ? new Page(tracksChanges) : page;
  }

  /** Nobody uses the page any more. */
  void giveBack(Page page) {
    if (unused.size() < keptMax) {
      unused.push(page);
    }
  }

  /**
   * Fills a page with what the catalogue has; blocks.
   *
   * @param bytes the caller's, {@link Page#STORED_BYTES} of them, for the time of the call.
   */
  static void read(Page target, Catalogue catalogue, ChunkId chunk, int page, byte[] bytes) {
    try {
      target.decode(bytes, catalogue.page(chunk, page, bytes));
    } catch (IOException | IllegalStateException e) {
      throw new IllegalStateException(
          "page " + page + " of chunk " + chunk + " in the catalogue: " + e.getMessage(), e);
    }
  }
}
