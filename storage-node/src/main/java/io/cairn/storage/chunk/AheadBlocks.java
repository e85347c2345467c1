package io.cairn.storage.chunk;

import java.util.ArrayDeque;
import java.util.Iterator;

/**
 * What a slow device has read ahead, and when it is there; used once, and the oldest forgotten when
 * it is too much. Any thread.
 */
final class AheadBlocks {
  /** Some block is not there, and will not be. */
  static final long NONE = Long.MIN_VALUE;

  /** 64 MiB. */
  private static final int BLOCKS_MAX = 16_384;

  private record Part(ChunkId chunk, int from, int to, long doneNanos) {
    boolean has(ChunkId of, int block) {
      return from <= block && block < to && chunk.equals(of);
    }

    boolean touches(ChunkId of, int begin, int end) {
      return from < end && begin < to && chunk.equals(of);
    }
  }

  private final ArrayDeque<Part> parts = new ArrayDeque<>();
  private int blocks;

  synchronized void add(ChunkId chunk, int block, int count, long doneNanos) {
    parts.addLast(new Part(chunk, block, block + count, doneNanos));
    blocks += count;
    while (blocks > BLOCKS_MAX) {
      Part oldest = parts.removeFirst();
      blocks -= oldest.to() - oldest.from();
    }
  }

  /** Whether all of them are there. */
  synchronized boolean isThere(ChunkId chunk, int block, int count, long nowNanos) {
    long doneNanos = doneNanos(chunk, block, count);
    return doneNanos != NONE && doneNanos <= nowNanos;
  }

  /** When all of them will be there, or {@link #NONE}; they are forgotten then. */
  synchronized long take(ChunkId chunk, int block, int count) {
    long doneNanos = doneNanos(chunk, block, count);
    if (doneNanos != NONE) {
      forget(chunk, block, count);
    }
    return doneNanos;
  }

  private long doneNanos(ChunkId chunk, int block, int count) {
    long doneNanos = NONE;
    int next = block;
    while (next < block + count) {
      Part found = null;
      for (Part part : parts) {
        if (part.has(chunk, next)) {
          found = part;
          break;
        }
      }
      if (found == null) {
        return NONE;
      }
      doneNanos = Math.max(doneNanos, found.doneNanos());
      next = found.to();
    }
    return doneNanos;
  }

  /** They were written, or used; what is left of a part behind them stays. */
  synchronized void forget(ChunkId chunk, int block, int count) {
    ArrayDeque<Part> rests = new ArrayDeque<>();
    for (Iterator<Part> all = parts.iterator(); all.hasNext(); ) {
      Part part = all.next();
      if (part.touches(chunk, block, block + count)) {
        all.remove();
        blocks -= part.to() - part.from();
        if (part.to() > block + count) {
          rests.add(new Part(chunk, block + count, part.to(), part.doneNanos()));
        }
      }
    }
    for (Part rest : rests) {
      parts.addFirst(rest);
      blocks += rest.to() - rest.from();
    }
  }
}
