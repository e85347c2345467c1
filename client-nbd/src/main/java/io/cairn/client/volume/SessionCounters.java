package io.cairn.client.volume;

/**
 * What a session counted since it began, for metrics and for people. Written on the session's loop
 * only; another thread that reads it may see a value that is a little old.
 */
public final class SessionCounters {
  /** A request that takes longer counts as stalled. */
  static final long STALL_NANOS = 500_000_000L;

  long reads;
  long readBytes;
  long writes;
  long writtenBytes;
  long zeroes;
  long flushes;
  long timeouts;
  long stalls;
  long longestStallNanos;
  long copiedBlocks;
  long corruptReads;
  long hedges;
  long repairs;
  long demotions;
  long promotions;
  long heldBack;
  long scrubbedChunks;
  long scrubbedBlocks;
  long scrubMendedBlocks;
  long badBlocks;
  long lostChunks;

  SessionCounters() {}

  /** A request ended that took so long. */
  void ended(long tookNanos) {
    if (tookNanos >= STALL_NANOS) {
      stalls++;
      longestStallNanos = Math.max(longestStallNanos, tookNanos);
    }
  }

  void describe(StringBuilder text) {
    text.append("copied blocks ").append(copiedBlocks).append(", hedges ").append(hedges);
    text.append(", repairs ").append(repairs).append(", corrupt reads ").append(corruptReads);
    text.append(", demotions ").append(demotions).append(", promotions ").append(promotions);
    text.append(", held back ").append(heldBack).append(", stalls ").append(stalls);
    text.append(", longest ").append(longestStallNanos / 1_000_000).append(" ms");
  }

  /** Reads that were asked for. */
  public long reads() {
    return reads;
  }

  /** Bytes of those reads. */
  public long readBytes() {
    return readBytes;
  }

  /** Writes that were asked for. */
  public long writes() {
    return writes;
  }

  /** Bytes of those writes. */
  public long writtenBytes() {
    return writtenBytes;
  }

  /** Trims and writes of zeroes that were asked for. */
  public long zeroes() {
    return zeroes;
  }

  /** Flushes that were asked for. */
  public long flushes() {
    return flushes;
  }

  /** Requests that failed because they waited longer than they may. */
  public long timeouts() {
    return timeouts;
  }

  /** Requests that took longer than half a second. */
  public long stalls() {
    return stalls;
  }

  /** The longest of those. */
  public long longestStallNanos() {
    return longestStallNanos;
  }

  /** Blocks that replicas fetched in catch-ups. */
  public long copiedBlocks() {
    return copiedBlocks;
  }

  /** Reads whose bytes failed their checksums. */
  public long corruptReads() {
    return corruptReads;
  }

  /** Reads that were sent to a second replica because the first was slow. */
  public long hedges() {
    return hedges;
  }

  /** Ranges that were rewritten because a replica could not read its copy. */
  public long repairs() {
    return repairs;
  }

  /** Replicas that left the in-sync set of a chunk. */
  public long demotions() {
    return demotions;
  }

  /** Replicas that came back into the in-sync set of a chunk. */
  public long promotions() {
    return promotions;
  }

  /** Chunks that were scrubbed from end to end. */
  public long scrubbedChunks() {
    return scrubbedChunks;
  }

  /** Copies of blocks that scrubs have compared. */
  public long scrubbedBlocks() {
    return scrubbedBlocks;
  }

  /** Copies of blocks that scrubs have mended. */
  public long scrubMendedBlocks() {
    return scrubMendedBlocks;
  }

  /** Blocks of which no replica has a good copy, as of the last scrub of each chunk. */
  public long badBlocks() {
    return badBlocks;
  }

  /** Chunks that no in-sync replica holds any more. */
  public long lostChunks() {
    return lostChunks;
  }

  /** Catch-ups that were put off because writers waited for the joiner. */
  public long heldBack() {
    return heldBack;
  }
}
