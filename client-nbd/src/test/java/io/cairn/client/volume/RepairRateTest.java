package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The rate beside a model of clients that wait the longer the more is copied. */
class RepairRateTest {
  private static final long SECOND = 1_000_000_000L;
  private static final long MIB = 1 << 20;

  private final RepairRate rate = new RepairRate(2, 16 * MIB);
  private final Random random = new Random(7);
  private final LatencyWindow waited = new LatencyWindow();
  private long now;

  /**
   * Clients wait baseNanos at the median, and more by what is copied over what there is room for.
   */
  private void second(double baseNanos, double roomBytes, int requests, boolean copying) {
    second(baseNanos, roomBytes, requests, copying, !copying);
  }

  private void second(
      double baseNanos, double roomBytes, int requests, boolean copying, boolean whole) {
    double used = copying ? Math.min(0.95, rate.bytesPerSecond() / roomBytes) : 0;
    double median = baseNanos / (1 - used);
    for (int i = 0; i < requests; i++) {
      now += SECOND / requests;
      rate.mending(copying, whole, now);
      // At the 99th percentile some 3.2 times the median.
      long tookNanos = (long) (median * Math.exp(random.nextGaussian() / 2));
      waited.record(tookNanos);
      rate.requestEnded(tookNanos, now);
    }
    if (requests == 0) {
      now += SECOND;
      rate.mending(copying, whole, now);
    }
  }

  private double meanRate(int seconds, double baseNanos, double roomBytes) {
    double sum = 0;
    for (int i = 0; i < seconds; i++) {
      second(baseNanos, roomBytes, 2000, true);
      sum += rate.bytesPerSecond();
    }
    return sum / seconds;
  }

  @Test
  void clientsWaitTwiceAsLongAtMostAndTheRestIsCopied() {
    for (int i = 0; i < 20; i++) {
      second(1e6, 400 * MIB, 2000, false);
    }
    settlesAtTwiceAsLong();
  }

  /** Beside clients of 1 ms and room for 400 MiB/s; the figures are an eighth too long at most. */
  private void settlesAtTwiceAsLong() {
    assertEquals(3.2e6, rate.beforeNanos(), 0.6e6);
    meanRate(30, 1e6, 400 * MIB);
    // Twice as long is where half of the room is used.
    waited.clear();
    double mean = meanRate(60, 1e6, 400 * MIB);
    assertTrue(waited.percentile(0.99) < 2.13 * 3.2e6, waited.percentile(0.99) + " ns");
    assertTrue(mean > 100 * MIB && mean < 215 * MIB, mean / MIB + " MiB/s");
  }

  @Test
  void nothingIsTakenAwayFromTheLeastRate() {
    for (int i = 0; i < 10; i++) {
      second(1e6, 20 * MIB, 2000, false);
    }
    assertEquals(16 * MIB, meanRate(8, 1e6, 20 * MIB), 3 * MIB);
  }

  @Test
  void whereNobodyAsksForAnythingItGrows() {
    for (int i = 0; i < 200; i++) {
      second(1e6, 400 * MIB, 0, true);
    }
    assertEquals(RepairRate.RATE_MAX, rate.bytesPerSecond());
  }

  @Test
  void whatSlowsClientsDownWithoutTheCopyingIsNotBlamedOnIt() {
    for (int i = 0; i < 10; i++) {
      second(1e6, 1000 * MIB, 2000, false);
    }
    // Another load, four times as slow: the rate falls to its least, and comes back.
    for (int i = 0; i < 40; i++) {
      second(4e6, 1000 * MIB, 2000, true);
    }
    assertTrue(meanRate(40, 4e6, 1000 * MIB) > 200 * MIB, rate.bytesPerSecond() / MIB + " MiB/s");
  }

  @Test
  void oneThatWasNeverIdleLearnsInAPause() {
    for (int i = 0; i < 60; i++) {
      second(1e6, 400 * MIB, 2000, true);
    }
    assertTrue(rate.beforeNanos() > 2.5e6 && rate.beforeNanos() < 4.5e6);
    assertTrue(rate.bytesPerSecond() > 60 * MIB);
  }

