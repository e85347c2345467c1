package io.cairn.storage.journal;

import java.util.ArrayDeque;

/**
 * Entries of {@link LivePage} that are used again, so that writes leave nothing to the collector.
 *
 * <p>Not thread-safe.
 */
final class ChangesStock {
  /** Smallest capacity, as a power of two. */
  private static final int LEAST = 2;

  private static final int GREATEST = Integer.numberOfTrailingZeros(Page.BLOCKS);

  /** Entries of each capacity that are kept; more are left to the collector. */
  private static final int KEPT_ENTRIES_MAX = 16_384;

  @SuppressWarnings({"unchecked", "rawtypes"})
  private final ArrayDeque<LivePage.Changes>[] unused = new ArrayDeque[GREATEST + 1];

  ChangesStock() {
    for (int power = LEAST; power <= GREATEST; power++) {
      unused[power] = new ArrayDeque<>();
    }
  }

  private static int power(int count) {
    return Math.max(LEAST, Integer.SIZE - Integer.numberOfLeadingZeros(count - 1));
  }

  /**
   * Place for so many entries, 1 to {@value Page#BLOCKS}, and for at most twice as many; their
   * content is whatever it was.
   */
  LivePage.Changes get(int count) {
    int power = power(count);
    LivePage.Changes changes = unused[power].poll();
    return changes == null ? new LivePage.Changes(1 << power) : changes;
  }

  /** Whether so many entries, at least one, have more place than they may grow into. */
  boolean isTooLarge(LivePage.Changes changes, int count) {
    return power(count) < power(changes.capacity()) - 1;
  }

  /** Nobody uses them any more. */
  void giveBack(LivePage.Changes changes) {
    int power = power(changes.capacity());
    if (unused[power].size() << power < KEPT_ENTRIES_MAX) {
      unused[power].push(changes);
    }
  }
}
