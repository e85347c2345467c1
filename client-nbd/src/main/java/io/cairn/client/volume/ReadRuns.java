package io.cairn.client.volume;

/**
 * Which replica had better serve a reader that goes on where it stopped. Replicas are asked in
 * turn, which a slow device sees as a reader that jumps: so a run of reads whose answers take long
 * is kept with the replica that gave them, whose device then has the blocks to read in order and
 * ahead. Runs that are answered fast are not kept: for those the replicas together are better than
 * one. Says nothing of who may be asked. Of a fixed size; on the session's loop.
 *
 * <pre>
 * candidate --a read begins where it ended--> run --slow answers--> kept
 * kept --another replica answers a hedged read--> kept with that one
 * </pre>
 */
final class ReadRuns {
  /** No run. */
  static final long NONE = -1;

  /** Larger reads, in blocks, belong to no run: they are in order for long enough. */
  static final int READ_MAX = 128;

  /**
   * What the replica that keeps a run is asked for at one time, in blocks; beyond, the others help.
   */
  static final int OUTSTANDING_MAX = 256;

  /**
   * An answer that took as long is slow: what is in memory or on flash comes sooner, also to eight
   * requests of 128 KiB at one time on a busy machine. A disk that has to turn takes longer.
   */
  static final long SLOW_NANOS = 4_000_000L;

  /** As many slow answers one after the other are no accident. */
  private static final int SLOW_ANSWERS = 2;

  private static final int RUNS = 16;
  private static final int CANDIDATES = 256;

  /** Where reads ended that went on nothing, by that place: readers that jump forget no run. */
  private final OwnedChunk[] candidateChunks = new OwnedChunk[CANDIDATES];

  private final int[] candidateNexts = new int[CANDIDATES];

  private final OwnedChunk[] chunks = new OwnedChunk[RUNS];
  private final int[] nexts = new int[RUNS];
  private final long[] used = new long[RUNS];
  private final int[] slowAnswers = new int[RUNS];
  private final boolean[] kept = new boolean[RUNS];

  /** The replica that keeps it, and the blocks that are asked of that one for it. */
  private final int[] bits = new int[RUNS];

  private final int[] outstanding = new int[RUNS];

  /** Changes with what a run's place stands for: answers to earlier reads then count no more. */
  private final long[] names = new long[RUNS];

  private int runs;
  private long clock;

  /** The run that the read goes on that is about to be asked for, or -1. */
  private int found;

  /**
   * A read is to be asked for; {@link #asked} follows, or nothing does.
   *
   * @return the bit of the replica that it had better be asked of, or -1.
   */
  int goesOn(OwnedChunk chunk, int block, int count) {
    found = -1;
    if (count > READ_MAX) {
      return -1;
    }
    for (int i = 0; i < runs; i++) {
      if (nexts[i] == block && chunks[i] == chunk) {
        found = i;
        return kept[i] && outstanding[i] + count <= OUTSTANDING_MAX ? bits[i] : -1;
      }
    }
    int candidate = candidate(block);
    if (candidateNexts[candidate] == block && candidateChunks[candidate] == chunk) {
      candidateChunks[candidate] = null;
      found = oldest();
      chunks[found] = chunk;
      slowAnswers[found] = 0;
      kept[found] = false;
      names[found] = ++clock;
    }
    return -1;
  }

  /** It was asked of a replica; returns the run that is to be told of it, or {@link #NONE}. */
  long asked(OwnedChunk chunk, int block, int count, int bit) {
    if (count > READ_MAX) {
      return NONE;
    }
    int next = block + count;
    if (found < 0) {
      candidateChunks[candidate(next)] = chunk;
      candidateNexts[candidate(next)] = next;
      return NONE;
    }
    nexts[found] = next;
    used[found] = ++clock;
    if (kept[found]) {
      if (bits[found] != bit) {
        return NONE;
      }
      outstanding[found] += count;
    }
    return names[found] * RUNS + found;
  }

  /** A read of the run has a good answer. */
  void answered(long run, int bit, long tookNanos) {
    int i = place(run);
    if (i < 0) {
      return;
    }
    if (!kept[i]) {
      slowAnswers[i] = tookNanos < SLOW_NANOS ? 0 : slowAnswers[i] + 1;
      if (slowAnswers[i] < SLOW_ANSWERS) {
        return;
      }
    } else if (bits[i] == bit) {
      return;
    }
    kept[i] = true;
    bits[i] = bit;
    outstanding[i] = 0;
    names[i] = ++clock;
  }

  /** A read of the run is over. */
  void ended(long run, int count) {
    int i = place(run);
    if (i >= 0 && kept[i]) {
      outstanding[i] -= count;
    }
  }

  private int place(long run) {
    int i = (int) (run % RUNS);
    return run != NONE && names[i] == run / RUNS ? i : -1;
  }

  private static int candidate(int block) {
    return (block * 0x9E3779B9 >>> 16) % CANDIDATES;
  }

  private int oldest() {
    if (runs < RUNS) {
      return runs++;
    }
    int oldest = 0;
    for (int i = 1; i < RUNS; i++) {
      if (used[i] < used[oldest]) {
        oldest = i;
      }
    }
    return oldest;
  }
}
