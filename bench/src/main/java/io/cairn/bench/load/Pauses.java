package io.cairn.bench.load;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * For how long a JVM stood still, from its own log: collections of garbage, and all stops together,
 * from the request to stop until all threads run again.
 *
 * @param collections number of pauses for garbage, and of threads that waited for free memory.
 * @param collectionsMillis sum of these.
 * @param stops number of all stops.
 * @param totalMillis sum of all stops.
 */
record Pauses(
    int collections,
    double longestCollectionMillis,
    double collectionsMillis,
    int stops,
    double longestMillis,
    double totalMillis) {
  private static final String FILE = "pauses-%p.log";

  /**
   * Such as "[1763731234567ms] GC(3) Pause Young (Allocation Failure) 9M->1M(30M) 1.234ms", "…
   * GC(3) y: Pause Mark Start (Major) 0.012ms", and "… Allocation Stall (shard-0) 1.234ms".
   */
  private static final Pattern COLLECTION =
      Pattern.compile(
          "\\[(\\d+)ms] (?:GC\\(\\d+\\) (?:[yYO]: )?Pause|Allocation Stall) .* ([0-9.]+)ms");

  /** Such as "[1763731234567ms] Safepoint "X", Time since last: 1 ns, …, Total: 4711 ns". */
  private static final Pattern STOP =
      Pattern.compile("\\[(\\d+)ms] Safepoint .*Total: +(\\d+) ns.*");

  /** The value of {@code -Xlog} that writes what is read here. */
  static String option(Path directory) {
    return "gc,gc+phases,safepoint:file=" + directory.resolve(FILE) + ":timemillis";
  }

  /** Where the JVM with that number has written it. */
  static Path log(Path directory, long pid) {
    return directory.resolve(FILE.replace("%p", Long.toString(pid)));
  }

  /**
   * Reads what a JVM has written since a time.
   *
   * @param fromMillis since the epoch.
   */
  static Pauses read(Path log, long fromMillis) {
    int collections = 0;
    double longestCollection = 0;
    double allCollections = 0;
    int stops = 0;
    double longest = 0;
    double total = 0;
    try {
      for (String line : Files.readAllLines(log, StandardCharsets.UTF_8)) {
        Matcher collection = COLLECTION.matcher(line);
        Matcher stop = STOP.matcher(line);
        if (collection.matches() && Long.parseLong(collection.group(1)) >= fromMillis) {
          double millis = Double.parseDouble(collection.group(2));
          collections++;
          allCollections += millis;
          longestCollection = Math.max(longestCollection, millis);
        } else if (stop.matches() && Long.parseLong(stop.group(1)) >= fromMillis) {
          double millis = Long.parseLong(stop.group(2)) / 1e6;
          stops++;
          total += millis;
          longest = Math.max(longest, millis);
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("the log of a JVM's pauses cannot be read", e);
    }
    return new Pauses(collections, longestCollection, allCollections, stops, longest, total);
  }
}
