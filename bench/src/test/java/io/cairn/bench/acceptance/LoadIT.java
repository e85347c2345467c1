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

  private static final List<String> MEMBERS =
      List.of(
          "metadata-1",
          "metadata-2",
          "metadata-3",
          "storage-1",
          "storage-2",
          "storage-3",
          "gateway-1");

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
    JsonNode report = report(run);
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
    List<JsonNode> processes =
        StreamSupport.stream(report.path("processes").spliterator(), false).toList();
    assertEquals(MEMBERS, processes.stream().map(p -> p.path("process").asText()).toList());
    for (JsonNode process : processes) {
      assertTrue(process.path("ownBytes").asLong() > 1 << 20, process.toString());
    }
    double stops = processes.stream().mapToInt(p -> p.path("pauses").path("stops").asInt()).sum();
    assertTrue(stops > 0, "the JVMs' logs hold no stop: " + processes);
  }

  @Test
  void eachScaleHasItsPoints() throws IOException {
    JsonNode report =
        report(Program.run(LIMIT, "load", "--short", "--scale", "chunks,volumes", "-o", "json"));
    List<String> points =
        StreamSupport.stream(report.path("scales").spliterator(), false)
            .flatMap(
                scale ->
                    StreamSupport.stream(scale.path("points").spliterator(), false)
                        .map(
                            point -> {
                              assertTrue(
                                  point.path("median").path("ios").asLong() > 0, point.toString());
                              return scale.path("scale").asText()
                                  + " "
                                  + point.path("target").asText()
                                  + " "
                                  + point.path("count").asInt()
                                  + " "
                                  + point.path("row").asText();
                            }))
            .toList();
    assertEquals(
        List.of(
            "chunks cairn 1 randwrite-4k-qd32",
            "chunks cairn 1 randread-4k-qd32",
            "chunks cairn 256 randwrite-4k-qd32",
            "chunks cairn 256 randread-4k-qd32",
            "volumes cairn 1 randwrite-4k-qd32",
            "volumes nbdkit-memory 1 randwrite-4k-qd32",
            "volumes cairn 1 randread-4k-qd32",
            "volumes nbdkit-memory 1 randread-4k-qd32",
            "volumes cairn 4 randwrite-4k-qd32",
            "volumes nbdkit-memory 4 randwrite-4k-qd32",
            "volumes cairn 4 randread-4k-qd32",
            "volumes nbdkit-memory 4 randread-4k-qd32"),
        points);
  }

  @Test
  void aSlowTierSlowsWritersDownAndStopsNobody() throws IOException {
    JsonNode report =
        report(
            Program.run(LIMIT, "load", "--short", "--tier", "--tier-iops", "2000", "-o", "json"));
    int slow = 0;
    for (JsonNode load : report.path("tier")) {
      assertTrue(load.path("ios").asLong() > 0, load.toString());
      slow += "slow".equals(load.path("tier").asText()) ? 1 : 0;
    }
    assertEquals(13, slow);
  }

  private static JsonNode report(Tool.Result run) throws IOException {
    run.ok();
    // Notes stand before the report.
    return new ObjectMapper().readTree(run.output().substring(run.output().indexOf("\n{") + 1));
  }
}
