package io.cairn.client.volume;

import java.util.Arrays;

/**
 * Latencies of a short time, of which a percentile is asked once. Eight buckets to a power of two:
 * what it says is at most an eighth too long. For one thread; allocates nothing.
 */
final class LatencyWindow {
  private static final int STEPS_BITS = 3;
  private static final int STEPS = 1 << STEPS_BITS;

  private final int[] counts = new int[STEPS * Long.SIZE];
  private int count;

  void record(long nanos) {
    counts[bucket(Math.max(1, nanos))]++;
    count++;
  }

  /** Adds all of another. */
  void add(LatencyWindow other) {
    for (int i = 0; i < counts.length; i++) {
      counts[i] += other.counts[i];
    }
    count += other.count;
  }

  int count() {
    return count;
  }

  void clear() {
    Arrays.fill(counts, 0);
    count = 0;
  }

  /** What the given share of all was shorter than, in nanoseconds; 0 when there were none. */
  long percentile(double share) {
    long wanted = (long) Math.ceil(count * share);
    long seen = 0;
    for (int i = 0; i < counts.length; i++) {
      seen += counts[i];
      if (seen >= wanted && seen > 0) {
        return boundNanos(i);
      }
    }
    return 0;
  }

  /** The share that took longer than that, from 0 to 1; 0 when there were none. */
  double shareAbove(long nanos) {
    int above = 0;
    for (int i = bucket(Math.max(1, nanos)) + 1; i < counts.length; i++) {
      above += counts[i];
    }
    return count == 0 ? 0 : (double) above / count;
  }

  private static int bucket(long nanos) {
    int exponent = Long.SIZE - 1 - Long.numberOfLeadingZeros(nanos);
    int step = exponent < STEPS_BITS ? 0 : (int) (nanos >>> (exponent - STEPS_BITS)) & (STEPS - 1);
    return exponent * STEPS + step;
  }

  private static long boundNanos(int bucket) {
    int exponent = bucket / STEPS;
    long step = bucket % STEPS + 1L;
    return exponent < STEPS_BITS
        ? 2L << exponent
        : (1L << exponent) + (step << (exponent - STEPS_BITS));
  }
}
