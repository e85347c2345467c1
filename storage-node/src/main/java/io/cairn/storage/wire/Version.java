package io.cairn.storage.wire;

/**
 * Version of a write: 24 bits of generation above 40 bits of sequence, so that comparing the longs
 * compares generation first. 0 means never written.
 */
public final class Version {
  /** Largest generation: 2^23 - 1, which keeps a version positive. */
  public static final long GENERATION_MAX = (1L << 23) - 1;

  /** Largest sequence. */
  public static final long SEQUENCE_MAX = (1L << 40) - 1;

  private static final int SEQUENCE_BITS = 40;

  private Version() {}

  /** Composes a version; throws when a part is out of bounds. */
  public static long of(long generation, long sequence) {
    if (generation < 1 || generation > GENERATION_MAX) {
      throw new IllegalStateException(
          "generation " + generation + " is outside 1 to " + GENERATION_MAX);
    }
    if (sequence < 1 || sequence > SEQUENCE_MAX) {
      throw new IllegalStateException("sequence " + sequence + " is outside 1 to " + SEQUENCE_MAX);
    }
    return generation << SEQUENCE_BITS | sequence;
  }

  /** The generation part; 0 for version 0. */
  public static long generation(long version) {
    return version >>> SEQUENCE_BITS;
  }

  /** The sequence part; 0 for version 0. */
  public static long sequence(long version) {
    return version & SEQUENCE_MAX;
  }

  /** For people: generation.sequence. */
  public static String text(long version) {
    return generation(version) + "." + sequence(version);
  }
}
