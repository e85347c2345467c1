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

/** One run of fio against a target, and what it and {@code /proc} say about it. */
final class FioRun {
  private static final Duration SPARE = Duration.ofSeconds(120);
  private static final long LATENCY_MAX_NANOS = 600_000_000_000L;
  private static final int DIGITS = 3;

  private final Path directory;
  private final long regionBytes;
  private final int pacedIops;

  /**
   * Runs within a part of the volume.
   *
   * @param directory for fio's files.
   * @param regionBytes from the volume's begin.
   * @param pacedIops rate of paced rows.
   */
  FioRun(Path directory, long regionBytes, int pacedIops) {
    this.directory = directory;
    this.regionBytes = regionBytes;
    this.pacedIops = pacedIops;
  }

  /** Writes the whole region once, so that no row meets a block that was never there. */
  void prewrite(Target target, Row.Form form) {
    Row row = new Row("prewrite", form, "write", 1 << 20, 8);
    List<String> arguments = new ArrayList<>(row.fioArguments(pacedIops));
    arguments.addAll(target.fioArguments(row, regionBytes));
    arguments.add("--end_fsync=1");
    report(arguments, SPARE.plusSeconds(regionBytes >> 23));
  }

  /** Measures one row. */
  Sample measure(Target target, Row row, int seconds) {
    List<String> arguments = new ArrayList<>(row.fioArguments(pacedIops));
    arguments.addAll(target.fioArguments(row, regionBytes));
    arguments.add("--time_based");
    arguments.add("--runtime=" + seconds);
    List<ProcessHandle> servers = target.servers(row);
    List<ProcessHandle> metadata = target.metadata();
    long begin = System.nanoTime();
    long machine = ProcessorTime.machineNanos();
    long server = ProcessorTime.ofNanos(servers);
    long beside = ProcessorTime.ofNanos(metadata);
    JsonNode job = report(arguments, SPARE.plusSeconds(seconds));
    server = ProcessorTime.ofNanos(servers) - server;
    beside = ProcessorTime.ofNanos(metadata) - beside;
    machine = ProcessorTime.machineNanos() - machine;
    long elapsed = System.nanoTime() - begin;
    return sample(job, server, beside, machine, elapsed);
  }

  private static Sample sample(
      JsonNode job, long server, long beside, long machine, long elapsedNanos) {
    Histogram latencies = new Histogram(LATENCY_MAX_NANOS, DIGITS);
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
            Math.min(LATENCY_MAX_NANOS, Long.parseLong(bin.getKey())), bin.getValue().asLong());
      }
    }
    double clientShare = (job.path("usr_cpu").asDouble() + job.path("sys_cpu").asDouble()) / 100;
    long client = (long) (clientShare * job.path("job_runtime").asDouble() * 1e6);
    double others = (double) (machine - server - beside - client) / elapsedNanos;
    return new Sample(
        ios, iops, bytesPerSecond, latencies, server, beside, client, Math.max(0, others));
  }

  private JsonNode report(List<String> arguments, Duration limit) {
    try {
      Path report = Files.createTempFile(directory, "fio", ".json");
      Path output = Files.createTempFile(directory, "fio", ".out");
      List<String> all = new ArrayList<>(arguments);
      all.addAll(
          List.of(
              "--size=" + regionBytes,
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
