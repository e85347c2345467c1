package io.cairn.bench.load;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What one process holds and does while nobody asks it for anything, and how long it stood still.
 *
 * @param process its name, such as storage-1.
 * @param ownBytes resident memory that is nobody else's: buffers, code, stacks, and the heap unless
 *     it is ZGC's.
 * @param fileBytes resident pages of mapped files, libraries and classes for the most part.
 * @param sharedBytes resident shared memory: the journals' bytes, and ZGC's heap.
 * @param idleShare processor time as a share of one core while idle.
 * @param pauses of the JVM since the measurements began.
 */
record Footprint(
    String process,
    long ownBytes,
    long fileBytes,
    long sharedBytes,
    double idleShare,
    Pauses pauses) {

  /**
   * Looks at processes that nobody uses.
   *
   * @param logs directory of the JVMs' logs.
   * @param fromMillis since the epoch; pauses before it do not count.
   */
  static List<Footprint> of(List<Member> members, Path logs, long fromMillis, Duration idle) {
    Map<Member, ProcessHandle> processes = new LinkedHashMap<>();
    for (Member member : members) {
      Optional<ProcessHandle> process = member.process();
      process.ifPresent(handle -> processes.put(member, handle));
    }
    Map<Member, Long> before = new LinkedHashMap<>();
    long begin = System.nanoTime();
    processes.forEach((m, process) -> before.put(m, ProcessorTime.ofNanos(List.of(process))));
    Await.pass(idle);
    List<Footprint> all = new ArrayList<>();
    processes.forEach(
        (member, process) -> {
          long used = ProcessorTime.ofNanos(List.of(process)) - before.get(member);
          Map<String, Long> status = status(process);
          all.add(
              new Footprint(
                  member.name(),
                  status.getOrDefault("RssAnon", 0L),
                  status.getOrDefault("RssFile", 0L),
                  status.getOrDefault("RssShmem", 0L),
                  (double) used / (System.nanoTime() - begin),
                  Pauses.read(Pauses.log(logs, process.pid()), fromMillis)));
        });
    return all;
  }

  private static Map<String, Long> status(ProcessHandle process) {
    Map<String, Long> bytes = new LinkedHashMap<>();
    try {
      for (String line :
          Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
        String[] words = line.split("[:\\s]+");
        if (words.length == 3 && "kB".equals(words[2])) {
          bytes.put(words[0], Long.parseLong(words[1]) * 1024);
        }
      }
    } catch (IOException e) {
      return Map.of();
    }
    return bytes;
  }

  /** For people. */
  static String table(List<Footprint> footprints) {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            "%-14s %10s %10s %12s | %7s | %9s %9s %9s | %9s %9s%n",
            "process",
            "own MiB",
            "files MiB",
            "shared MiB",
            "idle",
            "GC pauses",
            "max ms",
            "total ms",
            "all: max",
            "total ms"));
    for (Footprint footprint : footprints) {
      Pauses pauses = footprint.pauses();
      text.append(
          String.format(
              Locale.ROOT,
              "%-14s %10.1f %10.1f %12.1f | %5.2f %% | %9d %9.2f %9.2f | %9.2f %9.2f%n",
              footprint.process(),
              footprint.ownBytes() / (double) (1 << 20),
              footprint.fileBytes() / (double) (1 << 20),
              footprint.sharedBytes() / (double) (1 << 20),
              footprint.idleShare() * 100,
              pauses.collections(),
              pauses.longestCollectionMillis(),
              pauses.collectionsMillis(),
              pauses.longestMillis(),
              pauses.totalMillis()));
    }
    return text.toString();
  }
}
