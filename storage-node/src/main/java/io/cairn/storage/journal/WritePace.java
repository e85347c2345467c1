package io.cairn.storage.journal;

/**
 * How fast writers may go on while the journal fills faster than it is destaged. Pure: it is told
 * the time, and what has happened.
 *
 * <p>Below the high watermark writers are not delayed. Above it they get the rate at which the
 * journal is being destaged, times a factor that falls with the fill:
 *
 * <pre>
 * x = (fill - high) / (full - high)
 * factor = (1 - x) / x                 for x below a half, as ZFS's write throttle delays
 *        = 1 - 1.2 * (x - 1/2)         above, down to 0.4
 * </pre>
 *
 * So a burst is slowed down more and more and not stopped, and writers that do not end come to rest
 * at the rate of the destaging, with half of the room above the watermark left. The fill counts
 * what a run has already moved as free, although its segments come free at its end.
 */
final class WritePace {
  /** Destaging comes in runs: its rate is an average over some of them. */
  private static final double AVERAGE_NANOS = 3e9;

  /** Of a rate that falls: the room is used up in no time by writers who go on as before. */
  private static final double FALLING_AVERAGE_NANOS = 5e8;

  private static final long SAMPLE_NANOS = 50_000_000L;

  /** Whatever was measured, writers go on: a rate in bytes per second. */
  private static final double RATE_MIN = 64 << 10;

  /** What may be saved up, in seconds of the rate. */
  private static final double SAVED_SECONDS = 0.02;

  private static final long WAIT_MIN_NANOS = 1_000_000L;
  private static final long WAIT_MAX_NANOS = 100_000_000L;
  private static final double NANOS = 1e9;

  private long highBytes;
  private long fullBytes;

  /** Bytes of the log that are destaged per second; 0 before the first measurement. */
  private double drainRate;

  private double measuredNanos;
  private boolean measuring;
  private long sampledNanos;
  private long sampledBytes;
  private boolean paced;
  private double budgetBytes;
  private long budgetNanos;
  private double rate;

  /**
   * Writers that are not delayed.
   *
   * @param highBytes fill above which they are.
   * @param fullBytes fill at which nothing can be appended.
   */
  WritePace(long highBytes, long fullBytes) {
    this.highBytes = highBytes;
    this.fullBytes = fullBytes;
  }

  /**
   * The pace for a ring of segments: one of them always stays free, and a quarter of the ring, but
   * at least four where there are eight, is the room in which writers are slowed down.
   */
  static WritePace ofRing(int segmentCount, long segmentBytes) {
    WritePace pace = new WritePace(0, 0);
    pace.resize(segmentCount, segmentBytes);
    return pace;
  }

  /** The ring has another size; what was measured stays. */
  void resize(int segmentCount, long segmentBytes) {
    long full = segmentCount - 1L;
    long slowed = Math.max(segmentCount / 4, Math.min(4, segmentCount / 2));
    highBytes = (full - slowed) * segmentBytes;
    fullBytes = full * segmentBytes;
  }

  /** Room in which writers are slowed down, in bytes. */
  long slowedBytes() {
    return fullBytes - highBytes;
  }

  /** Bytes of the log that are destaged per second while that is done; 0 when unknown. */
  double drainRate() {
    return drainRate;
  }

  /** A run of the destager begins: from here on what it moves is measured. */
  void begin(long nowNanos, long destagedBytes) {
    measuring = true;
    sampledNanos = nowNanos;
    sampledBytes = destagedBytes;
  }

  /**
   * A run goes on.
   *
   * @param destagedBytes of the log, since its beginning.
   */
  void sample(long nowNanos, long destagedBytes) {
    if (measuring && nowNanos - sampledNanos >= SAMPLE_NANOS) {
      measure(nowNanos, destagedBytes);
    }
  }

  /** A run has ended. */
  void end(long nowNanos, long destagedBytes) {
    if (measuring && nowNanos > sampledNanos) {
      measure(nowNanos, destagedBytes);
    }
    measuring = false;
  }

  private void measure(long nowNanos, long destagedBytes) {
    double nanos = nowNanos - sampledNanos;
    double now = (destagedBytes - sampledBytes) / nanos * NANOS;
    measuredNanos = Math.min(AVERAGE_NANOS, measuredNanos + nanos);
    double window =
        now < drainRate ? Math.min(FALLING_AVERAGE_NANOS, measuredNanos) : measuredNanos;
    double weight = Math.min(1, nanos / window);
    drainRate += (now - drainRate) * weight;
    sampledNanos = nowNanos;
    sampledBytes = destagedBytes;
  }

  /** Whether writers are delayed at such a fill. */
  boolean isPaced(long fillBytes) {
    paced &= fillBytes > highBytes;
    return fillBytes > highBytes;
  }

  /** Whether a write may be appended now; only when {@link #isPaced}. */
  boolean admits(long fillBytes, long nowNanos) {
    rate = rate(fillBytes);
    if (!paced) {
      paced = true;
      budgetBytes = 1;
    } else {
      double gained = Math.max(0, nowNanos - budgetNanos) / NANOS * rate;
      budgetBytes = Math.min(budgetBytes + gained, Math.max(1, rate * SAVED_SECONDS));
    }
    budgetNanos = nowNanos;
    return budgetBytes > 0;
  }

  /** A write was appended. */
  void appended(int recordBytes) {
    if (paced) {
      budgetBytes -= recordBytes;
    }
  }

  /** How long a write that was not admitted waits before it asks again. */
  long waitNanos() {
    return Math.clamp((long) (-budgetBytes / rate * NANOS), WAIT_MIN_NANOS, WAIT_MAX_NANOS);
  }

  /** Bytes per second that may be appended at such a fill. */
  double rate(long fillBytes) {
    double x = Math.clamp((double) (fillBytes - highBytes) / slowedBytes(), 1e-3, 1);
    double factor = x < 0.5 ? (1 - x) / x : 1 - 1.2 * (x - 0.5);
    // Before anything was measured, the room is what may be used up in a second.
    double drain = measuredNanos > 0 ? drainRate : slowedBytes();
    return Math.max(RATE_MIN, drain * factor);
  }
}
