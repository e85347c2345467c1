package io.cairn.client.volume;

/**
 * What the scrubs of all volumes of one gateway share: so many bytes a second of each replica, and
 * no burst after a pause. Used on the one loop of its sessions.
 */
public final class ScrubPace {
  private static final long SECOND_NANOS = 1_000_000_000L;

  private final long bytesPerSecond;
  private long notBeforeNanos = Long.MIN_VALUE;

  /**
   * One that nobody uses yet.
   *
   * @param bytesPerSecond that each replica reads; at least 1.
   */
  public ScrubPace(long bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** From when on the next range may be asked for. */
  long notBeforeNanos() {
    return notBeforeNanos;
  }

  /** A range is asked for now. */
  void spend(long bytes, long nowNanos) {
    long from = Math.max(notBeforeNanos, nowNanos);
    notBeforeNanos = from + (long) (bytes * (double) SECOND_NANOS / bytesPerSecond);
  }
}
