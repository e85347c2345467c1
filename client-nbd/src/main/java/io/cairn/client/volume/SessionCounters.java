package io.cairn.client.volume;

/**
 * What a session counted since it began, for metrics and for people. Written on the session's loop
 * only.
 */
public final class SessionCounters {
  long copiedBlocks;
  long corruptReads;
  long hedges;
  long repairs;
  long demotions;
  long promotions;

  SessionCounters() {}

  void describe(StringBuilder text) {
    text.append("copied blocks ").append(copiedBlocks).append(", hedges ").append(hedges);
    text.append(", repairs ").append(repairs).append(", corrupt reads ").append(corruptReads);
    text.append(", demotions ").append(demotions).append(", promotions ").append(promotions);
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
}
