package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.CatchUpPace.Share;
import io.cairn.storage.wire.CopyPace;
import org.junit.jupiter.api.Test;

class CatchUpPaceTest {
  private final RepairRate rate = new RepairRate(2, 16 << 20);
  private final CatchUpPace pace = new CatchUpPace(2, rate);
  private final Share first = pace.join();
  private final Share second = pace.join();

  private boolean begins(Share share, int inSync) {
    boolean may = pace.mayBegin(share, inSync);
    share.running += may ? 1 : 0;
    return may;
  }

  @Test
  void soManyBeginOverAllVolumes() {
    assertTrue(begins(first, 2));
    assertTrue(begins(second, 2));
    assertFalse(begins(first, 2));
    assertFalse(begins(second, 2));
    first.running--;
    assertTrue(begins(second, 2));
  }

  @Test
  void whoeverIsLessEndangeredLetsTheOtherGoFirst() {
    assertTrue(begins(first, 2));
    assertTrue(begins(first, 2));
    assertFalse(begins(second, 1));
    first.running--;
    assertFalse(begins(first, 2), "a chunk with one replica in sync waits");
    assertTrue(begins(second, 1));
    first.running--;
    assertTrue(begins(first, 2));
  }

  @Test
  void whatNoLongerWaitsHoldsNobodyBack() {
    assertTrue(begins(first, 2));
    assertTrue(begins(first, 2));
    assertFalse(begins(second, 1));
    first.running--;
    pace.waitsForNothing(second);
    assertTrue(begins(first, 2));
  }

  @Test
  void aSessionThatEndsGivesItsShareBack() {
    assertTrue(begins(first, 1));
    assertTrue(begins(first, 1));
    assertFalse(begins(second, 3));
    pace.leave(first, 0);
    assertTrue(begins(second, 3));
  }

  @Test
  void theRateIsSharedByWhatCatchesUp() {
    assertEquals(16 << 20, CopyPace.rate(pace.ofOneChunk()), 1);
    pace.runs(first, 1, false, 0);
    pace.runs(second, 3, false, 0);
    assertEquals(4 << 20, CopyPace.rate(pace.ofOneChunk()), 1);
    CatchUpPace unbounded = new CatchUpPace(2, RepairRate.unbounded());
    assertEquals(CopyPace.UNBOUNDED, unbounded.ofOneChunk());
  }
}
