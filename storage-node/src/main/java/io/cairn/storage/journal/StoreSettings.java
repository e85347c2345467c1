package io.cairn.storage.journal;

/**
 * Bounds of one shard's store.
 *
 * @param syncDelayNanos longest time that an append waits for the background sync.
 * @param syncBytes unsynced bytes at which the background sync begins at once.
 * @param destageAbove part of the journal, in percent, above which destaging begins.
 * @param destageBelow part of the journal, in percent, down to which it goes on.
 * @param destageSegmentsMax segments that one run moves at most.
 * @param pagesMax pages of the catalogue, of 256 blocks each, that are kept in memory.
 * @param retryNanos pause after the capacity tier was full.
 * @param pinnedPercent part of the read cache that pinned volumes may hold, 0 to 90.
 * @param aheadBlocksMax blocks that are read ahead of one sequential reader at most; 0 for none.
 */
public record StoreSettings(
    long syncDelayNanos,
    int syncBytes,
    int destageAbove,
    int destageBelow,
    int destageSegmentsMax,
    int pagesMax,
    long retryNanos,
    int pinnedPercent,
    int aheadBlocksMax) {
  /** What a node uses unless it is told otherwise. */
  public static StoreSettings defaults() {
    return new StoreSettings(50_000_000L, 4 << 20, 50, 45, 8, 32_768, 1_000_000_000L, 50, 512);
  }

  /** The same with as many pages in memory as so much of the heap holds. */
  public StoreSettings indexing(long heapBytes) {
    return new StoreSettings(
        syncDelayNanos,
        syncBytes,
        destageAbove,
        destageBelow,
        destageSegmentsMax,
        Math.clamp(heapBytes / LivePage.HEAP_BYTES, 1, Integer.MAX_VALUE),
        retryNanos,
        pinnedPercent,
        aheadBlocksMax);
  }

  /** The same with another part of the read cache for pinned volumes. */
  public StoreSettings pinning(int percent) {
    return new StoreSettings(
        syncDelayNanos,
        syncBytes,
        destageAbove,
        destageBelow,
        destageSegmentsMax,
        pagesMax,
        retryNanos,
        percent,
        aheadBlocksMax);
  }

  /** The same with another bound of what is read ahead. */
  public StoreSettings readingAhead(int blocksMax) {
    return new StoreSettings(
        syncDelayNanos,
        syncBytes,
        destageAbove,
        destageBelow,
        destageSegmentsMax,
        pagesMax,
        retryNanos,
        pinnedPercent,
        blocksMax);
  }
}
