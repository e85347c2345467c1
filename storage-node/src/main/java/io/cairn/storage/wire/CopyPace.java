package io.cairn.storage.wire;

/**
 * How fast a replica may copy one chunk, in the flags of a CATCH_UP, and of a PING for all chunks
 * of the volume that catch up on its shard. One byte: 0 for as fast as it can, which is also what
 * those send that know nothing of it; else 64 KiB a second times 2^((code - 1) / 8).
 */
public final class CopyPace {
  /** As fast as it can. */
  public static final int UNBOUNDED = 0;

  /** The slowest, in bytes a second. */
  public static final long BYTES_MIN = 64 << 10;

  private static final int CODE_MAX = 255;
  private static final double STEPS_OF_TWO = 8;

  private CopyPace() {}

  /**
   * The code of the fastest pace that is not above the rate.
   *
   * @param bytesPerSecond below {@link #BYTES_MIN} counts as that.
   */
  public static int ofRate(double bytesPerSecond) {
    double octaves = Math.log(Math.max(1, bytesPerSecond / BYTES_MIN)) / Math.log(2);
    return (int) Math.min(CODE_MAX, 1 + Math.floor(octaves * STEPS_OF_TWO + 1e-9));
  }

  /** Nanoseconds that so many bytes take at least; 0 when unbounded. */
  public static long nanos(int code, long bytes) {
    return (code & CODE_MAX) == UNBOUNDED ? 0 : (long) (bytes * 1e9 / rate(code));
  }

  /** Bytes a second of a code; infinite when unbounded. */
  public static double rate(int code) {
    int known = code & CODE_MAX;
    return known == UNBOUNDED
        ? Double.POSITIVE_INFINITY
        : BYTES_MIN * Math.pow(2, (known - 1) / STEPS_OF_TWO);
  }
}
