package io.cairn.bench.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Seeds that once found a bug. What a seed does changes with the simulator, so that each bug has
 * its mutant or its own test as well.
 *
 * <ul>
 *   <li>a demotion whose answer was lost; the replica stayed out: 16, 31, 172, 260
 *   <li>bits that flipped on the wire made the only readable replica count as rotten: 6, 107, 2622
 *   <li>an allocation whose answer was lost: its owner took the chunk for empty while the next one
 *       wrote to it: 3305, 3927, 5905
 *   <li>a catch-up that went on in a volume that had been deleted: 1984, 3155
 *   <li>two blocks of one read, each bad on another replica, were an error: 5905
 *   <li>take-overs of the simulator that went on after the healing: 100, 418, 533, 765
 *   <li>a simulator that took for durable what a restarted store had not synced yet: 3004667
 *   <li>an owner that missed the answer to a promotion read without asking the promoted: 6001276
 *   <li>a session that ended in its last tick and wanted another at once, for ever: 6000882
 *   <li>a replica that was taken off the record and came back counted with a tail that was not
 *       durable: 9101990
 *   <li>a chunk with one in-sync replica alive and the other dead for good never opened again:
 *       9002801, 9003466, 10100577
 *   <li>a simulator that let the only one die for good that held everything, of three in sync:
 *       50001173
 *   <li>a move that was applied after it had been sent again and refused: its owner never heard of
 *       it: 61040531
 * </ul>
 */
class SimRegressionTest {
  @ParameterizedTest
  @ValueSource(
      longs = {
        6,
        16,
        31,
        100,
        107,
        172,
        260,
        418,
        533,
        765,
        1984,
        2622,
        3155,
        3305,
        3927,
        5905,
        3_004_667,
        6_000_882,
        6_001_276,
        9_002_801,
        9_003_466,
        9_101_990,
        10_100_577,
        50_001_173,
        61_040_531,
        104_100_907,
        130_008_790
      })
  void seedsThatOnceFoundABug(long seed) {
    assertTrue(new SimRun(seed, false).run().events() > 0);
  }

  @Test
  void oneSeedIsOneHistory() {
    SimRun.Result first = new SimRun(7, false).run();
    SimRun.Result second = new SimRun(7, false).run();
    assertEquals(first, second);
  }
}
