package io.cairn.storage.journal;

import java.util.ArrayDeque;

/**
 * Pages that are used again: a run of the destager needs one for each mebibyte that was written
 * anywhere, and leaves them all at once, which is what the collector takes longest for.
 *
 * <p>Not thread-safe.
 */
final class PageStock {
  private final int keptMax;
  private final ArrayDeque<Page> unused = new ArrayDeque<>();

  /**
   * An empty stock.
   *
   * @param keptMax pages that are kept; more are left to the collector.
   */
  PageStock(int keptMax) {
    this.keptMax = keptMax;
  }

  /** A page of nothing but holes. */
  Page blank() {
    Page page = unused.poll();
    if (page == null) {
      return new Page();
    }
    page.clear();
    return page;
  }

  /** A page whose content does not matter: it is going to be {@link #read}. */
  Page any() {
    Page page = unused.poll();
    return page == null ? new Page() : page;
  }

  /** Nobody uses the page any more. */
  void giveBack(Page page) {
    if (unused.size() < keptMax) {
      unused.push(page);
    }
  }
}
