package io.cairn.metadata.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.options.Address;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class OperationsServerTest {
  private static final Address ANY = new Address("127.0.0.1", 0);

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private volatile String notReady;
  private OperationsServer server;

  @BeforeEach
  void start() throws IOException {
    registry.counter("cairn.things").increment(7);
    server = OperationsServer.start(ANY, registry, () -> notReady);
  }

  @AfterEach
  void stop() {
    server.close();
    registry.close();
  }

  @Test
  void metricsAreThoseOfTheRegistryAndOfTheProcess() throws IOException {
    String answer = ask("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
    assertTrue(answer.contains("text/plain; version=0.0.4"), answer);
    assertTrue(answer.contains("\ncairn_things_total 7.0\n"), answer);
    assertTrue(answer.contains("\nprocess_cpu_usage"), answer);
    assertTrue(answer.contains("\njvm_memory_used_bytes"), answer);
  }

  @Test
  void readinessSaysInOneLineWhyNot() throws IOException {
    assertTrue(get("/healthz").endsWith("\r\n\r\nok\n"));
    assertTrue(get("/readyz?x=1").endsWith("\r\n\r\nready\n"));
    notReady = "no leader\nsince 3 s";
    String answer = get("/readyz");
    assertTrue(answer.startsWith("HTTP/1.1 503 "), answer);
    assertTrue(answer.endsWith("\r\n\r\nno leader since 3 s\n"), answer);
    assertTrue(get("/healthz").startsWith("HTTP/1.1 200 "));
  }

  @Test
  void otherPathsAndMethodsAreRefusedAndTheConnectionLives() throws IOException {
    String answer =
        ask(
            "GET /secret HTTP/1.1\r\n\r\n"
                + "DELETE /metrics HTTP/1.1\r\n\r\n"
                + "HEAD /healthz HTTP/1.1\r\n\r\n"
                + "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    List<String> statuses = answer.lines().filter(line -> line.startsWith("HTTP/1.1 ")).toList();
    assertEquals(
        List.of(
            "HTTP/1.1 404 Not Found",
            "HTTP/1.1 405 Method Not Allowed",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK"),
        statuses);
    assertTrue(answer.contains("allow: GET, HEAD"), answer);
  }

  @Test
  void tooLongLinesHeadersAndAnyBodyAreRefused() throws IOException {
    String line = "x".repeat(OperationsServer.LINE_LENGTH_MAX);
    String header = "A: " + "x".repeat(1000) + "\r\n";
    String[][] cases = {
      {"414", "GET /" + line + " HTTP/1.1\r\n\r\n"},
      {"431", "GET / HTTP/1.1\r\n" + header.repeat(9) + "\r\n"},
      {"413", "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"},
      {"413", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
      {"400", "GET\r\n\r\n"},
    };
    for (String[] one : cases) {
      String answer = ask(one[1]);
      assertTrue(answer.startsWith("HTTP/1.1 " + one[0] + " "), one[0] + " but " + answer);
    }
    assertTrue(get("/healthz").startsWith("HTTP/1.1 200 "));
  }

  @Test
  void garbageClosesItsConnectionAndNothingElse() throws IOException {
    Random random = new Random(1);
    for (int i = 0; i < 200; i++) {
      byte[] garbage = new byte[1 + random.nextInt(20_000)];
      random.nextBytes(garbage);
      try (Socket socket = connect(server)) {
        socket.getOutputStream().write(garbage);
        if (random.nextBoolean()) {
          socket.shutdownOutput();
        }
      } catch (SocketException closedByServer) {
        assertTrue(closedByServer.getMessage() != null);
      }
    }
    assertTrue(get("/healthz").startsWith("HTTP/1.1 200 "));
  }

  @Test
  void aConnectionThatNeverFinishesItsRequestIsClosed() throws IOException {
    try (OperationsServer impatient =
            OperationsServer.start(
                ANY,
                new Operations(() -> "", () -> null),
                Duration.ofMillis(100),
                Duration.ofMillis(100));
        Socket silent = connect(impatient);
        Socket slow = connect(impatient)) {
      slow.getOutputStream().write("GET /heal".getBytes(StandardCharsets.US_ASCII));
      assertEquals(-1, silent.getInputStream().read());
      assertEquals(-1, slow.getInputStream().read());
    }
  }

  @Test
  void aPeerThatAsksWithoutReadingIsNotAnsweredAhead() throws IOException {
    int[] pages = new int[1];
    Operations large =
        new Operations(
            () -> {
              pages[0]++;
              return "x".repeat(1 << 20);
            },
            () -> null);
    try (OperationsServer impatient =
            OperationsServer.start(ANY, large, Duration.ofMillis(300), Duration.ofMillis(300));
        Socket greedy = connect(impatient)) {
      greedy.setReceiveBufferSize(4096);
      greedy
          .getOutputStream()
          .write("GET /metrics HTTP/1.1\r\n\r\n".repeat(200).getBytes(StandardCharsets.US_ASCII));
      // Another connection is closed by its deadline, which lies behind the greedy one's.
      try (Socket later = connect(impatient)) {
        assertEquals(-1, later.getInputStream().read());
      }
      assertTrue(pages[0] < 20, pages[0] + " pages were made for a peer that reads none");
    }
  }

  @Test
  void manySilentConnectionsDoNotKeepAProbeOut() throws IOException {
    List<Socket> silent = new ArrayList<>();
    try {
      for (int i = 0; i < 3 * OperationsServer.CONNECTIONS_MAX; i++) {
        silent.add(connect(server));
      }
      assertTrue(get("/healthz").startsWith("HTTP/1.1 200 "));
      assertEquals(-1, silent.getFirst().getInputStream().read());
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  @Test
  void aPageThatFailsIsAnErrorOfThatPageOnly() throws IOException {
    Operations broken =
        new Operations(
            () -> {
              throw new IllegalStateException("a gauge failed");
            },
            () -> null);
    try (OperationsServer other =
        OperationsServer.start(ANY, broken, Duration.ofSeconds(5), Duration.ofSeconds(5))) {
      assertTrue(ask(other, close("/metrics")).startsWith("HTTP/1.1 500 "));
      assertTrue(ask(other, close("/healthz")).startsWith("HTTP/1.1 200 "));
    }
  }

  @Test
  void aPortInUseIsNamed() {
    IOException refusal =
        assertThrows(
            IOException.class,
            () -> OperationsServer.start(server.address(), registry, () -> null));
    assertEquals(
        "cannot listen on " + server.address() + " for HTTP: Address already in use",
        refusal.getMessage());
  }

  private String get(String path) throws IOException {
    return ask(close(path));
  }

  private static String close(String path) {
    return "GET " + path + " HTTP/1.1\r\nConnection: close\r\n\r\n";
  }

  private String ask(String request) throws IOException {
    return ask(server, request);
  }

  private static String ask(OperationsServer server, String request) throws IOException {
    try (Socket socket = connect(server)) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static Socket connect(OperationsServer server) throws IOException {
    return new Socket(server.address().host(), server.address().port());
  }
}
