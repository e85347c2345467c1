package io.cairn.bench.load;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.bench.machine.Machine;
import io.cairn.bench.plot.Plot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;

/**
 * A scale's points as a table, as JSON and as two drawings: requests a second, and what one costs.
 *
 * @param footprints the processes after the last point.
 */
record ScaleReport(Scale scale, List<Matrix.Result> results, List<Footprint> footprints) {

  /** For people. */
  String table() {
    StringBuilder text = new StringBuilder();
    boolean compared = !of(scale.rows().getFirst(), ScalePeer.class).isEmpty();
    for (Row row : scale.rows()) {
      text.append(
          String.format(
              "%s%n%21s %9s %7s | %8s %9s | %18s %8s %8s | %7s%s%n",
              row.title(),
              scale.title(),
              "IOPS",
              "of 1st",
              "µs: p50",
              "p99",
              "CPU µs/I/O: server",
              "meta",
              "client",
              "others",
              compared
                  ? String.format(" | %14s %7s %8s", "nbdkit: IOPS", "of 1st", "CPU µs")
                  : ""));
      List<Matrix.Result> of = of(row, ScaleTarget.class);
      List<Matrix.Result> beside = of(row, ScalePeer.class);
      double first = Report.median(of.getFirst().samples(), Sample::iops);
      for (Matrix.Result result : of) {
        List<Sample> samples = result.samples();
        double iops = Report.median(samples, Sample::iops);
        double others = Report.median(samples, Sample::othersShare);
        text.append(
            String.format(
                Locale.ROOT,
                "%,21d %,9.0f %7.2f | %,8.1f %,9.1f | %18.1f %8.1f %8.1f | %5.0f%%%1s%s%n",
                count(result),
                iops,
                iops / first,
                Report.median(samples, s -> s.latencyMicros(50)),
                Report.median(samples, s -> s.latencyMicros(99)),
                Report.median(samples, Sample::serverMicrosPerIo),
                Report.median(samples, Sample::metadataMicrosPerIo),
                Report.median(samples, Sample::clientMicrosPerIo),
                others * 100,
                others > Report.NOISY_SHARE ? "!" : "",
                compared ? besides(beside, count(result)) : ""));
      }
    }
    return text.append(System.lineSeparator()).append(Footprint.table(footprints)).toString();
  }

  private static String besides(List<Matrix.Result> beside, int count) {
    double first = Report.median(beside.getFirst().samples(), Sample::iops);
    List<Sample> samples =
        beside.stream().filter(r -> count(r) == count).findAny().orElseThrow().samples();
    double iops = Report.median(samples, Sample::iops);
    return String.format(
        Locale.ROOT,
        " | %,14.0f %7.2f %8.1f",
        iops,
        iops / first,
        Report.median(samples, Sample::serverMicrosPerIo));
  }

  private static int count(Matrix.Result result) {
    return ((ScalePoint) result.target()).count();
  }

  private List<Matrix.Result> of(Row row, Class<? extends ScalePoint> kind) {
    return results.stream()
        .filter(result -> result.row().equals(row) && kind.isInstance(result.target()))
        .toList();
  }

  /** For programs. */
  ObjectNode json(ObjectMapper mapper) {
    ObjectNode node = mapper.createObjectNode();
    node.put("scale", scale.name().toLowerCase(Locale.ROOT));
    ArrayNode points = node.putArray("points");
    for (Matrix.Result result : results) {
      ObjectNode point = points.addObject();
      point.put("target", result.target() instanceof ScalePeer ? "nbdkit-memory" : "cairn");
      point.put("count", count(result));
      point.put("row", result.row().name());
      Report.put(point.putObject("median"), result.samples());
      ArrayNode samples = point.putArray("samples");
      result.samples().forEach(sample -> Report.put(samples.addObject(), List.of(sample)));
    }
    node.set("processes", mapper.valueToTree(footprints));
    return node;
  }

  /** Draws. */
  void plot(Path directory, Machine machine) throws IOException {
    Files.createDirectories(directory);
    String name = "scale-" + scale.name().toLowerCase(Locale.ROOT);
    String subtitle = machine.began() + ", " + machine.line();
    Files.writeString(
        directory.resolve(name + "-iops.svg"),
        plot("Requests a second over " + scale.title(), "IOPS", subtitle, Sample::iops).draw());
    Files.writeString(
        directory.resolve(name + "-cpu.svg"),
        plot(
                "Processor time of a request over " + scale.title(),
                "µs of the servers",
                subtitle,
                Sample::serverMicrosPerIo)
            .draw());
  }

  private Plot plot(String title, String axis, String subtitle, ToDoubleFunction<Sample> figure) {
    Map<String, List<double[]>> lines = new LinkedHashMap<>();
    double highest = 0;
    double last = 1;
    for (Matrix.Result result : results) {
      double value = Report.median(result.samples(), figure);
      int count = count(result);
      highest = Math.max(highest, value);
      last = Math.max(last, count);
      lines
          .computeIfAbsent(title(result), row -> new ArrayList<>())
          .add(new double[] {count, value});
    }
    boolean linear = scale == Scale.REPLICAS;
    return new Plot(
        title,
        subtitle,
        new Plot.Axis(
            scale.title(),
            linear ? DoubleUnaryOperator.identity() : Math::log,
            linear ? Plot.steps(last) : Plot.powers(scale == Scale.CLIENTS ? 2 : 10, 1, last)),
        new Plot.Axis(axis, DoubleUnaryOperator.identity(), Plot.steps(highest)),
        lines.entrySet().stream().map(e -> new Plot.Line(e.getKey(), e.getValue())).toList());
  }

  private static String title(Matrix.Result result) {
    return (result.target() instanceof ScalePeer ? "nbdkit, " : "") + result.row().title();
  }
}
