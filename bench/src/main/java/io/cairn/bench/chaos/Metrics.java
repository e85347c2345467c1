package io.cairn.bench.chaos;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** The Prometheus page of one process. */
public record Metrics(String page) {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** Fetches the page of the HTTP server at the port. */
  static Metrics of(int httpPort) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + httpPort + "/metrics"))
            .timeout(LIMIT)
            .build();
    try (HttpClient client = HttpClient.newBuilder().connectTimeout(LIMIT).build()) {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw new ChaosFailure(request.uri() + " answered " + response.statusCode());
      }
      return new Metrics(response.body());
    } catch (IOException e) {
      throw new ChaosFailure(request.uri() + " does not answer", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }

  /** The sum of all samples of one name, over all tags. */
  public double sum(String name) {
    return sum(name, "");
  }

  /**
   * The sum of all samples of one name that have a tag.
   *
   * @param tag as the page has it, such as volume="a".
   */
  public double sum(String name, String tag) {
    double sum = 0;
    boolean found = false;
    for (String line : page.lines().toList()) {
      if ((line.startsWith(name + " ") || line.startsWith(name + "{")) && line.contains(tag)) {
        sum += Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
        found = true;
      }
    }
    if (!found) {
      throw new ChaosFailure("there is no metric " + name);
    }
    return sum;
  }
}
