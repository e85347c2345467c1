package io.cairn.bench.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The real-time history of one cell (a part of a block that is always written as a whole), and the
 * proof that it is linearizable.
 *
 * <p>Every write carries a value of its own, so that each read names the write that it saw; zeroes
 * are not unique. Every operation carries the generation of the owner that served it.
 *
 * <p>A write that was acknowledged but not flushed may be gone when its owner dies and the power of
 * its replicas fails with it: whoever checks says before which generations that happened. Such a
 * loss cuts the history in segments, each linearizable by itself. The choice of what survives may
 * differ per cell, but all reads afterwards agree on it, and it is never older than what was
 * flushed (I7).
 */
public final class BlockHistory {
  static final long NEVER = Long.MAX_VALUE;

  private final String name;
  private final List<Write> writes = new ArrayList<>();
  private final List<Read> reads = new ArrayList<>();

  /**
   * An empty history: zeroes.
   *
   * @param name of the cell, for messages.
   */
  public BlockHistory(String name) {
    this.name = name;
  }

  /** A write under way or done. */
  public static final class Write {
    final long value;
    final long begin;
    final long generation;
    long end = NEVER;
    long flushedGeneration = NEVER;

    Write(long value, long begin, long generation) {
      this.value = value;
      this.begin = begin;
      this.generation = generation;
    }

    /** When it was issued. */
    public long begin() {
      return begin;
    }

    /** What it wrote. */
    public long value() {
      return value;
    }

    /** Generation of the owner that it was given to. */
    public long generation() {
      return generation;
    }

    /** The write was acknowledged. */
    public void acknowledged(long time) {
      end = time;
    }

    /**
     * A flush that began after the acknowledgement, or FUA, was answered.
     *
     * @param byGeneration generation of the owner that answered it.
     */
    public void flushed(long byGeneration) {
      flushedGeneration = Math.min(flushedGeneration, byGeneration);
    }
  }

  record Read(long value, long begin, long end, long generation) {}

  /** Begins a write; value 0 writes zeroes, any other value must be unique. */
  public Write write(long value, long time, long generation) {
    Write write = new Write(value, time, generation);
    writes.add(write);
    return write;
  }

  /**
   * Whether the value may lie on a replica when a write is acknowledged: that write's own, or one
   * of a write that ran beside it or began since.
   */
  public boolean mayHold(long value, Write acknowledged) {
    for (Write write : writes) {
      if (write.value == value && write.end >= acknowledged.begin) {
        return true;
      }
    }
    return false;
  }

  /** A read that was answered. */
  public void read(long value, long begin, long end, long generation) {
    reads.add(new Read(value, begin, end, generation));
  }

  /**
   * Throws when the history is not linearizable.
   *
   * @param lossyGenerations rising; before the first request of each of these, what was not flushed
   *     may have been lost.
   */
  public void check(long... lossyGenerations) {
    check(Set.of(), lossyGenerations);
  }

  /**
   * The same where an operator gave up what was acknowledged, and flushed.
   *
   * @param givenUp those of the lossy generations before which that happened: zeroes or any value
   *     that was ever written before may be what is left, and is the same from then on.
   */
  public void check(Set<Long> givenUp, long... lossyGenerations) {
    HistorySegment segment = null;
    for (int i = 0; i <= lossyGenerations.length; i++) {
      long from = i == 0 ? Long.MIN_VALUE : lossyGenerations[i - 1];
      long to = i == lossyGenerations.length ? Long.MAX_VALUE : lossyGenerations[i];
      segment =
          new HistorySegment(
              name,
              writes.stream().filter(w -> w.generation >= from && w.generation < to).toList(),
              reads.stream().filter(r -> r.generation >= from && r.generation < to).toList(),
              segment == null
                  ? null
                  : givenUp.contains(from) ? everythingBefore(from) : segment.survivors(from));
      segment.check();
    }
  }

  private List<Write> everythingBefore(long generation) {
    List<Write> all = new ArrayList<>();
    all.add(new Write(0, Long.MIN_VALUE, 0));
    writes.stream().filter(write -> write.generation < generation).forEach(all::add);
    return all;
  }
}
