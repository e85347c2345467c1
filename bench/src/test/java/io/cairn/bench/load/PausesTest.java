package io.cairn.bench.load;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PausesTest {
  @TempDir private Path directory;

  @Test
  void collectionsAndStopsCountFromTheGivenTimeOn() throws IOException {
    Path log = Pauses.log(directory, 4711);
    Files.write(
        log,
        List.of(
            "[1000ms] Using Serial",
            "[1500ms] GC(0) Pause Full (Metadata GC Threshold) 9M->5M(30M) 20.000ms",
            "[2000ms] GC(1) Pause Young (Allocation Failure) 9M->1M(30M) 1.250ms",
            "[2000ms] Safepoint \"GenCollectForAllocation\", Time since last: 93 ns, Reaching"
                + " safepoint: 9 ns, At safepoint: 8 ns, Leaving safepoint: 5 ns, Total: 1500000"
                + " ns, Threads: 0 runnable, 14 total",
            "[2500ms] GC(2) Pause Young (Allocation Failure) 9M->1M(30M) 0.750ms",
            "[2600ms] Safepoint \"Cleanup\", Time since last: 93 ns, Total: 250000 ns"));
    assertEquals(new Pauses(2, 1.25, 2.0, 2, 1.5, 1.75), Pauses.read(log, 2000));
  }

  @Test
  void concurrentCollectionsCountByTheirShortPausesAndByWhoWaitedForMemory() throws IOException {
    Path log = Pauses.log(directory, 4711);
    Files.write(
        log,
        List.of(
            "[2000ms] GC(3) Minor Collection (Allocation Rate)",
            "[2001ms] GC(3) y: Pause Mark Start 0.25ms",
            "[2040ms] GC(3) y: Concurrent Mark 45.344ms",
            "[2041ms] GC(3) Y: Pause Mark End 0.5ms",
            "[2042ms] GC(3) O: Pause Relocate Start 0.25ms",
            "[2050ms] Allocation Stall (shard-0) 2.000ms",
            "[2056ms] GC(3) y: Young Generation 64M(100%)->36M(56%) 0.056s",
            "[2056ms] GC(3) Minor Collection (Allocation Rate) 64M(100%)->36M(56%) 0.056s"));
    assertEquals(new Pauses(4, 2.0, 3.0, 0, 0, 0), Pauses.read(log, 2000));
  }
}
