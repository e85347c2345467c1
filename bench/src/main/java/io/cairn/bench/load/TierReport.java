package io.cairn.bench.load;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** What was measured on the tiers, and how it stands to what the project asks of them. */
final class TierReport {
  static final String FAST = "fast";
  static final String SLOW = "slow";

  private final List<Line> lines = new ArrayList<>();
  private final List<Goal> goals = new ArrayList<>();

  /**
   * A load on one of the clusters.
   *
   * @param requestBytes of each request.
   * @param tierShare bytes written to the capacity tiers per byte that the client wrote and
   *     replica; 0 for reads.
   * @param hitShare of the tier's blocks that came from the read cache; 0 when none came from
   *     there.
   */
  record Line(
      String load,
      String tier,
      int requestBytes,
      TierLoad.Seen seen,
      double tierShare,
      double hitShare) {
    double iops() {
      return seen.iops();
    }

    /** A row of the table. */
    String text() {
      return String.format(
          Locale.ROOT,
          "%-34s %-5s %8.0f %8.1f %8.0f %8d %8.2f %8.2f %9.2f %8.3f %6.3f",
          load,
          tier,
          iops(),
          iops() * requestBytes / (1 << 20),
          seen.iopsAtTheEnd(),
          seen.leastPerSecond(),
          millis(seen, 50),
          millis(seen, 99),
          millis(seen, 99.9),
          tierShare,
          hitShare);
    }
  }

  /**
   * What is asked of the tier.
   *
   * @param asked the bound, in words.
   * @param found what it is compared with.
   */
  record Goal(String name, String asked, double found, boolean kept) {}

  void add(Line line) {
    lines.add(line);
  }

  List<Line> lines() {
    return List.copyOf(lines);
  }

  void atLeast(String name, double bound, double found) {
    goals.add(new Goal(name, "at least " + number(bound), found, found >= bound));
  }

  void atMost(String name, double bound, double found) {
    goals.add(new Goal(name, "at most " + number(bound), found, found <= bound));
  }

  /** The medians' ratio of a load on the slow tier to the same on the fast one; NaN without. */
  double ratio(String load, ToDoubleFunction<Line> figure) {
    return median(load, SLOW, figure) / median(load, FAST, figure);
  }

  /** Of the measurements of a load on a tier; NaN when there are none. */
  double median(String load, String tier, ToDoubleFunction<Line> figure) {
    double[] all =
        lines.stream()
            .filter(line -> line.load().equals(load) && line.tier().equals(tier))
            .mapToDouble(figure)
            .sorted()
            .toArray();
    int half = all.length / 2;
    if (all.length == 0) {
      return Double.NaN;
    }
    return all.length % 2 == 1 ? all[half] : (all[half - 1] + all[half]) / 2;
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }

  /** For people. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%-34s %-5s %8s %8s %8s %8s %8s %8s %9s %8s %6s%n",
            "load",
            "tier",
            "IOPS",
            "MiB/s",
            "at end",
            "least/s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "to tier",
            "hits"));
    for (Line line : lines) {
      text.append(line.text()).append(System.lineSeparator());
    }
    text.append(
        "at end: in the last third; least/s: in the second with the fewest; to tier: bytes written"
            + " there per byte written to a node; hits: of the blocks that were in the tier and not"
            + " in the page cache");
    text.append(System.lineSeparator());
    for (Goal goal : goals) {
      text.append(
          String.format(
              Locale.ROOT,
              "%n%-8s %-62s %-16s %.3f",
              goal.kept() ? "kept" : "missed",
              goal.name(),
              goal.asked(),
              goal.found()));
    }
    return text.toString();
  }

  private static double millis(TierLoad.Seen seen, double percentile) {
    return seen.latencies().getValueAtPercentile(percentile) / 1e6;
  }

  /** For programs: fields {@code tier} and {@code goals}. */
  void json(ObjectMapper mapper, ObjectNode root) {
    ArrayNode all = root.putArray("tier");
    for (Line line : lines) {
      ObjectNode node = all.addObject();
      TierLoad.Seen seen = line.seen();
      node.put("load", line.load());
      node.put("tier", line.tier());
      node.put("requestBytes", line.requestBytes());
      node.put("ios", seen.ios());
      node.put("iops", seen.iops());
      node.put("iopsAtTheEnd", seen.iopsAtTheEnd());
      node.put("p50Millis", millis(seen, 50));
      node.put("p99Millis", millis(seen, 99));
      node.put("p999Millis", millis(seen, 99.9));
      node.put("tierBytesPerWrittenByte", line.tierShare());
      node.put("readCacheHits", line.hitShare());
      ArrayNode perSecond = node.putArray("perSecond");
      for (long ended : seen.perSecond()) {
        perSecond.add(ended);
      }
    }
    root.set("goals", mapper.valueToTree(goals));
  }
}
