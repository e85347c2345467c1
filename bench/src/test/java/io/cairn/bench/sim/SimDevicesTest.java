package io.cairn.bench.sim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Seeds with devices that hang and are replaced, beside all other faults. */
class SimDevicesTest {
  /**
   * The first two allocated chunks on a shard that had begun anew and took them for lost: nobody
   * could ever open them. In the next three what was given up was to begin anew on such a shard; in
   * the next two another replica left the set while the device went that had the last whole copy.
   * In one an owner told of an unreadable block that a replica had which it did not know to be in
   * sync; in another one that had just caught up was not seen when all in sync were lost. The
   * others are a sample.
   */
  @ParameterizedTest
  @ValueSource(
      longs = {
        21_002_153,
        21_002_508,
        31_000_244,
        51_000_440,
        51_000_768,
        51_000_066,
        52_001_010,
        73_002_054,
        73_002_186,
        130_001_534,
        130_001_621,
        21_001_003,
        21_001_006,
        21_001_007
      })
  void devicesAreReplacedAndNothingIsLost(long seed) {
    assertTrue(new SimRun(seed, false, SimRun.Stores.EITHER, true).run().events() > 0);
  }
}
