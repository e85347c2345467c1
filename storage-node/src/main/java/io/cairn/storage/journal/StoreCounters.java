package io.cairn.storage.journal;

/** What one store has done, as plain numbers; written on the loop, read by metrics at any time. */
public final class StoreCounters {
  long appendedRecords;
  long appendedBytes;
  long syncs;
  long destageRuns;
  int destagesRunning;
  long destagedBlocks;
  long mergedBlocks;
  long destageStalls;
  long tierReads;
  long cachedReads;
  long aheadBlocks;
  long unreadableBlocks;
  long roomWaits;
  long rottenBlocks;
  long fenceFailures;
  long pacedWrites;

  /** Records appended since the start. */
  public long appendedRecords() {
    return appendedRecords;
  }

  /** Bytes appended since the start, headers and padding included. */
  public long appendedBytes() {
    return appendedBytes;
  }

  /** Syncs of the journal; beside the records it says how many one sync made durable. */
  public long syncs() {
    return syncs;
  }

  /** Destage runs that are under way: 1 or 0. */
  public int destagesRunning() {
    return destagesRunning;
  }

  /** Destage runs that ended well. */
  public long destageRuns() {
    return destageRuns;
  }

  /** Blocks written to or punched out of the capacity tier. */
  public long destagedBlocks() {
    return destagedBlocks;
  }

  /** Blocks that were not moved, as they were written again before they were destaged. */
  public long mergedBlocks() {
    return mergedBlocks;
  }

  /** Times that a write was delayed because the journal fills faster than it is destaged. */
  public long pacedWrites() {
    return pacedWrites;
  }

  /** Destage runs that found the capacity tier full and will be repeated. */
  public long destageStalls() {
    return destageStalls;
  }

  /** Reads of the capacity tier that were answered from the page cache at once. */
  public long cachedReads() {
    return cachedReads;
  }

  /** Blocks of the capacity tier that were asked for ahead of readers. */
  public long aheadBlocks() {
    return aheadBlocks;
  }

  /** Reads that waited for the capacity tier. */
  public long tierReads() {
    return tierReads;
  }

  /** Blocks that could not be read or failed their checksum. */
  public long unreadableBlocks() {
    return unreadableBlocks;
  }

  /** Blocks of the journal that failed their checksum when they were destaged. */
  public long rottenBlocks() {
    return rottenBlocks;
  }

  /** Fences that the catalogue did not take ahead of their checkpoint. */
  public long fenceFailures() {
    return fenceFailures;
  }

  /** Times that an append was told to wait for room. */
  public long roomWaits() {
    return roomWaits;
  }
}
