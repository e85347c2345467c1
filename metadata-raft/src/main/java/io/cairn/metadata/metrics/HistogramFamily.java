package io.cairn.metadata.metrics;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Histograms of one name that differ by their labels. Micrometer's own timers take a lock and an
 * allocation for each duration; here, a scrape looks at numbers that are counted anyway.
 */
public final class HistogramFamily implements Collector {
  private final String name;
  private final String help;
  private final Map<Labels, Supplier<LatencyHistogram>> members = new ConcurrentHashMap<>();

  private HistogramFamily(String name, String help) {
    this.name = name;
    this.help = help;
  }

  /**
   * Adds a family without members.
   *
   * @param name as Prometheus has it, with the unit seconds at its end.
   */
  public static HistogramFamily register(
      PrometheusMeterRegistry registry, String name, String help) {
    HistogramFamily family = new HistogramFamily(name, help);
    registry.getPrometheusRegistry().register(family);
    return family;
  }

  /**
   * Adds a member.
   *
   * @param histogram asked at each scrape, on its thread.
   * @param labels names and values in turns.
   */
  public void add(Supplier<LatencyHistogram> histogram, String... labels) {
    members.put(Labels.of(labels), histogram);
  }

  @Override
  public MetricSnapshot collect() {
    HistogramSnapshot.Builder family = HistogramSnapshot.builder().name(name).help(help);
    members.forEach((labels, histogram) -> family.dataPoint(point(labels, histogram.get())));
    return family.build();
  }

  private static HistogramDataPointSnapshot point(Labels labels, LatencyHistogram histogram) {
    ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
    for (int i = 0; i < LatencyHistogram.BUCKETS; i++) {
      long boundNanos = LatencyHistogram.boundNanos(i);
      double bound = boundNanos == Long.MAX_VALUE ? Double.POSITIVE_INFINITY : boundNanos / 1e9;
      buckets.bucket(bound, histogram.count(i));
    }
    return HistogramDataPointSnapshot.builder()
        .classicHistogramBuckets(buckets.build())
        .sum(histogram.sumNanos() / 1e9)
        .labels(labels)
        .build();
  }
}
