package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.env.Region;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SegmentPoolTest {
  private final Random random = new Random(7);

  private List<Region> regions(int count) {
    return List.copyOf(new TestDisk(new TestLoop(random), random, 64, count).regions);
  }

  /** Begins the serials from the first to the last, all of them needed from the tail on. */
  private static void begin(SegmentPool pool, long first, long last, long tail) {
    for (long serial = first; serial <= last; serial++) {
      pool.begin(serial, tail);
    }
  }

  @Test
  void aPoolThatNeverWasResizedIsLaidOutAsEver() {
    List<Region> regions = regions(5);
    SegmentPool pool = new SegmentPool(regions);
    for (long serial = 1; serial < 40; serial++) {
      Region region = pool.begin(serial, Math.max(1, serial - random.nextInt(5)));
      assertSame(regions.get((int) (serial % 5)), region);
      assertSame(region, pool.of(serial));
    }
  }

  @Test
  void whatALossOfPowerLeftBehindTheEndIsUsedForItsSerialAndNoOther() {
    List<Region> regions = regions(6);
    SegmentPool pool = new SegmentPool(regions);
    // 3 is the head; 4 was lost, 5 and 6 were not.
    long[] claims = {6, 2, 3, 1, 0, 5};
    for (int i = 0; i < claims.length; i++) {
      pool.claims(i, claims[i]);
    }
    pool.adopt(pool.claimant(3));
    assertEquals(6, pool.leftoverClaim(3));
    assertSame(regions.get(4), pool.begin(4, 3));
    assertSame(regions.get(5), pool.begin(5, 3));
    assertSame(regions.get(0), pool.begin(6, 3));
    assertEquals(SegmentPool.NONE, pool.leftoverClaim(6));
    assertSame(regions.get(1), pool.begin(7, 3));
  }

  @Test
  void twoThatClaimOneSerialAreRefused() {
    SegmentPool pool = new SegmentPool(regions(4));
    pool.claims(0, 9);
    pool.claims(3, 9);
    assertThrows(IllegalStateException.class, () -> pool.claimant(9));
  }

  @Test
  void onlyFreeRegionsAreTakenAway() {
    List<Region> regions = regions(6);
    SegmentPool pool = new SegmentPool(regions);
    begin(pool, 1, 6, 1);
    assertEquals(List.of(), pool.takeFree(4, 1));
    List<Region> taken = pool.takeFree(4, 5);
    assertEquals(2, taken.size());
    assertSame(regions.get(5), pool.of(5));
    assertSame(regions.get(0), pool.of(6));
    assertTrue(taken.stream().noneMatch(region -> region == pool.of(5) || region == pool.of(6)));
    assertEquals(4, pool.count());
  }

  @Test
  void growingAndShrinkingNeverMovesWhatIsNeeded() {
    SegmentPool pool = new SegmentPool(regions(4));
    List<Region> needed = new ArrayList<>();
    long tail = 1;
    long head = 0;
    for (int i = 0; i < 10_000; i++) {
      if (head - tail + 1 < pool.count() && random.nextInt(3) > 0) {
        head++;
        Region begun = pool.begin(head, tail);
        assertTrue(!needed.contains(begun), "a region that is needed");
        needed.add(begun);
      } else if (tail < head) {
        tail++;
        needed.removeFirst();
      }
      if (random.nextInt(20) == 0) {
        pool.add(regions(1 + random.nextInt(9)));
      } else if (random.nextInt(4) == 0) {
        int left = (int) Math.max(4, head - tail + 2);
        int before = pool.count();
        List<Region> taken = pool.takeFree(left, tail);
        assertEquals(Math.min(left, before), pool.count());
        assertTrue(taken.stream().noneMatch(needed::contains));
      }
      for (long serial = tail; serial <= head; serial++) {
        assertSame(needed.get((int) (serial - tail)), pool.of(serial));
      }
    }
  }
}
