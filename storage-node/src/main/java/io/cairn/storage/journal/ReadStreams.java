package io.cairn.storage.journal;

import io.cairn.storage.chunk.ChunkId;

/**
 * Finds readers that go on where they stopped, and says how far the capacity tier is to read ahead
 * of them. Pure, of a fixed size; on the loop.
 *
 * <p>A reader is believed after {@value #SURE_READS} reads of {@value #SURE_BLOCKS} blocks
 * together, each of which begins where the one before ended: then it is a stream. As much is read
 * ahead of it as it has read itself, up to a bound, so that at most that is read in vain when it
 * stops; the next part is due when half of that is used up. Where it leaves out blocks, which came
 * from elsewhere or were asked of another replica, half of its credit is gone, and soon the stream.
 * Where reads end that go on nothing is kept apart, so that no number of readers that jump makes a
 * stream forgotten.
 */
final class ReadStreams {
  static final int SURE_READS = 3;
  static final int SURE_BLOCKS = 32;

  /** Larger reads belong to no stream: they are in order for long enough. */
  static final int READ_BLOCKS_MAX = 128;

  /** Of reads that were under way at one time and come in another order. */
  private static final int LATE_BLOCKS_MAX = 256;

  /** Reads of the device after which nobody goes on any more that was not believed. */
  private static final int CANDIDATE_MISSES = 32;

  private static final int STREAMS = 16;
  private static final int CANDIDATES = 256;

  private final int aheadBlocksMax;

  /** Readers that are not believed yet, by where they go on. */
  private final ChunkId[] candidateChunks = new ChunkId[CANDIDATES];

  private final int[] candidateNexts = new int[CANDIDATES];
  private final int[] candidateReads = new int[CANDIDATES];
  private final int[] candidateStarts = new int[CANDIDATES];
  private final long[] candidateMisses = new long[CANDIDATES];

  private final ChunkId[] chunks = new ChunkId[STREAMS];

  /** Where the reader goes on. */
  private final int[] nexts = new int[STREAMS];

  /** How far is read ahead of it. */
  private final int[] windows = new int[STREAMS];

  /** Where what was read ahead ends. */
  private final int[] aheads = new int[STREAMS];

  private final long[] used = new long[STREAMS];
  private int streams;
  private long clock;
  private long misses;
  private int due;

  /**
   * No stream.
   *
   * @param aheadBlocksMax most that is read ahead of one; 0 when nothing is.
   */
  ReadStreams(int aheadBlocksMax) {
    this.aheadBlocksMax = aheadBlocksMax;
  }

  /**
   * Blocks of a chunk are read.
   *
   * @return whether something is to be read ahead, which {@link #take} tells.
   */
  boolean read(ChunkId chunk, int block, int count) {
    if (count > Math.min(READ_BLOCKS_MAX, aheadBlocksMax)) {
      return false;
    }
    int next = block + count;
    for (int i = 0; i < streams; i++) {
      if (block >= nexts[i] - LATE_BLOCKS_MAX
          && block <= Math.max(nexts[i], aheads[i])
          && chunk.equals(chunks[i])) {
        return goesOn(i, block, next);
      }
    }
    return candidate(chunk, block, next);
  }

  /** The device was read, and somebody waited for it. */
  void missed() {
    misses++;
  }

  private boolean goesOn(int i, int block, int next) {
    if (block < nexts[i]) {
      return false;
    }
    int count = next - block;
    if (block > nexts[i]) {
      windows[i] /= 2;
      if (windows[i] < 2 * count) {
        chunks[i] = null;
        return false;
      }
    }
    windows[i] = Math.min(aheadBlocksMax, windows[i] + count);
    nexts[i] = next;
    used[i] = ++clock;
    due = i;
    return aheads[i] - next < windows[i] / 2;
  }

  private boolean candidate(ChunkId chunk, int block, int next) {
    int reads = 1;
    int start = block;
    int from = place(chunk, block);
    if (candidateNexts[from] == block
        && misses - candidateMisses[from] <= CANDIDATE_MISSES
        && chunk.equals(candidateChunks[from])) {
      reads = candidateReads[from] + 1;
      start = candidateStarts[from];
      candidateChunks[from] = null;
    }
    if (reads >= SURE_READS && next - start >= SURE_BLOCKS) {
      begin(chunk, start, next);
      return true;
    }
    int to = place(chunk, next);
    candidateChunks[to] = chunk;
    candidateNexts[to] = next;
    candidateReads[to] = reads;
    candidateStarts[to] = start;
    candidateMisses[to] = misses;
    return false;
  }

  private static int place(ChunkId chunk, int block) {
    return ((31 * chunk.hashCode() + block) * 0x9E3779B9 >>> 16) % CANDIDATES;
  }

  private void begin(ChunkId chunk, int start, int next) {
    due = streams < STREAMS ? streams++ : oldest();
    chunks[due] = chunk;
    windows[due] = Math.min(aheadBlocksMax, next - start);
    nexts[due] = next;
    aheads[due] = next;
    used[due] = ++clock;
  }

  private int oldest() {
    int oldest = 0;
    for (int i = 1; i < STREAMS; i++) {
      if (used[i] < used[oldest]) {
        oldest = i;
      }
    }
    return oldest;
  }

  /**
   * What is to be read ahead, after {@link #read} has said that something is: it is taken as done.
   *
   * @return the first block, which may lie behind the chunk, as may {@link #end}.
   */
  int take() {
    int from = Math.max(aheads[due], nexts[due]);
    aheads[due] = nexts[due] + windows[due];
    return from;
  }

  /** Where what {@link #take} told ends. */
  int end() {
    return aheads[due];
  }
}
