package io.cairn.bench.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Sampled stacks, outermost frame first, with how often each was seen. The outermost is the
 * process, then comes the thread. Frames end in marks: {@code _[k]} kernel, {@code _[j]} Java;
 * native ones have none. Threads that differ in a number only are one.
 */
final class Stacks {
  /** Compiled, inlined, interpreted, from the fast compiler: one method all the same. */
  private static final Pattern JAVA = Pattern.compile("_\\[[ij01]](?=;|$)");

  /** Such as {@code [data-3 tid=4711]}. */
  private static final Pattern THREAD = Pattern.compile("^\\[([^;]*?)[-#0-9]* tid=\\d+]");

  /**
   * A library without symbols: its place, and the digits of a copy that Netty made, say nothing.
   */
  private static final Pattern LIBRARY =
      Pattern.compile("(?<=^|;)/[^;]*/([^;/]*?)\\d{10,}?(\\.so)(?: \\(deleted\\))?(?=;|$)");

  private static final Pattern PLACE =
      Pattern.compile("(?<=^|;)/[^;]*/([^;/]+?)(?: \\(deleted\\))?(?=;|$)");

  private final Map<String, Long> counts = new TreeMap<>();

  /** Reads lines like {@code outer;inner 12}. */
  static Stacks read(Path file) throws IOException {
    Stacks stacks = new Stacks();
    for (String line : Files.readAllLines(file)) {
      int blank = line.lastIndexOf(' ');
      if (blank > 0) {
        String stack = JAVA.matcher(line.substring(0, blank)).replaceAll("_[j]");
        stack = LIBRARY.matcher(stack).replaceAll("$1$2");
        stack = PLACE.matcher(stack).replaceAll("$1");
        stacks.add(
            THREAD.matcher(stack).replaceFirst("[$1]"), Long.parseLong(line.substring(blank + 1)));
      }
    }
    return stacks;
  }

  void add(String stack, long count) {
    counts.merge(stack, count, Long::sum);
  }

  /** Adds another's, each below a frame of its own. */
  void addBelow(String frame, Stacks other) {
    other.counts.forEach((stack, count) -> add(frame + ";" + stack, count));
  }

  Map<String, Long> counts() {
    return counts;
  }

  long total() {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  /** A frame and its samples. */
  record Cost(String frame, long samples) {}

  /** The frames that were innermost most often. */
  List<Cost> bySelf(int limit) {
    Map<String, Long> self = new HashMap<>();
    counts.forEach(
        (stack, count) ->
            self.merge(stack.substring(stack.lastIndexOf(';') + 1), count, Long::sum));
    return sorted(self, limit);
  }

  /** The product's own methods by all that they called; one that calls itself counts once. */
  List<Cost> ownByTotal(int limit) {
    Map<String, Long> total = new HashMap<>();
    counts.forEach(
        (stack, count) ->
            List.of(stack.split(";")).stream()
                .filter(frame -> frame.startsWith("io/cairn/"))
                .map(Stacks::plain)
                .distinct()
                .forEach(frame -> total.merge(frame, count, Long::sum)));
    return sorted(total, limit);
  }

  /** Processes with their threads: the two outermost frames. */
  List<Cost> byThread(int limit) {
    Map<String, Long> threads = new HashMap<>();
    counts.forEach(
        (stack, count) -> {
          String[] frames = stack.split(";", 3);
          threads.merge(frames[0] + " " + (frames.length > 1 ? frames[1] : ""), count, Long::sum);
        });
    return sorted(threads, limit);
  }

  private static List<Cost> sorted(Map<String, Long> costs, int limit) {
    List<Cost> list = new ArrayList<>();
    costs.forEach((frame, samples) -> list.add(new Cost(frame, samples)));
    list.sort(Comparator.comparingLong(Cost::samples).reversed().thenComparing(Cost::frame));
    return list.subList(0, Math.min(limit, list.size()));
  }

  /** Without its mark. */
  static String plain(String frame) {
    return frame.endsWith("_[j]") || frame.endsWith("_[k]")
        ? frame.substring(0, frame.length() - "_[k]".length())
        : frame;
  }

  /** Where the time is spent, in shares of all samples. */
  String text(int limit) {
    long total = Math.max(1, total());
    long kernel = 0;
    long java = 0;
    for (Map.Entry<String, Long> entry : counts.entrySet()) {
      if (entry.getKey().endsWith("_[k]")) {
        kernel += entry.getValue();
      } else if (entry.getKey().endsWith("_[j]")) {
        java += entry.getValue();
      }
    }
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%d samples: %.1f %% in the kernel, %.1f %% in Java, %.1f %% in native code%n",
            total,
            100.0 * kernel / total,
            100.0 * java / total,
            100.0 * (total - kernel - java) / total));
    text.append(String.format("%nprocesses and threads%n"));
    append(text, byThread(limit), total);
    text.append(String.format("%nself time, the %d largest%n", limit));
    append(text, bySelf(limit), total);
    text.append(String.format("%nown methods with all that they call, the %d largest%n", limit));
    append(text, ownByTotal(limit), total);
    return text.toString();
  }

  private static void append(StringBuilder text, List<Cost> costs, long total) {
    for (Cost cost : costs) {
      text.append(
          String.format(
              Locale.ROOT, "%6.2f %%  %s%n", 100.0 * cost.samples() / total, cost.frame()));
    }
  }
}
