package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Writers in front of a tier that is slower than they, on a clock of their own. */
class WritePaceTest {
  private static final long MIB = 1 << 20;
  private static final int RECORD_BYTES = 4160;
  private static final long TICK_NANOS = 1_000_000;

  private final WritePace pace = WritePace.ofRing(16, 16 * MIB);
  private long nowNanos;
  private long fillBytes;
  private double destagedBytes;

  /** Records appended in each second, by writers that always want to. */
  private int[] seconds(int count, double drainBytesPerSecond, int recordsPerTickMax) {
    int[] appended = new int[count];
    pace.begin(nowNanos, (long) destagedBytes);
    for (int second = 0; second < count; second++) {
      for (int tick = 0; tick < 1_000; tick++) {
        nowNanos += TICK_NANOS;
        double drained = Math.min(fillBytes, drainBytesPerSecond / 1_000);
        destagedBytes += drained;
        fillBytes -= (long) drained;
        for (int i = 0; i < recordsPerTickMax; i++) {
          if (pace.isPaced(fillBytes)) {
            pace.sample(nowNanos, (long) destagedBytes);
            if (!pace.admits(fillBytes, nowNanos)) {
              break;
            }
          }
          pace.appended(RECORD_BYTES);
          fillBytes += RECORD_BYTES;
          appended[second]++;
        }
        assertTrue(fillBytes <= 15 * 16 * MIB, "the journal is full");
      }
    }
    return appended;
  }

  @Test
  void belowTheWatermarkNobodyIsDelayed() {
    assertFalse(pace.isPaced(11 * 16 * MIB));
    assertTrue(pace.isPaced(11 * 16 * MIB + 1));
  }

  @Test
  void writersThatDoNotEndComeToRestAtTheRateOfTheTierAndNeverStop() {
    double drain = 200 * RECORD_BYTES;
    int[] appended = seconds(120, drain, 20);
    for (int second = 0; second < appended.length; second++) {
      assertTrue(appended[second] > 50, "second " + second + ": " + appended[second]);
    }
    int last = 0;
    for (int second = 90; second < 120; second++) {
      last += appended[second];
    }
    assertEquals(200, last / 30.0, 60);
  }

  @Test
  void aTierThatKeepsUpDelaysNobody() {
    int[] appended = seconds(20, 200e6, 20);
    for (int each : appended) {
      assertEquals(20_000, each);
    }
  }

  @Test
  void aTierThatDoesNothingAtAllLetsWritersUseWhatRoomThereIs() {
    fillBytes = 12 * 16 * MIB;
    for (int each : seconds(60, 0, 20)) {
      assertTrue(each > 0);
    }
  }

  @Test
  void theRateFallsWithTheFill() {
    double before = Double.MAX_VALUE;
    for (long fill = 11 * 16 * MIB + 1; fill < 15 * 16 * MIB; fill += MIB) {
      double rate = pace.rate(fill);
      assertTrue(rate <= before, "at " + fill);
      before = rate;
    }
  }
}
