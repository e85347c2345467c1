package io.cairn.client.volume;

/**
 * How fast a gateway has replicas copied, so that what its clients wait for at the 99th percentile
 * stays within a factor of what it was before, and repair gets all that is left.
 *
 * <p>While every replica is in sync it learns how long the clients wait, from the last minute's
 * seconds ({@link CalmWindows}): what they wait for once a node has died is not usual. That, times
 * the factor, is the goal. While something is copied, one request in a hundred may take longer than
 * the goal, and the last seconds are counted together: one bad second among good ones is what
 * clients had before as well, and costs nothing. So it looks each second: where too many took too
 * long, in this second and in the last ones, the rate falls in proportion; it grows where the last
 * seconds were below the goal, the slower the closer to it. It begins at a least rate and does not
 * stay below that, since a volume that stays short of copies is worse than a slow one. Where the
 * clients wait longer than the goal although the rate has been at its least for a while, copying
 * pauses for some two seconds, to see what they wait for without it: their load may have grown. Two
 * pauses of three that show more than is usual raise the goal; one second is too few to lower it
 * by.
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
  private static final double MAY_BE_ABOVE = 1 - PERCENTILE;
  private static final double GROWTH = 1.25;

  /** Growth from this share of the rate on that was too much. */
  private static final double NEAR = 0.7;

  private static final double GROWTH_NEAR = 1.05;

  /** Above this share of it and still well: what was too much then is not so now. */
  private static final double PAST = 1.3;

  private static final double GROWTH_PAST = 1.12;

  /** The rate grows only while the clients wait less than this share of the goal. */
  private static final double AT_EASE = 0.8;

  /** And as fast as it may where they wait no longer than this share of it. */
  private static final double AT_REST = 0.5;

  /** What of the worst of the last windows a window still counts for. */
  private static final double HELD = 0.8;

  /** And while fewer than this share of what may is above the goal. */
  private static final double FEW = 0.6;

  /** How much the newest window counts among the last ones. */
  private static final double NEWEST = 0.1;

  /** A window in which all took too long is not held against it for longer than some others. */
  private static final double ABOVE_MAX = 4 * MAY_BE_ABOVE;

  private static final double FALL_MOST = 0.4;
  private static final double FALL_LEAST = 0.9;

  /** Windows above the goal at the least rate after which a pause looks for the reason. */
  private static final int DOUBTFUL_WINDOWS = 10;

  /** Of a pause: the first still sees what was under way. */
  private static final int PAUSE_WINDOWS = 2;

  /** With fewer windows than this, what a pause shows is one more. */
  private static final int CALM_MIN = 5;

  private final int factor;
  private final double leastRate;
  private final LatencyWindow window = new LatencyWindow();
  private final CalmWindows calm = new CalmWindows(PERCENTILE);
  private long windowBeganNanos = Long.MIN_VALUE;
  private boolean copying;
  private boolean copiedInWindow;
  private boolean whole = true;
  private boolean wholeInWindow = true;
  private volatile double rate;
  private volatile long beforeNanos;

  /** The last rate that was too much; none at first. */
  private double fellFrom = Double.POSITIVE_INFINITY;

  /** The percentile of the last windows, the worst first and the older the less. */
  private double worstSeen;

  /** Share of the requests above the goal in the last windows with copies. */
  private double shareAbove;

  private int doubtful;
  private volatile int pauseWindows;

  /** The percentiles that the last three pauses showed, oldest first; 0 for one that was not. */
  private long thirdLastPause;

  private long secondLastPause;
  private long lastPause;

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
    return beforeNanos;
  }

  /** A client's read or write took so long. */
  void requestEnded(long tookNanos, long nowNanos) {
    if (factor > 0) {
      window.record(tookNanos);
      look(nowNanos);
    }
  }

  /**
   * How the volumes stand; to be told whenever that may have changed, and often.
   *
   * @param copies whether anything is being copied.
   * @param areWhole whether every replica is in sync.
   */
  void mending(boolean copies, boolean areWhole, long nowNanos) {
    copying = copies;
    copiedInWindow |= copies;
    whole = areWhole;
    wholeInWindow &= areWhole;
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
        learnFromPause();
      }
    } else if (copiedInWindow) {
      adjust(enough);
    } else if (enough && wholeInWindow) {
      learn();
      beginAnew();
    }
    window.clear();
    windowBeganNanos = nowNanos;
    copiedInWindow = copying;
    wholeInWindow = whole;
  }

  private void learn() {
    calm.add(window);
    beforeNanos = calm.usual();
    thirdLastPause = 0;
    secondLastPause = 0;
    lastPause = 0;
  }

  /**
   * What was too much, or not, for a load that was there the last time says nothing of the next.
   */
  private void beginAnew() {
    rate = leastRate;
    fellFrom = Double.POSITIVE_INFINITY;
    shareAbove = 0;
    worstSeen = 0;
    doubtful = 0;
  }

  private void learnFromPause() {
    if (calm.size() < CALM_MIN) {
      learn();
      return;
    }
    thirdLastPause = secondLastPause;
    secondLastPause = lastPause;
    lastPause = window.percentile(PERCENTILE);
    long low = Math.min(lastPause, secondLastPause);
    long high = Math.max(lastPause, secondLastPause);
    beforeNanos = Math.max(calm.usual(), Math.clamp(thirdLastPause, low, high));
  }

  private void adjust(boolean enough) {
    if (!enough) {
      // Hardly anybody asks for anything: nobody to be slowed down.
      grow(1);
      return;
    }
    if (beforeNanos == 0) {
      pauseWindows = PAUSE_WINDOWS;
      return;
    }
    long seen = window.percentile(PERCENTILE);
    long goal = Math.max(GOAL_MIN_NANOS, factor * beforeNanos);
    shareAbove += NEWEST * (window.shareAbove(goal) - shareAbove);
    shareAbove = Math.min(shareAbove, ABOVE_MAX);
    worstSeen = Math.max(seen, HELD * worstSeen);
    if (seen > goal && shareAbove > MAY_BE_ABOVE) {
      doubtful = rate <= leastRate ? doubtful + 1 : 0;
      fellFrom = rate;
      rate = Math.max(leastRate, rate * Math.clamp((double) goal / seen, FALL_MOST, FALL_LEAST));
      if (doubtful >= DOUBTFUL_WINDOWS) {
        pauseWindows = PAUSE_WINDOWS;
        doubtful = 0;
        shareAbove = 0;
        fellFrom = Double.POSITIVE_INFINITY;
      }
    } else if (seen <= goal) {
      doubtful = 0;
      if (shareAbove < FEW * MAY_BE_ABOVE) {
        grow(Math.clamp((AT_EASE - worstSeen / goal) / (AT_EASE - AT_REST), 0, 1));
      }
    }
  }

  /** By so much of what it may grow, from 0 to 1. */
  private void grow(double share) {
    double growth = GROWTH_NEAR;
    if (rate < NEAR * fellFrom) {
      growth = GROWTH;
    } else if (rate > PAST * fellFrom) {
      growth = GROWTH_PAST;
    }
    double grown = rate * (1 + share * (growth - 1));
    rate = Math.max(leastRate, Math.min(RATE_MAX, grown));
  }
}
