package io.cairn.bench.jmh;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.cairn.bench.machine.Machine;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;

/**
 * A run of microbenchmarks in a form that is small enough to keep.
 *
 * @param machine what it ran on.
 * @param iterations how long and how often.
 */
record StoredRun(Machine machine, String iterations, List<Figure> figures) {
  private static final String ALLOCATED = "gc.alloc.rate.norm";

  /**
   * One benchmark.
   *
   * @param benchmark class and method.
   * @param mode JMH's word.
   * @param parameters of the benchmark.
   * @param error half the width of the interval that holds the mean with 99.9 %; 0 when it is not
   *     known.
   * @param allocatedBytes per operation, of all threads of the JVM.
   * @param percentiles of single operations, in the same unit; empty unless they were sampled.
   */
  record Figure(
      String benchmark,
      String mode,
      Map<String, String> parameters,
      double score,
      double error,
      String unit,
      double allocatedBytes,
      Map<String, Double> percentiles) {

    private boolean isSameAs(Figure other) {
      return benchmark.equals(other.benchmark)
          && mode.equals(other.mode)
          && parameters.equals(other.parameters)
          && unit.equals(other.unit);
    }

    private String name() {
      return parameters.isEmpty() ? benchmark : benchmark + " " + parameters;
    }
  }

  /** What JMH found. */
  static StoredRun of(Machine machine, String iterations, Collection<RunResult> results) {
    List<Figure> figures = new ArrayList<>();
    for (RunResult result : results) {
      BenchmarkParams params = result.getParams();
      Map<String, String> parameters = new TreeMap<>();
      params.getParamsKeys().forEach(key -> parameters.put(key, params.getParam(key)));
      Result<?> primary = result.getPrimaryResult();
      Map<String, Double> percentiles = new TreeMap<>();
      if (params.getMode() == org.openjdk.jmh.annotations.Mode.SampleTime) {
        for (double percentile : new double[] {50, 99, 99.9}) {
          percentiles.put(
              "p" + percentile, rounded(primary.getStatistics().getPercentile(percentile)));
        }
      }
      Result<?> allocated = result.getSecondaryResults().get(ALLOCATED);
      String name = params.getBenchmark();
      figures.add(
          new Figure(
              name.substring(name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1),
              params.getMode().shortLabel(),
              parameters,
              rounded(primary.getScore()),
              Double.isNaN(primary.getScoreError()) ? 0 : rounded(primary.getScoreError()),
              primary.getScoreUnit(),
              allocated == null ? 0 : Math.round(allocated.getScore() * 10) / 10.0,
              percentiles));
    }
    return new StoredRun(machine, iterations, figures);
  }

  /** Four digits that count. */
  private static double rounded(double value) {
    return value == 0 ? 0 : Double.parseDouble(String.format(Locale.ROOT, "%.4g", value));
  }

  String json() {
    try {
      return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(this)
          + System.lineSeparator();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Reads what {@link #json} wrote. */
  static StoredRun parse(String json) throws JsonProcessingException {
    return new ObjectMapper().readValue(json, StoredRun.class);
  }

  /**
   * These figures, and those of an earlier part of the run that were not measured again. A run of
   * another machine, commit or length has no part in this one.
   */
  StoredRun joined(StoredRun earlier) {
    boolean same =
        earlier.iterations.equals(iterations)
            && earlier.machine.commit().equals(machine.commit())
            && earlier.machine.dirty() == machine.dirty()
            && earlier.machine.processor().equals(machine.processor())
            && earlier.machine.cores() == machine.cores()
            && earlier.machine.jdk().equals(machine.jdk());
    if (!same) {
      return this;
    }
    List<Figure> all = new ArrayList<>(figures);
    earlier.figures.stream()
        .filter(old -> figures.stream().noneMatch(old::isSameAs))
        .forEach(all::add);
    all.sort(
        Comparator.comparing(Figure::benchmark)
            .thenComparing(Figure::mode)
            .thenComparing(figure -> figure.parameters().toString()));
    return new StoredRun(earlier.machine, iterations, all);
  }

  /** A line for each figure, with the change from another run, which may be null. */
  List<String> beside(StoredRun before) {
    List<String> lines = new ArrayList<>();
    lines.add(machine.line());
    if (before != null) {
      lines.add("against " + before.machine().began() + ", " + before.machine().line());
    }
    for (Figure figure : figures) {
      StringBuilder line = new StringBuilder();
      line.append(
          String.format(
              Locale.ROOT,
              "%-64s %12.4g ± %9.3g %-6s %10.1f B",
              figure.name(),
              figure.score(),
              figure.error(),
              figure.unit(),
              figure.allocatedBytes()));
      figure.percentiles().forEach((name, value) -> line.append(", " + name + " " + value));
      if (before != null) {
        line.append(
            before.figures().stream()
                .filter(figure::isSameAs)
                .findFirst()
                .map(
                    old ->
                        String.format(
                            Locale.ROOT,
                            " | before %.4g %.1f B: %+.1f %%",
                            old.score(),
                            old.allocatedBytes(),
                            (figure.score() / old.score() - 1) * 100))
                .orElse(" | not measured before"));
      }
      lines.add(line.toString());
    }
    return lines;
  }
}
