package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** The measuring command, each row for a second: figures mean nothing, requests must be served. */
class LoadIT {
  private static final Duration LIMIT = Duration.ofSeconds(300);

  private static final List<String> ROWS =
      List.of(
          "randwrite-4k-qd1",
          "randread-4k-qd32",
          "randrw70-4k-qd16",
          "randwrite-128k-qd8",
          "write-1m-qd8",
          "read-1m-qd8",
          "always-randwrite-4k-qd32",
          "paced-randread-4k-qd64");

  @Test
  void everyRowIsServedWithoutAnError() throws IOException {
    Tool.Result run =
        Program.run(
            LIMIT,
            "load",
            "--short",
            "--peers",
            "raw",
            "--rows",
            String.join(",", ROWS),
            "-o",
            "json");
    run.ok();
    // Notes stand before the report.
    JsonNode report =
        new ObjectMapper().readTree(run.output().substring(run.output().indexOf("\n{") + 1));
    List<JsonNode> ours =
        StreamSupport.stream(report.path("rows").spliterator(), false)
            .filter(row -> "cairn".equals(row.path("target").asText()))
            .toList();
    assertEquals(ROWS, ours.stream().map(row -> row.path("row").asText()).toList());
    for (JsonNode row : ours) {
      JsonNode figures = row.path("median");
      assertTrue(figures.path("ios").asLong() > 0, row.toString());
      assertTrue(figures.path("p99Micros").asDouble() > 0, row.toString());
    }
    assertTrue(report.path("machine").path("cores").asInt() > 0, run.toString());
  }
}
