package io.cairn.metadata.metrics;

import java.util.Arrays;
import java.util.List;

/**
 * How often something took how long, in buckets whose bounds grow by a factor of about 1.4. One
 * thread records, without a lock or an allocation; another may read what is a little old.
 */
public final class LatencyHistogram {
  /** Everything shorter is in the first bucket: 2^14 ns, 16 microseconds. */
  private static final int MIN_EXPONENT = 14;

  /** Everything as long or longer is in the last bucket: 2^33 ns, 8.6 seconds. */
  private static final int MAX_EXPONENT = 33;

  /** Number of buckets, the last of which has no upper bound. */
  public static final int BUCKETS = 2 * (MAX_EXPONENT - MIN_EXPONENT) + 2;

  private final long[] counts = new long[BUCKETS];
  private long sumNanos;

  /** Counts one that took so long. */
  public void record(long nanos) {
    counts[bucket(nanos)]++;
    sumNanos += nanos;
  }

  /** Counts everything that another one has counted. */
  public void add(LatencyHistogram other) {
    for (int i = 0; i < BUCKETS; i++) {
      counts[i] += other.counts[i];
    }
    sumNanos += other.sumNanos;
  }

  static int bucket(long nanos) {
    if (nanos < 1L << MIN_EXPONENT) {
      return 0;
    }
    int exponent = 63 - Long.numberOfLeadingZeros(nanos);
    int upperHalf = (int) (nanos >>> (exponent - 1)) & 1;
    return Math.min(2 * (exponent - MIN_EXPONENT) + upperHalf + 1, BUCKETS - 1);
  }

  /** What the bucket's durations are shorter than; Long.MAX_VALUE for the last. */
  public static long boundNanos(int bucket) {
    if (bucket == BUCKETS - 1) {
      return Long.MAX_VALUE;
    }
    int exponent = MIN_EXPONENT + bucket / 2;
    return bucket % 2 == 0 ? 1L << exponent : 3L << (exponent - 1);
  }

  /** How many were counted in each bucket. */
  public List<Long> counts() {
    return Arrays.stream(counts).boxed().toList();
  }

  /** How many were counted in one bucket. */
  public long count(int bucket) {
    return counts[bucket];
  }

  /** How many were counted. */
  public long count() {
    long count = 0;
    for (long one : counts) {
      count += one;
    }
    return count;
  }

  /** How long all of them took together. */
  public long sumNanos() {
    return sumNanos;
  }
}
