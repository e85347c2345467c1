package io.cairn.client.volume;

/**
 * How fast a gateway has replicas copied, so that what its clients wait for at the 99th percentile
 * stays within a factor of what it was before, and repair gets all that is left.
 *
 * <p>While nothing is copied it learns how long the clients wait. While something is, it looks each
 * second: above the goal the rate falls in proportion, well below it the rate grows. It does not
 * stay below a least rate, since a volume that stays short of copies is worse than a slow one.
 * Where the clients wait longer than the goal although the rate has been at its least for a while,
 * copying pauses for some two seconds, to see what they wait for without it: their load may have
 * changed.
 *
 * <p>Used on the one loop of the gateway's sessions, but for what it says of itself, which any
 * thread may ask for; allocates nothing.
 */
public final class RepairRate {
  /** One that bounds nothing. */
  public static RepairRate unbounded() {
    return new RepairRate(0, Long.MAX_VALUE);
  }

  /** Goals below this are not pursued: they are within what a busy processor adds by chance. */
  static final long GOAL_MIN_NANOS = 1_000_000;

  /** Growth ends here, so that the way back is not long, in bytes a second. */
  static final double RATE_MAX = 1 << 30;

  private static final long WINDOW_NANOS = 1_000_000_000L;

  /** Few requests say little of a percentile: they are waited for, but not for ever. */
  private static final int REQUESTS_MIN = 100;

  private static final long WINDOW_MAX_NANOS = 5_000_000_000L;
  private static final double PERCENTILE = 0.99;
  private static final double GROWTH = 1.25;

  /** The rate grows only while the clients wait less than this share of the goal. */
  private static final double AT_EASE = 0.8;

  private static final double FALL_MOST = 0.4;
  private static final double FALL_LEAST = 0.9;
  private static final double LEARNING = 0.25;

  /** Windows above the goal at the least rate after which a pause looks for the reason. */
  private static final int DOUBTFUL_WINDOWS = 10;

  /** Of a pause: the first still sees what was under way. */
  private static final int PAUSE_WINDOWS = 2;

  private final int factor;
  private final double leastRate;
  private final LatencyWindow window = new LatencyWindow();
  private long windowBeganNanos = Long.MIN_VALUE;
  private boolean copying;
  private boolean copiedInWindow;
  private volatile double rate;
  private volatile double beforeNanos;
  private int doubtful;
  private volatile int pauseWindows;

  /**
   * One that knows nothing of the clients yet.
   *
   * @param factor how many times as long as before clients may wait; 0 for whatever comes.
   * @param leastBytesPerSecond above 0; what copying gets in any case, over all volumes.
   */
  public RepairRate(int factor, long leastBytesPerSecond) {
    this.factor = factor;
    leastRate = leastBytesPerSecond;
    rate = leastRate;
  }

  /** Bytes a second for all that copies; infinite when nothing bounds it, 0 for a pause. */
  public double bytesPerSecond() {
    if (factor == 0) {
      return Double.POSITIVE_INFINITY;
    }
    return pauseWindows > 0 ? 0 : rate;
  }

  /** What clients waited for at the 99th percentile before, in nanoseconds; 0 while not known. */
  public long beforeNanos() {
    return (long) beforeNanos;
  }

  /** A client's read or write took so long. */
  void requestEnded(long tookNanos, long nowNanos) {
    if (factor > 0) {
      window.record(tookNanos);
      look(nowNanos);
    }
  }

  /** Whether anything is being copied; to be told whenever that may have changed, and often. */
  void copying(boolean now, long nowNanos) {
    copying = now;
    copiedInWindow |= now;
    if (factor > 0) {
      look(nowNanos);
    }
  }

  private void look(long nowNanos) {
    if (windowBeganNanos == Long.MIN_VALUE) {
      windowBeganNanos = nowNanos;
    }
    long tookNanos = nowNanos - windowBeganNanos;
    boolean enough = window.count() >= REQUESTS_MIN;
    if (tookNanos < WINDOW_NANOS || !enough && tookNanos < WINDOW_MAX_NANOS) {
      return;
    }
    if (pauseWindows > 0) {
      pauseWindows--;
      if (pauseWindows == 0 && enough) {
        beforeNanos = window.percentile(PERCENTILE);
      }
    } else if (copiedInWindow) {
      adjust(enough);
    } else if (enough) {
      double seen = window.percentile(PERCENTILE);
      beforeNanos = beforeNanos == 0 ? seen : beforeNanos + LEARNING * (seen - beforeNanos);
    }
    window.clear();
    windowBeganNanos = nowNanos;
    copiedInWindow = copying;
  }

  private void adjust(boolean enough) {
    if (!enough) {
      // Hardly anybody asks for anything: nobody to be slowed down.
      grow();
      return;
    }
    if (beforeNanos == 0) {
      pauseWindows = PAUSE_WINDOWS;
      return;
    }
    double seen = window.percentile(PERCENTILE);
    double goal = Math.max(GOAL_MIN_NANOS, factor * beforeNanos);
    if (seen > goal) {
      doubtful = rate <= leastRate ? doubtful + 1 : 0;
      rate = Math.max(leastRate, rate * Math.clamp(goal / seen, FALL_MOST, FALL_LEAST));
      if (doubtful >= DOUBTFUL_WINDOWS) {
        pauseWindows = PAUSE_WINDOWS;
        doubtful = 0;
      }
    } else {
      doubtful = 0;
      if (seen < AT_EASE * goal) {
        grow();
      }
    }
  }

  private void grow() {
    rate = Math.max(leastRate, Math.min(RATE_MAX, rate * GROWTH));
  }
}
