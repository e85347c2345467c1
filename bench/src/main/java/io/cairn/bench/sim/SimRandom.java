package io.cairn.bench.sim;

/** Splittable random (SplitMix64): parts that draw from their own split do not disturb others. */
final class SimRandom {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private long state;

  SimRandom(long seed) {
    state = seed * GAMMA + 1;
  }

  long next() {
    state += GAMMA;
    long z = state;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }

  SimRandom split() {
    return new SimRandom(next());
  }

  /** Uniform in 0 to bound - 1. */
  int below(int bound) {
    return (int) Long.remainderUnsigned(next() >>> 1, bound);
  }

  /** Uniform in low to high, inclusive. */
  long between(long low, long high) {
    return low + Long.remainderUnsigned(next() >>> 1, high - low + 1);
  }

  /** True once in so many draws. */
  boolean oneIn(int count) {
    return below(count) == 0;
  }
}
