package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.wire.Status;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CatchUpLogTest {
  private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1);
  private long nowNanos = 5_000_000_000L;
  private final CatchUpLog log = new CatchUpLog(timer, () -> nowNanos);

  @AfterEach
  void stop() {
    timer.shutdownNow();
  }

  @BeforeEach
  void forgetWhatIsCancelled() {
    timer.setRemoveOnCancelPolicy(true);
  }

  @Test
  void theSumSaysWhatWasCopiedOfWhatThereIs() {
    log.onBegun(1, 0, 0, 2);
    log.onBegun(1, 0, 1, 2);
    nowNanos += 40_000_000;
    log.onEnded(1, 0, 0, 2, Status.OK, 128, 16384);
    log.onEnded(1, 0, 1, 2, Status.SOURCE_FAILED, 16, 16384);
    log.onBegun(1, 0, 1, 3);
    nowNanos += 60_000_000;
    log.onEnded(1, 0, 1, 3, Status.OK, 112, 16384);
    assertEquals(
        "catch-up: 2 chunks in 100 ms, copied 256 of 32768 blocks (1MiB of 128MiB),"
            + " 1 attempts failed",
        log.summary());
    assertEquals(1, timer.getQueue().size(), "the sum is written once it stays quiet");
  }

  @Test
  void failuresAreReportedAFewTimesAMinute() {
    for (int minute = 0; minute < 2; minute++) {
      for (int i = 0; i < CatchUpLog.REPORTS_MAX; i++) {
        assertTrue(log.mayReport());
      }
      assertFalse(log.mayReport());
      nowNanos += 60_000_000_000L;
    }
  }
}
