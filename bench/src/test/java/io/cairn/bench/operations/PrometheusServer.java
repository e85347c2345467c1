package io.cairn.bench.operations;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** A Prometheus that scrapes a cluster every two seconds, under the jobs that the rules expect. */
public final class PrometheusServer implements AutoCloseable {
  private static final Tool PROMETHEUS = new Tool("prometheus", "prometheus");
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int STEP_SECONDS = 2;

  private final HttpClient http = HttpClient.newHttpClient();
  private final Instant begin = Instant.now();
  private final int port;
  private final Tool.Running process;

  private PrometheusServer(int port, Tool.Running process) {
    this.port = port;
    this.process = process;
  }

  /** Starts one, with its data in a directory that is not there yet. */
  public static PrometheusServer start(Path directory, RunningCluster cluster) throws IOException {
    Files.createDirectories(directory);
    StringBuilder settings = new StringBuilder();
    settings.append("global: {scrape_interval: " + STEP_SECONDS + "s}\nscrape_configs:\n");
    for (String role : List.of("metadata", "storage", "gateway")) {
      List<String> targets = cluster.members(role).stream().map(PrometheusServer::address).toList();
      settings.append("  - job_name: cairn-" + role + "\n    static_configs: [{targets: ");
      settings.append(targets.stream().map(t -> '"' + t + '"').toList()).append("}]\n");
    }
    Path file = directory.resolve("prometheus.yml");
    Files.writeString(file, settings);
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    PrometheusServer server =
        new PrometheusServer(
            port,
            PROMETHEUS.start(
                directory.resolve("log"),
                "--config.file=" + file,
                "--storage.tsdb.path=" + directory.resolve("data"),
                "--web.listen-address=127.0.0.1:" + port));
    Await.until("Prometheus answers", LIMIT, server::answers, server.process::outputSoFar);
    return server;
  }

  private static String address(Member member) {
    return "127.0.0.1:" + member.httpPort();
  }

  private boolean answers() {
    try {
      return get("/-/ready").statusCode() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  private HttpResponse<String> get(String path) throws IOException {
    try {
      return http.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
              .timeout(LIMIT)
              .build(),
          HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  /**
   * The largest value of any series of a query since the start; null when it never had one. What
   * divides by zero is no value.
   *
   * @throws IOException when Prometheus refuses the query, with what it says of it.
   */
  Double largest(String query) throws IOException {
    HttpResponse<String> answer =
        get(
            "/api/v1/query_range?step=%d&start=%d&end=%d&query=%s"
                .formatted(
                    STEP_SECONDS,
                    begin.getEpochSecond(),
                    Instant.now().getEpochSecond(),
                    URLEncoder.encode(query, StandardCharsets.UTF_8)));
    if (answer.statusCode() != 200) {
      throw new IOException(query + ": " + answer.body());
    }
    Double largest = null;
    for (JsonNode series : new ObjectMapper().readTree(answer.body()).path("data").path("result")) {
      for (JsonNode point : series.path("values")) {
        double value = Double.parseDouble(point.path(1).asText().replace("Inf", "Infinity"));
        if (!Double.isNaN(value) && (largest == null || value > largest)) {
          largest = value;
        }
      }
    }
    return largest;
  }

  @Override
  public void close() {
    process.close();
  }
}
