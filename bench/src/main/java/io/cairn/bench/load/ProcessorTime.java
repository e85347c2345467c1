package io.cairn.bench.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;

/**
 * Time of the processor from {@code /proc}, which counts in hundredths of a second: over ten
 * seconds that is exact enough, over one it is not.
 */
final class ProcessorTime {
  private static final long TICK_NANOS = 10_000_000;
  private static final int USER_FIELD = 11;
  private static final int SYSTEM_FIELD = 12;

  private ProcessorTime() {}

  /** What these processes have used so far, in nanoseconds; those that are gone count nothing. */
  static long ofNanos(Collection<ProcessHandle> processes) {
    long ticks = 0;
    for (ProcessHandle process : processes) {
      try {
        String stat = Files.readString(Path.of("/proc", Long.toString(process.pid()), "stat"));
        // The program's name, in brackets, may hold blanks.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        ticks += Long.parseLong(fields[USER_FIELD]) + Long.parseLong(fields[SYSTEM_FIELD]);
      } catch (IOException e) {
        continue;
      }
    }
    return ticks * TICK_NANOS;
  }

  /** What the whole machine has been busy with so far, and what its hypervisor took, in ns. */
  static long machineNanos() {
    try (var lines = Files.lines(Path.of("/proc/stat"))) {
      String[] fields = lines.findFirst().orElseThrow().split(" +");
      // user, nice, system, (idle, iowait,) irq, softirq, steal; guests are in user already.
      long ticks = 0;
      for (int field : new int[] {1, 2, 3, 6, 7, 8}) {
        ticks += Long.parseLong(fields[field]);
      }
      return ticks * TICK_NANOS;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
