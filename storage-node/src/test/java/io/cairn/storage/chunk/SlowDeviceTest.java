package io.cairn.storage.chunk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SlowDeviceTest {
  private static final long MILLI = 1_000_000;

  @Test
  void eachRequestTakesASeekAndItsBytesAndWaitsForThoseBefore() {
    SlowDevice device = new SlowDevice(200, 100_000_000);
    assertEquals(6 * MILLI, device.doneNanos(0, true, 100_000));
    assertEquals(16 * MILLI, device.doneNanos(0, false, 1_000_000));
    assertEquals(105 * MILLI, device.doneNanos(100 * MILLI, true, 0));
  }
}
