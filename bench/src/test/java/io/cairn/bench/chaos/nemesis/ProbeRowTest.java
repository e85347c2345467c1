package io.cairn.bench.chaos.nemesis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ProbeRowTest {
  private final ProbeRow row = new ProbeRow(3);

  private void fail(int times, boolean stopped) {
    for (int i = 0; i < times; i++) {
      row.add(false, stopped);
    }
  }

  @Test
  void aRowOfFailuresOfAnAwakeProcessIsAFinding() {
    fail(2, false);
    assertFalse(row.hasFailed());
    fail(1, false);
    assertTrue(row.hasFailed());
    assertTrue(row.hasFailedAwake());
  }

  @Test
  void aSuccessEndsTheRowAndTheLongestIsRemembered() {
    fail(2, false);
    row.add(true, false);
    fail(1, false);
    assertFalse(row.hasFailed());
    assertEquals(2, row.longestAwake());
  }

  @Test
  void aStoppedProcessIsRestartedAndNoFinding() {
    fail(3, true);
    assertTrue(row.hasFailed());
    assertFalse(row.hasFailedAwake());
    assertEquals(0, row.longestAwake());
  }

  @Test
  void aStopInTheMiddleExcusesWhatWasBeforeButNotWhatFollows() {
    fail(2, false);
    fail(1, true);
    assertTrue(row.hasFailed());
    assertFalse(row.hasFailedAwake());
    fail(3, false);
    assertTrue(row.hasFailedAwake());
  }

  @Test
  void anotherLifeBeginsAnew() {
    fail(2, false);
    row.restart();
    fail(2, false);
    assertFalse(row.hasFailed());
  }
}
