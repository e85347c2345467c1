package io.cairn.bench.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class RepairReportTest {
  private static final double MEBIBYTE = 1 << 20;

  /** A hundred requests, of which the slowest two take so long and the others a tenth of it. */
  private static Served served(long slowMillis) {
    Histogram latencies = new Histogram(Served.LATENCY_MAX_NANOS, Served.DIGITS);
    latencies.recordValueWithCount(slowMillis * 100_000, 98);
    latencies.recordValueWithCount(slowMillis * 1_000_000, 2);
    return new Served(100, 100, 100 * 4096, latencies, 0);
  }

  private static RepairReport report(int factor) {
    RepairReport report = new RepairReport(factor);
    report.before(served(2));
    report.add(new RepairReport.Slice(5, served(6), 0, 0, 8));
    report.add(new RepairReport.Slice(10, served(6), 100 * MEBIBYTE, 4, 8));
    report.add(new RepairReport.Slice(20, served(6), 50 * MEBIBYTE, 8, 8));
    return report;
  }

  @Test
  void theRateIsThatOfTheTimeInWhichSomethingWasCopied() {
    RepairReport report = report(2);
    assertEquals(20, report.seconds());
    assertEquals(150 * MEBIBYTE, report.copiedBytes());
    assertEquals(10 * MEBIBYTE, report.bytesPerSecond());
  }

  @Test
  void theBoundIsComparedWithTheRatioOfThePercentiles() {
    assertEquals(3, report(2).ratio(), 0.01);
    assertTrue(report(2).table().contains("missed p99"), report(2).table());
    assertTrue(report(4).table().contains("kept   p99"), report(4).table());
    assertTrue(report(0).table().contains("no bound"), report(0).table());
  }

  @Test
  void programsReadTheSameFigures() {
    ObjectNode root = new ObjectMapper().createObjectNode();
    report(2).json(root);
    assertEquals(3, root.path("repair").path("ratio").asDouble(), 0.01);
    assertEquals(3, root.path("repair").path("slices").size());
    assertEquals(2, root.path("repair").path("before").path("p99Millis").asDouble(), 0.01);
  }
}
