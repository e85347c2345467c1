package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.CatchUpPace.Share;
import org.junit.jupiter.api.Test;

class CatchUpPaceTest {
  private final CatchUpPace pace = new CatchUpPace(2);
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
    pace.leave(first);
    assertTrue(begins(second, 3));
  }
}
