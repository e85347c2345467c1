package io.cairn.bench.load;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** What clients waited for before a repair and during it, and how fast that was. */
final class RepairReport {
  private static final double MEBIBYTE = 1 << 20;

  private final int factor;
  private final List<Slice> slices = new ArrayList<>();
  private Served before;

  /**
   * Some seconds of the repair.
   *
   * @param endSeconds since the node was killed.
   * @param copiedBytes to replicas that are brought up.
   * @param inSync chunks of which all replicas are in sync, of so many.
   */
  record Slice(double endSeconds, Served served, double copiedBytes, int inSync, int chunks) {
    /** A row of the table. */
    String text() {
      return String.format(
          Locale.ROOT,
          "%7.1f s  p50 %8.2f ms  p99 %8.2f ms  %6.0f IOPS  %7.1f MiB copied  %d of %d in sync",
          endSeconds,
          millis(served.latencies(), 50),
          millis(served.latencies(), 99),
          served.iops(),
          copiedBytes / MEBIBYTE,
          inSync,
          chunks);
    }
  }

  /**
   * None yet.
   *
   * @param factor that p99 may rise by; 0 for any.
   */
  RepairReport(int factor) {
    this.factor = factor;
  }

  void before(Served served) {
    before = served;
  }

  void add(Slice slice) {
    slices.add(slice);
  }

  /** From the kill until all was in sync. */
  double seconds() {
    return slices.getLast().endSeconds();
  }

  double copiedBytes() {
    return slices.stream().mapToDouble(Slice::copiedBytes).sum();
  }

  /** Of all slices in which something was copied, in bytes. */
  double bytesPerSecond() {
    double seconds = 0;
    double last = 0;
    for (Slice slice : slices) {
      seconds += slice.copiedBytes() > 0 ? slice.endSeconds() - last : 0;
      last = slice.endSeconds();
    }
    return seconds == 0 ? 0 : copiedBytes() / seconds;
  }

  /**
   * All latencies from a slice on: the first has the moment in which the killed node was still
   * waited for.
   */
  private Histogram during(int fromSlice) {
    Histogram all = new Histogram(Served.LATENCY_MAX_NANOS, Served.DIGITS);
    slices.stream().skip(fromSlice).forEach(slice -> all.add(slice.served().latencies()));
    return all;
  }

  /** The 99th percentile from the kill on as a multiple of that before. */
  double ratio() {
    return millis(during(0), 99) / millis(before.latencies(), 99);
  }

  private static double millis(Histogram latencies, double percentile) {
    return latencies.getValueAtPercentile(percentile) / 1e6;
  }

  private static String line(String name, Histogram latencies) {
    return String.format(
        Locale.ROOT,
        "%-24s p50 %8.2f ms  p99 %8.2f ms  p99.9 %8.2f ms  longest %8.0f ms%n",
        name,
        millis(latencies, 50),
        millis(latencies, 99),
        millis(latencies, 99.9),
        millis(latencies, 100));
  }

  /** For people. */
  String table() {
    StringBuilder text = new StringBuilder();
    slices.forEach(slice -> text.append(slice.text()).append(System.lineSeparator()));
    text.append(line("before", before.latencies()));
    text.append(line("from the kill on", during(0)));
    if (slices.size() > 1) {
      text.append(line("without the first slice", during(1)));
    }
    text.append(
        String.format(
            Locale.ROOT,
            "all in sync after %.1f s; %.0f MiB copied, %.1f MiB/s%n",
            seconds(),
            copiedBytes() / MEBIBYTE,
            bytesPerSecond() / MEBIBYTE));
    text.append(
        String.format(
            Locale.ROOT,
            "%s p99 from the kill on to that before: %s, %.2f",
            factor == 0 || ratio() <= factor ? "kept  " : "missed",
            factor == 0 ? "no bound" : "at most " + factor,
            ratio()));
    return text.toString();
  }

  private static void put(ObjectNode node, Histogram latencies) {
    node.put("p50Millis", millis(latencies, 50));
    node.put("p99Millis", millis(latencies, 99));
    node.put("p999Millis", millis(latencies, 99.9));
    node.put("longestMillis", millis(latencies, 100));
  }

  /** For programs: field {@code repair}. */
  void json(ObjectNode root) {
    ObjectNode repair = root.putObject("repair");
    put(repair.putObject("before"), before.latencies());
    put(repair.putObject("fromTheKillOn"), during(0));
    repair.put("factor", factor);
    repair.put("ratio", ratio());
    repair.put("seconds", seconds());
    repair.put("copiedBytes", (long) copiedBytes());
    repair.put("bytesPerSecond", (long) bytesPerSecond());
    ArrayNode all = repair.putArray("slices");
    for (Slice slice : slices) {
      ObjectNode node = all.addObject();
      node.put("endSeconds", slice.endSeconds());
      node.put("iops", slice.served().iops());
      node.put("copiedBytes", (long) slice.copiedBytes());
      node.put("inSync", slice.inSync());
      put(node, slice.served().latencies());
    }
  }
}
