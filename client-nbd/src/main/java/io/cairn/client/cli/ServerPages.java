package io.cairn.client.cli;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** The pages that servers have on their HTTP addresses, asked for without waiting for others. */
final class ServerPages implements AutoCloseable {
  private final HttpClient http;
  private final Duration timeout;

  /**
   * Nothing is asked yet.
   *
   * @param timeout of a connection, and of an answer.
   */
  ServerPages(Duration timeout) {
    this.timeout = timeout;
    http = HttpClient.newBuilder().connectTimeout(timeout).build();
  }

  /**
   * Asks for a page.
   *
   * @param httpAddress host and port.
   * @param page its path.
   */
  CompletableFuture<HttpResponse<String>> ask(String httpAddress, String page) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://" + httpAddress + page)).timeout(timeout).build();
    return http.sendAsync(request, HttpResponse.BodyHandlers.ofString());
  }

  /** Waits for what was asked. */
  @Override
  public void close() {
    http.close();
  }
}
