package io.cairn.bench.acceptance;

import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What a process holds.
 *
 * @param heapBytes used after a full collection.
 * @param anonymousBytes memory that is no file's: heap, direct and native, not the mapped journal.
 * @param threads that run.
 * @param descriptors that are open.
 */
record Footprint(long heapBytes, long anonymousBytes, long threads, long descriptors) {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String HEAP = "jvm_memory_used_bytes{area=\"heap\"";

  static Footprint of(Member member) {
    long pid = member.process().orElseThrow().pid();
    Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
    new Tool(jcmd.toString(), "the JDK").run(LIMIT, Long.toString(pid), "GC.run").ok();
    double heap =
        member
            .metrics()
            .page()
            .lines()
            .filter(line -> line.startsWith(HEAP))
            .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
            .sum();
    return new Footprint(
        (long) heap, status(pid, "RssAnon:") << 10, status(pid, "Threads:"), descriptors(pid));
  }

  private static long status(long pid, String key) {
    try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(pid), "status"))) {
      String line = lines.filter(l -> l.startsWith(key)).findFirst().orElseThrow();
      return Long.parseLong(line.replaceAll("\\D", ""));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static long descriptors(long pid) {
    try (Stream<Path> open = Files.list(Path.of("/proc", Long.toString(pid), "fd"))) {
      return open.count();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "heap %.1f MiB, anonymous %.1f MiB, %d threads, %d descriptors",
        heapBytes / 1048576.0,
        anonymousBytes / 1048576.0,
        threads,
        descriptors);
  }
}
