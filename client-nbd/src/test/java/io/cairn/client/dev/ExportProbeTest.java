package io.cairn.client.dev;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.options.Address;
import io.cairn.metadata.server.ListeningPorts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What the probe says of servers that are no gateway; the end-to-end test shows one that is. */
class ExportProbeTest {
  private static final int TIMEOUT_MILLIS = 2_000;

  @Test
  void nobodyListens() throws IOException {
    Address address = Address.parse(ListeningPorts.address());
    String refusal = ExportProbe.refusal(address, "v", TIMEOUT_MILLIS);
    assertEquals("the gateway at " + address + ": Connection refused", refusal);
  }

  @Test
  void anotherProtocol() throws Exception {
    try (ServerSocket server = listener()) {
      Thread peer = answering(server, "HTTP/1.1 400 Bad Request\r\n\r\n");
      assertEquals(
          address(server) + " does not speak NBD",
          ExportProbe.refusal(address(server), "v", TIMEOUT_MILLIS));
      peer.join();
    }
  }

  @Test
  void aServerThatGoesAway() throws Exception {
    try (ServerSocket server = listener()) {
      Thread peer = answering(server, "");
      String refusal = ExportProbe.refusal(address(server), "v", TIMEOUT_MILLIS);
      assertTrue(refusal.startsWith("the gateway at " + address(server)), refusal);
      peer.join();
    }
  }

  private static Thread answering(ServerSocket server, String answer) {
    return Thread.ofPlatform()
        .start(
            () -> {
              try (Socket client = server.accept()) {
                client.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
  }

  private static ServerSocket listener() throws IOException {
    return new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
  }

  private static Address address(ServerSocket server) {
    return new Address("127.0.0.1", server.getLocalPort());
  }
}
