package io.cairn.bench.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Seeds that once found a bug, each with what it found. */
class SimRegressionTest {
  /** A demotion whose answer was lost: the owner never learnt of it, and the replica stayed out. */
  @ParameterizedTest
  @ValueSource(longs = {16, 31, 172, 260})
  void anUnansweredDemotionIsFoundOutAndMended(long seed) {
    assertTrue(new SimRun(seed, Mutations.NONE, false).run().requests() > 0);
  }

  /** A bit that flipped on the wire made the only readable replica count as rotten. */
  @ParameterizedTest
  @ValueSource(longs = {6, 107})
  void oneCorruptAnswerDoesNotCondemnAReplica(long seed) {
    assertTrue(new SimRun(seed, Mutations.NONE, false).run().requests() > 0);
  }

  /** Faults of the simulator itself: a take-over or a release went on after the healing began. */
  @ParameterizedTest
  @ValueSource(longs = {100, 418, 533, 765})
  void nothingIsDisturbedOnAHealedCluster(long seed) {
    assertTrue(new SimRun(seed, Mutations.NONE, false).run().requests() > 0);
  }

  @Test
  void oneSeedIsOneHistory() {
    SimRun.Result first = new SimRun(7, Mutations.NONE, false).run();
    SimRun.Result second = new SimRun(7, Mutations.NONE, false).run();
    assertEquals(first, second);
  }
}
