package io.cairn.bench.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * fio over NBD: random writes of 4 to 128 KiB at depth 32, each with a checksum that is verified
 * when it is read again.
 */
public final class Fio implements AutoCloseable {
  private static final Duration END = Duration.ofSeconds(120);

  private final Tool.Running running;
  private final Path report;

  private Fio(Tool.Running running, Path report) {
    this.running = running;
    this.report = report;
  }

  /** What came of it. */
  public record Outcome(double worstSeconds, double writtenMebibytes, double verifiedMebibytes) {
    @Override
    public String toString() {
      return String.format(
          "fio wrote %.0f MiB and verified %.0f MiB; its slowest request took %.2f s",
          writtenMebibytes, verifiedMebibytes, worstSeconds);
    }
  }

  /** Writes the whole size once, then verifies all of it. */
  public static Fio once(Path directory, String uri, String size) {
    return start(directory, uri, "--size=" + size);
  }

  /** Writes and verifies again and again within the size, for so long. */
  public static Fio during(Path directory, String uri, String size, Duration time) {
    return start(
        directory,
        uri,
        "--size=" + size,
        "--time_based",
        "--runtime=" + time.toSeconds(),
        "--verify_backlog=512");
  }

  private static Fio start(Path directory, String uri, String... more) {
    try {
      Path report = Files.createTempFile(directory, "fio", ".json");
      List<String> arguments =
          new ArrayList<>(
              List.of(
                  "--name=verify",
                  "--ioengine=nbd",
                  "--uri=" + uri,
                  "--rw=randwrite",
                  "--bsrange=4k-128k",
                  "--iodepth=32",
                  "--verify=crc32c",
                  "--verify_fatal=1",
                  "--verify_state_save=0",
                  "--output-format=json",
                  "--output=" + report));
      arguments.addAll(Arrays.asList(more));
      Path output = Files.createTempFile(directory, "fio", ".out");
      return new Fio(Tool.FIO.start(output, arguments.toArray(String[]::new)), report);
    } catch (IOException e) {
      throw new ChaosFailure("no file can be made in " + directory, e);
    }
  }

  /** Whether it still runs. */
  public boolean isAlive() {
    return running.isAlive();
  }

  /** Waits for its end; an error or a wrong byte is a failure. */
  public Outcome await(Duration limit) {
    Tool.Result result = running.await(limit.plus(END)).ok();
    try {
      String text = Files.readString(report);
      // Notes may stand before the report.
      JsonNode job =
          new ObjectMapper().readTree(text.substring(text.indexOf('{'))).path("jobs").get(0);
      if (job.path("error").asInt() != 0) {
        throw new ChaosFailure(result.toString());
      }
      double worst =
          Math.max(
              job.path("write").path("clat_ns").path("max").asDouble(),
              job.path("read").path("clat_ns").path("max").asDouble());
      return new Outcome(
          worst / 1e9,
          job.path("write").path("io_bytes").asDouble() / (1 << 20),
          job.path("read").path("io_bytes").asDouble() / (1 << 20));
    } catch (IOException e) {
      throw new ChaosFailure("the report of fio cannot be read: " + result, e);
    }
  }

  @Override
  public void close() {
    running.close();
  }
}