  @Test
  void eachRepairBeginsAtTheLeastRate() {
    for (int i = 0; i < 20; i++) {
      second(1e6, 400 * MIB, 2000, false);
    }
    meanRate(30, 1e6, 400 * MIB);
    assertTrue(rate.bytesPerSecond() > 60 * MIB);
    second(1e6, 400 * MIB, 2000, false);
    second(1e6, 400 * MIB, 2000, false);
    assertEquals(16 * MIB, rate.bytesPerSecond());
  }

  @Test
  void aQuietSecondInAPauseDoesNotLowerTheGoal() {
    for (int i = 0; i < 60; i++) {
      unsteady(i, false);
    }
    long before = rate.beforeNanos();
    for (int i = 0; i < 60; i++) {
      second(1e6, 18 * MIB, 2000, true);
      assertTrue(rate.beforeNanos() >= before, rate.beforeNanos() + " ns, " + before + " before");
    }
    meanRate(40, 1e6, 400 * MIB);
    double mean = meanRate(20, 1e6, 400 * MIB);
    assertTrue(mean > 100 * MIB, "after 40 s only " + mean / MIB + " MiB/s");
  }

  @Test
  void aBadSecondInOnePauseDoesNotRaiseTheGoal() {
    for (int i = 0; i < 60; i++) {
      second(1e6, 400 * MIB, 2000, false);
    }
    boolean seen = false;
    for (int i = 0; i < 100; i++) {
      boolean pause = rate.bytesPerSecond() == 0;
      second(pause && !seen ? 200e6 : 1e6, 18 * MIB, 2000, true);
      seen |= pause && rate.bytesPerSecond() > 0;
    }
    assertTrue(seen, "there was no pause");
    assertEquals(3.2e6, rate.beforeNanos(), 0.6e6);
  }

  @Test
  void secondsInWhichADeadNodeWasWaitedForAreNotWhatIsUsual() {
    for (int i = 0; i < 30; i++) {
      second(1e6, 400 * MIB, 2000, false);
    }
    second(800e6, 400 * MIB, 2000, false);
    for (int i = 0; i < 8; i++) {
      second(4e6, 400 * MIB, 2000, false, false);
    }
    settlesAtTwiceAsLong();
  }

  /** Every fourth second is three times as slow, whether or not anything is copied. */
  private void unsteady(int number, boolean copying) {
    second(number % 4 == 0 ? 3e6 : 1e6, 400 * MIB, 2000, copying);
  }

  @Test
  void secondsThatWereAlwaysSlowerAreNotBlamedOnTheCopying() {
    for (int i = 0; i < 60; i++) {
      unsteady(i, false);
    }
    long before = waited.percentile(0.99);
    waited.clear();
    double sum = 0;
    for (int i = 0; i < 120; i++) {
      unsteady(i, true);
      sum += rate.bytesPerSecond();
    }
    assertTrue(sum / 120 > 100 * MIB, sum / 120 / MIB + " MiB/s");
    double factor = (double) waited.percentile(0.99) / before;
    assertTrue(factor < 2.13, factor + " times as long, and the figures are an eighth too long");
  }

  @Test
  void aFactorOfZeroBoundsNothing() {
    RepairRate none = RepairRate.unbounded();
    none.mending(true, false, 0);
    none.requestEnded(SECOND, SECOND);
    assertEquals(Double.POSITIVE_INFINITY, none.bytesPerSecond());
  }

  @Test
  void percentilesAreAtMostAnEighthTooLong() {
    LatencyWindow window = new LatencyWindow();
    assertEquals(0, window.percentile(0.99));
    for (int i = 1; i <= 1000; i++) {
      window.record(i * 1000L);
    }
    long p99 = window.percentile(0.99);
    assertTrue(p99 >= 990_000 && p99 <= 990_000 * 1.13, p99 + " ns");
    window.clear();
    window.record(0);
    assertTrue(window.percentile(0.99) <= 2);
  }
}
