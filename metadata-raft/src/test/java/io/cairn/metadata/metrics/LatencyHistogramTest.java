package io.cairn.metadata.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import org.junit.jupiter.api.Test;

class LatencyHistogramTest {
  @Test
  void everyDurationIsInTheBucketWhoseBoundsHoldIt() {
    for (long nanos = 0; nanos < 20_000_000_000L; nanos = nanos * 33 / 32 + 1) {
      int bucket = LatencyHistogram.bucket(nanos);
      assertTrue(nanos < LatencyHistogram.boundNanos(bucket), nanos + " in " + bucket);
      assertTrue(
          bucket == 0 || nanos >= LatencyHistogram.boundNanos(bucket - 1), nanos + " in " + bucket);
    }
    assertEquals(LatencyHistogram.BUCKETS - 1, LatencyHistogram.bucket(Long.MAX_VALUE));
    assertEquals(0, LatencyHistogram.bucket(-1));
  }

  @Test
  void sumOfTwoHasWhatBothCounted() {
    LatencyHistogram sum = new LatencyHistogram();
    LatencyHistogram other = new LatencyHistogram();
    sum.record(100_000);
    other.record(100_001);
    other.record(5_000_000);
    sum.add(other);
    assertEquals(3, sum.count());
    assertEquals(5_200_001, sum.sumNanos());
    assertEquals(2, sum.count(LatencyHistogram.bucket(100_000)));
    assertEquals(LatencyHistogram.BUCKETS, sum.counts().size());
    assertEquals(2, sum.counts().get(LatencyHistogram.bucket(100_000)));
  }

  @Test
  void pageHasCumulativeBucketsSumAndCount() {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    HistogramFamily family = HistogramFamily.register(registry, "cairn_a_seconds", "How long.");
    LatencyHistogram histogram = new LatencyHistogram();
    family.add(() -> histogram, "op", "read");
    histogram.record(10_000);
    histogram.record(3_000_000_000L);
    List<String> page = registry.scrape().lines().toList();
    assertTrue(page.contains("# TYPE cairn_a_seconds histogram"), page.toString());
    assertTrue(
        page.contains("cairn_a_seconds_bucket{op=\"read\",le=\"1.6384E-5\"} 1"), page.toString());
    assertTrue(page.contains("cairn_a_seconds_bucket{op=\"read\",le=\"+Inf\"} 2"), page.toString());
    assertTrue(page.contains("cairn_a_seconds_count{op=\"read\"} 2"), page.toString());
    assertTrue(page.contains("cairn_a_seconds_sum{op=\"read\"} 3.00001"), page.toString());
  }
}
