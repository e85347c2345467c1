package io.cairn.bench.load;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.bench.machine.Machine;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** The table and the JSON of a run. Each figure is the median of the row's samples. */
final class Report {
  /** From which share of a core that others used a row is marked. */
  static final double NOISY_SHARE = 0.10;

  private final Machine machine;
  private final List<String> arguments;
  private final Map<String, List<String>> jvmFlags;
  private final List<Target> targets;
  private final Map<String, String> skipped;
  private final List<Matrix.Result> results;
  private final List<Footprint> footprints;

  /**
   * A report.
   *
   * @param arguments of the command.
   * @param jvmFlags of each kind of the cluster's processes.
   * @param skipped peers that were not measured, with the reason.
   * @param footprints the cluster's processes after the last row.
   */
  Report(
      Machine machine,
      List<String> arguments,
      Map<String, List<String>> jvmFlags,
      List<Target> targets,
      Map<String, String> skipped,
      List<Matrix.Result> results,
      List<Footprint> footprints) {
    this.machine = machine;
    this.arguments = arguments;
    this.jvmFlags = jvmFlags;
    this.targets = targets;
    this.skipped = skipped;
    this.results = results;
    this.footprints = footprints;
  }

  /** The middle one, or the mean of the two in the middle. */
  static double median(List<Sample> samples, ToDoubleFunction<Sample> figure) {
    double[] sorted = samples.stream().mapToDouble(figure).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** For people. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append(machine.line()).append(System.lineSeparator());
    targets.stream()
        .map(target -> String.format("%s: %s%n", target.name(), target.description()))
        .distinct()
        .forEach(text::append);
    skipped.forEach(
        (name, reason) -> text.append(String.format("%s: skipped: %s%n", name, reason)));
    text.append(
        String.format(
            "%n%-16s %9s %8s | %8s %9s %9s | %18s %8s %8s | %7s | %14s %6s %6s%n",
            "",
            "IOPS",
            "MB/s",
            "µs: p50",
            "p99",
            "p99.9",
            "CPU µs/I/O: server",
            "meta",
            "client",
            "others",
            "cairn/it: IOPS",
            "p50",
            "CPU"));
    Row row = null;
    for (Matrix.Result result : results) {
      if (!result.row().equals(row)) {
        row = result.row();
        text.append(row.title()).append(System.lineSeparator());
      }
      text.append(line(result)).append(System.lineSeparator());
    }
    return text.append(System.lineSeparator()).append(Footprint.table(footprints)).toString();
  }

  private String line(Matrix.Result result) {
    List<Sample> samples = result.samples();
    double iops = median(samples, Sample::iops);
    double p50 = median(samples, s -> s.latencyMicros(50));
    double server = median(samples, Sample::serverMicrosPerIo);
    double others = median(samples, Sample::othersShare);
    boolean served = !result.target().servers(result.row()).isEmpty();
    String line =
        String.format(
            Locale.ROOT,
            "  %-14s %,9.0f %,8.1f | %,8.1f %,9.1f %,9.1f | %18s %8s %8.1f | %5.0f%%%s|",
            result.target().name(),
            iops,
            median(samples, Sample::bytesPerSecond) / 1e6,
            p50,
            median(samples, s -> s.latencyMicros(99)),
            median(samples, s -> s.latencyMicros(99.9)),
            served ? String.format(Locale.ROOT, "%.1f", server) : "-",
            result.target().metadata().isEmpty()
                ? "-"
                : String.format(Locale.ROOT, "%.1f", median(samples, Sample::metadataMicrosPerIo)),
            median(samples, Sample::clientMicrosPerIo),
            others * 100,
            others > NOISY_SHARE ? "!" : " ");
    Optional<Matrix.Result> ours = ours(result.row());
    if (ours.isEmpty() || ours.get() == result) {
      return line;
    }
    List<Sample> our = ours.get().samples();
    return line
        + String.format(
            Locale.ROOT,
            " %13.2fx %5.1fx %s",
            median(our, Sample::iops) / iops,
            median(our, s -> s.latencyMicros(50)) / p50,
            served && server > 0
                ? String.format(
                    Locale.ROOT, "%5.1fx", median(our, Sample::serverMicrosPerIo) / server)
                : "    -");
  }

  private Optional<Matrix.Result> ours(Row row) {
    return results.stream()
        .filter(r -> r.row().equals(row) && r.target().name().equals(CairnTarget.NAME))
        .findFirst();
  }

  /** For programs; every sample, and the medians. */
  String json() {
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    ObjectNode root = mapper.createObjectNode();
    root.set("machine", mapper.valueToTree(machine));
    root.set("arguments", mapper.valueToTree(arguments));
    root.set("jvmFlags", mapper.valueToTree(jvmFlags));
    ObjectNode described = root.putObject("targets");
    targets.forEach(target -> described.put(target.name(), target.description()));
    root.set("skipped", mapper.valueToTree(skipped));
    ArrayNode rows = root.putArray("rows");
    for (Matrix.Result result : results) {
      ObjectNode row = rows.addObject();
      row.put("row", result.row().name());
      row.put("target", result.target().name());
      put(row.putObject("median"), result.samples());
      ArrayNode samples = row.putArray("samples");
      result.samples().forEach(sample -> put(samples.addObject(), List.of(sample)));
    }
    root.set("processes", mapper.valueToTree(footprints));
    try {
      return mapper.writeValueAsString(root);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static void put(ObjectNode node, List<Sample> samples) {
    node.put("ios", median(samples, Sample::ios));
    node.put("iops", rounded(median(samples, Sample::iops)));
    node.put("megabytesPerSecond", rounded(median(samples, Sample::bytesPerSecond) / 1e6));
    for (String percentile : List.of("50", "99", "99.9")) {
      node.put(
          "p" + percentile + "Micros",
          rounded(median(samples, s -> s.latencyMicros(Double.parseDouble(percentile)))));
    }
    node.put("serverMicrosPerIo", rounded(median(samples, Sample::serverMicrosPerIo)));
    node.put("metadataMicrosPerIo", rounded(median(samples, Sample::metadataMicrosPerIo)));
    node.put("clientMicrosPerIo", rounded(median(samples, Sample::clientMicrosPerIo)));
    node.put("othersShareOfCore", rounded(median(samples, Sample::othersShare)));
  }

  private static double rounded(double value) {
    return Math.round(value * 100) / 100.0;
  }
}
