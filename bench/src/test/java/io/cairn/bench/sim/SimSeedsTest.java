package io.cairn.bench.sim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A hundred whole clusters with faults. Another hundred: -Dcairn.sim.base=N. A failure says which
 * invariant, the last events, and the command that replays the seed.
 */
class SimSeedsTest {
  private static final long BASE = Long.getLong("cairn.sim.base", 20_000);
  private static final int SEEDS = 100;

  @Test
  void aHundredSeedsAreClean() {
    List<String> failures = new ArrayList<>();
    for (long seed = BASE; seed < BASE + SEEDS; seed++) {
      try {
        assertTrue(new SimRun(seed, false).run().events() > 0);
      } catch (SimFailure e) {
        failures.add(e.getMessage());
      }
    }
    assertTrue(failures.isEmpty(), () -> String.join("\n", failures));
  }
}
