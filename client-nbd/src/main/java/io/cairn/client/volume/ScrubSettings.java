package io.cairn.client.volume;

import io.cairn.metadata.clock.WallClock;
import io.cairn.metadata.command.Query;
import java.util.function.LongSupplier;

/**
 * When a session scrubs its chunks, and how fast.
 *
 * @param lightMillis after which a chunk's checksums and versions are compared again; 0 for only
 *     when somebody asks.
 * @param deepMillis after which its data is; 0 for only when somebody asks.
 * @param firstMillis how old the session is before it scrubs a chunk that nobody has scrubbed yet,
 *     unless the interval is shorter.
 * @param clockMillis the wall's clock: what is recorded outlives the process.
 * @param pace shared by all volumes of the gateway.
 */
public record ScrubSettings(
    long lightMillis, long deepMillis, long firstMillis, LongSupplier clockMillis, ScrubPace pace) {
  private static final long RATE_DEFAULT_BYTES = 32L << 20;
  private static final long FIRST_MILLIS = 3_600_000L;

  /** Clocks of gateways differ by less: what was scrubbed later than that was never scrubbed. */
  static final long AHEAD_MAX_MILLIS = 600_000L;

  /** A session that came for the scrub takes what is due within so much of the interval as well. */
  private static final int AHEAD_PART = 8;

  /** The usual ones: what was never scrubbed waits for an hour. */
  public ScrubSettings(
      long lightMillis, long deepMillis, LongSupplier clockMillis, ScrubPace pace) {
    this(lightMillis, deepMillis, FIRST_MILLIS, clockMillis, pace);
  }

  /** Scrubs only when somebody asks. */
  public static ScrubSettings onRequest() {
    return new ScrubSettings(0, 0, WallClock::millis, new ScrubPace(RATE_DEFAULT_BYTES));
  }

  /**
   * The same for a session that has come as the volume's scrub is due: what was never scrubbed is
   * as well, and what is almost due need not have another session soon.
   */
  public ScrubSettings nowDue() {
    return new ScrubSettings(
        lightMillis - lightMillis / AHEAD_PART,
        deepMillis - deepMillis / AHEAD_PART,
        0,
        clockMillis,
        pace);
  }

  /** Which volumes that nobody has attached are due now; null when none ever is. */
  public Query.ScrubWanted wanted() {
    if (lightMillis == 0 && deepMillis == 0) {
      return null;
    }
    long shortest =
        lightMillis == 0 || deepMillis == 0
            ? lightMillis + deepMillis
            : Math.min(lightMillis, deepMillis);
    return new Query.ScrubWanted(
        before(lightMillis),
        before(deepMillis),
        Math.min(firstMillis, shortest),
        clockMillis.getAsLong() + AHEAD_MAX_MILLIS);
  }

  private long before(long intervalMillis) {
    return intervalMillis == 0 ? 0 : clockMillis.getAsLong() - intervalMillis;
  }
}
