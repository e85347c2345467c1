package io.cairn.bench.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.bench.chaos.Tool;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/** Runs of fio: a number of requests in flight, the next of which begins when one has ended. */
final class FioRun implements Client {
  private static final Duration SPARE = Duration.ofSeconds(120);

  private final Path directory;

  /**
   * Runs.
   *
   * @param directory for fio's files.
   */
  FioRun(Path directory) {
    this.directory = directory;
  }

  @Override
  public void prewrite(Target target, Row.Form form, long regionBytes) {
    Row row = new Row("prewrite", form, "write", 1 << 20, 8);
    List<String> arguments = new ArrayList<>(row.fioArguments());
    arguments.addAll(target.fioArguments(row, regionBytes));
    arguments.add("--size=" + regionBytes);
    arguments.add("--end_fsync=1");
    run(arguments, SPARE.plusSeconds(regionBytes >> 23));
  }

  @Override
  public Served load(Target target, Row row, long regionBytes, int seconds) {
    List<String> arguments = new ArrayList<>(row.fioArguments());
    arguments.addAll(target.fioArguments(row, regionBytes));
    arguments.add("--size=" + regionBytes);
    arguments.add("--time_based");
    arguments.add("--runtime=" + seconds);
    return run(arguments, SPARE.plusSeconds(seconds));
  }

  /** Runs fio to its end. */
  Served run(List<String> arguments, Duration limit) {
    JsonNode job = report(arguments, limit);
    Histogram latencies = new Histogram(Served.LATENCY_MAX_NANOS, Served.DIGITS);
    long ios = 0;
    double iops = 0;
    double bytesPerSecond = 0;
    for (String direction : List.of("read", "write")) {
      JsonNode part = job.path(direction);
      ios += part.path("total_ios").asLong();
      iops += part.path("iops").asDouble();
      bytesPerSecond += part.path("bw_bytes").asDouble();
      for (Map.Entry<String, JsonNode> bin : part.path("clat_ns").path("bins").properties()) {
        latencies.recordValueWithCount(
            Math.min(Served.LATENCY_MAX_NANOS, Long.parseLong(bin.getKey())),
            bin.getValue().asLong());
      }
    }
    double clientShare = (job.path("usr_cpu").asDouble() + job.path("sys_cpu").asDouble()) / 100;
    long client = (long) (clientShare * job.path("job_runtime").asDouble() * 1e6);
    return new Served(ios, iops, bytesPerSecond, latencies, client);
  }

  private JsonNode report(List<String> arguments, Duration limit) {
    try {
      Path report = Files.createTempFile(directory, "fio", ".json");
      Path output = Files.createTempFile(directory, "fio", ".out");
      List<String> all = new ArrayList<>(arguments);
      all.addAll(
          List.of(
              "--norandommap",
              "--randrepeat=0",
              "--group_reporting",
              "--eta=never",
              "--output-format=json+",
              "--output=" + report));
      Tool.Result result;
      try (Tool.Running running = Tool.FIO.start(output, all.toArray(String[]::new))) {
        result = running.await(limit);
      }
      // The nbd engine says in plain text that it has connected, before the report.
      String text = Files.readString(report);
      int begin = text.indexOf('{');
      JsonNode job =
          begin < 0 ? null : new ObjectMapper().readTree(text.substring(begin)).path("jobs").get(0);
      if (result.exitCode() != 0 || job == null || job.path("error").asInt() != 0) {
        throw new CommandFailure(result + text.substring(0, Math.min(text.length(), 500)));
      }
      Files.delete(report);
      Files.delete(output);
      return job;
    } catch (IOException e) {
      throw new CommandFailure("fio's report cannot be read: " + e, e);
    }
  }
}
