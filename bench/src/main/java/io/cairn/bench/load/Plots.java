package io.cairn.bench.load;

import io.cairn.bench.machine.Machine;
import io.cairn.bench.plot.Plot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import org.HdrHistogram.Histogram;

/**
 * What the results of a run look like: how latencies are distributed in each row, and what each
 * depth gives. Everything in them, the machine too, comes from the run.
 */
final class Plots {
  /** Depths that throughput is drawn over. */
  static final List<Integer> DEPTHS = List.of(1, 2, 4, 8, 16, 32, 64);

  private static final double[] PERCENTILES = {0, 50, 90, 99, 99.9, 99.99};
  private static final int STEPS_PER_NINE = 40;
  private static final DoubleUnaryOperator LOGARITHM = Math::log;

  private Plots() {}

  /** The rows that were asked for, and with them all depths of the random ones. */
  static List<Row> withDepths(List<Row> rows) {
    Set<Row> all = new LinkedHashSet<>(rows);
    for (Row row : rows) {
      if (row.random() && row.form() == Row.Form.CLOSED) {
        DEPTHS.forEach(depth -> all.add(Row.parse(series(row) + "-qd" + depth)));
      }
    }
    return List.copyOf(all);
  }

  /** A row's name without its depth. */
  private static String series(Row row) {
    return row.name().substring(0, row.name().lastIndexOf("-qd"));
  }

  /** Writes a file for each row that was asked for, and one for each of them over depths. */
  static void write(Path directory, Machine machine, List<Row> rows, List<Matrix.Result> results)
      throws IOException {
    Files.createDirectories(directory);
    String subtitle = machine.began() + ", " + machine.line();
    for (Row row : rows) {
      List<Matrix.Result> of = results.stream().filter(r -> r.row().equals(row)).toList();
      Files.writeString(
          directory.resolve("latency-" + row.name() + ".svg"), latency(row, subtitle, of).draw());
    }
    Map<String, List<Matrix.Result>> bySeries = new LinkedHashMap<>();
    for (Matrix.Result result : results) {
      bySeries.computeIfAbsent(series(result.row()), name -> new ArrayList<>()).add(result);
    }
    for (Map.Entry<String, List<Matrix.Result>> entry : bySeries.entrySet()) {
      if (entry.getValue().stream().map(r -> r.row().depth()).distinct().count() >= DEPTHS.size()) {
        Files.writeString(
            directory.resolve("throughput-" + entry.getKey() + ".svg"),
            throughput(entry.getKey(), subtitle, entry.getValue()).draw());
      }
    }
  }

  private static Plot latency(Row row, String subtitle, List<Matrix.Result> results) {
    List<Plot.Line> lines = new ArrayList<>();
    double lowest = Double.MAX_VALUE;
    double highest = 0;
    for (Matrix.Result result : results) {
      Histogram all = merged(result.samples());
      List<double[]> points = new ArrayList<>();
      for (int step = 0; step <= STEPS_PER_NINE * 4; step++) {
        double percentile = 100 * (1 - Math.pow(10, -step / (double) STEPS_PER_NINE));
        double micros = all.getValueAtPercentile(percentile) / 1e3;
        lowest = Math.min(lowest, Math.max(micros, 1));
        highest = Math.max(highest, micros);
        points.add(new double[] {Math.max(micros, 1), percentile});
      }
      lines.add(new Plot.Line(result.target().name(), points));
    }
    List<Plot.Mark> percents = new ArrayList<>();
    for (double percentile : PERCENTILES) {
      percents.add(new Plot.Mark(percentile, Double.toString(percentile).replace(".0", "") + " %"));
    }
    return new Plot(
        "Latency: " + row.title(),
        subtitle,
        new Plot.Axis("µs, logarithmic", LOGARITHM, Plot.powers(10, lowest, highest)),
        new Plot.Axis("requests that took no longer", Plots::nines, percents),
        lines);
  }

  /** 90 % is 1, 99 % is 2 and so on: the rare ones are what matters. */
  private static double nines(double percentile) {
    return -Math.log10(Math.max(1e-6, 1 - percentile / 100));
  }

  private static Histogram merged(List<Sample> samples) {
    Histogram all = samples.getFirst().latencies().copy();
    samples.subList(1, samples.size()).forEach(sample -> all.add(sample.latencies()));
    return all;
  }

  private static Plot throughput(String series, String subtitle, List<Matrix.Result> results) {
    Map<String, List<double[]>> lines = new LinkedHashMap<>();
    double highest = 0;
    for (Matrix.Result result : results) {
      double iops = Report.median(result.samples(), Sample::iops);
      highest = Math.max(highest, iops);
      lines
          .computeIfAbsent(result.target().name(), name -> new ArrayList<>())
          .add(new double[] {result.row().depth(), iops});
    }
    lines.values().forEach(points -> points.sort((a, b) -> Double.compare(a[0], b[0])));
    return new Plot(
        "Throughput over depth: " + series,
        subtitle,
        new Plot.Axis(
            "requests in flight", LOGARITHM, Plot.powers(2, DEPTHS.getFirst(), DEPTHS.getLast())),
        new Plot.Axis("IOPS", DoubleUnaryOperator.identity(), Plot.steps(highest)),
        lines.entrySet().stream().map(e -> new Plot.Line(e.getKey(), e.getValue())).toList());
  }
}
