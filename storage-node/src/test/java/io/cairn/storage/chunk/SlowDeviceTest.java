package io.cairn.storage.chunk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SlowDeviceTest {
  private static final long MILLI = 1_000_000;

  @Test
  void eachRequestTakesASeekAndItsBytesAndWaitsForThoseBefore() {
    SlowDevice device = new SlowDevice(200, 100_000_000);
    ChunkId chunk = new ChunkId(1, 0, 0);
    assertEquals(6 * MILLI, device.doneNanos(0, chunk, 10, 25, 100_000));
    assertEquals(16 * MILLI, device.doneNanos(0, chunk, 35, 250, 1_000_000));
    assertEquals(31 * MILLI, device.doneNanos(0, new ChunkId(1, 0, 1), 285, 250, 1_000_000));
    assertEquals(105 * MILLI, device.elsewhereNanos(100 * MILLI));
    assertEquals(110 * MILLI, device.doneNanos(0, new ChunkId(1, 0, 1), 535, 1, 0));
  }

  @Test
  void whatWasReadAheadIsUsedOnce() {
    AheadBlocks ahead = new AheadBlocks();
    ChunkId chunk = new ChunkId(1, 0, 0);
    ahead.add(chunk, 0, 32, 5 * MILLI);
    ahead.add(chunk, 32, 32, 7 * MILLI);
    assertFalse(ahead.isThere(chunk, 0, 40, 6 * MILLI));
    assertTrue(ahead.isThere(chunk, 0, 32, 6 * MILLI));
    assertEquals(7 * MILLI, ahead.take(chunk, 16, 32));
    assertEquals(AheadBlocks.NONE, ahead.take(chunk, 16, 32));
    assertEquals(7 * MILLI, ahead.take(chunk, 48, 16));
    assertEquals(AheadBlocks.NONE, ahead.take(new ChunkId(1, 0, 1), 48, 16));
  }

  @Test
  void whatIsWrittenIsNotThereAnyMore() {
    AheadBlocks ahead = new AheadBlocks();
    ChunkId chunk = new ChunkId(1, 0, 0);
    ahead.add(chunk, 0, 32, 0);
    ahead.forget(chunk, 8, 1);
    assertEquals(AheadBlocks.NONE, ahead.take(chunk, 0, 16));
    assertEquals(0, ahead.take(chunk, 9, 23));
  }
}
