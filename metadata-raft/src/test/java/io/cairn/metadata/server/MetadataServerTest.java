package io.cairn.metadata.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.directory.DataDirectory;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.OptionException;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class MetadataServerTest {
  @TempDir Path parent;
  private final List<String> addresses = new ArrayList<>();
  private final MetadataServer[] servers = new MetadataServer[3];
  private RatisMetadataClient client;
  private long clientIds = 500;

  @BeforeEach
  void choosePorts() {
    for (int i = 0; i < 3; i++) {
      addresses.add(ListeningPorts.address());
    }
    client = RatisMetadataClient.connect(++clientIds, addresses, Duration.ofSeconds(30));
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    for (int i = 0; i < 3; i++) {
      stop(i);
    }
  }

  @Test
  void theFirstLeaderGivesTheClusterItsIdentityAndItStays() throws Exception {
    startAll();
    long clusterId = awaitReady();
    assertNotEquals(0, clusterId);
    for (int i = 0; i < 3; i++) {
      stop(i);
    }
    startAll();
    assertEquals(clusterId, awaitReady());
    for (int i = 0; i < 3; i++) {
      stop(i);
      try (DataDirectory directory = DataDirectory.open(path(i), "metadata", clusterId)) {
        assertEquals(clusterId, directory.identity().clusterId());
        assertEquals(3, directory.identity().incarnation());
      }
    }
  }

  @Test
  void oneServerAloneIsNotReadyAndSaysWhy() throws Exception {
    start(0);
    String answer = http(0, "/readyz");
    assertTrue(answer.startsWith("HTTP/1.1 503 "), answer);
    assertTrue(answer.contains("no leader"), answer);
    assertTrue(http(0, "/healthz").startsWith("HTTP/1.1 200 "));
    start(1);
    awaitReady();
  }

  @Test
  void theClusterNamesItsServersTheLeaderNodesAndGateways() throws Exception {
    startAll();
    long clusterId = awaitReady();
    for (int i = 1; i <= 2; i++) {
      call(
          new Command.RegisterNode(
              clusterId, 0, i, "n" + i, "h" + i, 7000, "z", "r", "h" + i, 1L << 40, 1, 1));
    }
    query(
        new Query.NodeHeartbeat(
            1, 1, 0, 1L << 39, 0, 0, 0, List.of(), null, null, 0, List.of(), List.of(), null, null,
            null));
    query(new Query.GatewayHeartbeat("g", 1, "h:1", List.of()));
    Reply.Cluster cluster = (Reply.Cluster) query(new Query.GetCluster());
    assertEquals(
        addresses,
        cluster.metadata().stream().map(m -> m.address()).sorted(this::byPlace).toList());
    assertEquals(1, cluster.metadata().stream().filter(Reply.MetadataStatus::leader).count());
    assertEquals(List.of(true, false), cluster.nodes().stream().map(n -> n.up()).toList());
    assertEquals("g", cluster.gateways().getFirst().gateway());
    assertTrue(cluster.gateways().getFirst().up());
  }

  private int byPlace(String one, String other) {
    return Integer.compare(addresses.indexOf(one), addresses.indexOf(other));
  }

  @Test
  void metricsTellTheLeaderItsProgressAndItsCommands() throws Exception {
    startAll();
    awaitReady();
    call(new Command.CreateVolume("v", 1L << 30, 0, 0, 0, Durability.FLUSH));
    int leaders = 0;
    for (int i = 0; i < 3; i++) {
      String metrics = http(i, "/metrics");
      leaders += metrics.contains("\ncairn_metadata_leader 1.0\n") ? 1 : 0;
      assertTrue(metrics.contains("\ncairn_metadata_applied_index "), metrics);
      assertTrue(metrics.contains("\ncairn_metadata_leader_known 1.0\n"), metrics);
    }
    assertEquals(1, leaders);
    String metrics = http(leader(), "/metrics");
    assertTrue(
        metrics.contains(
            "cairn_metadata_commands_seconds_count{command=\"CreateVolume\",outcome=\"done\"} 1"),
        metrics);
  }

  @Test
  void garbageOnTheGroupsPortHurtsNobody() throws Exception {
    startAll();
    awaitReady();
    Random random = new Random(3);
    for (int i = 0; i < 100; i++) {
      byte[] garbage = new byte[1 + random.nextInt(5000)];
      random.nextBytes(garbage);
      try (Socket socket = new Socket("127.0.0.1", Address.parse(addresses.get(i % 3)).port())) {
        if (i % 2 == 0) {
          socket
              .getOutputStream()
              .write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        }
        socket.getOutputStream().write(garbage);
      } catch (IOException closedByServer) {
        assertTrue(closedByServer.getMessage() != null);
      }
    }
    assertInstanceOf(
        Reply.Volume.class,
        call(new Command.CreateVolume("v", 1L << 30, 0, 0, 0, Durability.FLUSH)));
  }

  @Test
  void aPortInUseIsOneClearLineAndTheDirectoryIsFreeAgain() throws Exception {
    Address taken = Address.parse(addresses.get(0));
    try (ServerSocket other = new ServerSocket(taken.port(), 1, InetAddress.getLoopbackAddress())) {
      assertEquals(taken.port(), other.getLocalPort());
      IOException refusal = assertThrows(IOException.class, () -> start(0));
      assertEquals(
          "cannot listen on " + taken + " for the metadata group: Address already in use",
          refusal.getMessage());
    }
    start(0);
  }

  @Test
  void aDirectoryInUseOrForeignIsOneClearLine() throws Exception {
    start(0);
    MetadataServer first = servers[0];
    IOException refusal = assertThrows(IOException.class, () -> start(0));
    assertEquals("data directory " + path(0) + " is in use by this process", refusal.getMessage());
    assertEquals(first, servers[0]);
    Files.createDirectories(path(1));
    Files.writeString(path(1).resolve("thesis.tex"), "x");
    refusal = assertThrows(IOException.class, () -> start(1));
    assertTrue(refusal.getMessage().contains("holds thesis.tex but no IDENTITY"));
  }

  @Test
  void aDirectoryOfAnotherClusterIsRefusedBeforeItTakesPart() throws Exception {
    try (DataDirectory foreign = DataDirectory.open(path(2), "metadata", 0)) {
      foreign.join(0xdead, 0);
    }
    start(0);
    start(1);
    long clusterId = awaitReady();
    IOException refusal = assertThrows(IOException.class, () -> start(2));
    assertEquals(
        "data directory "
            + path(2)
            + " belongs to cluster dead, the servers of metadata.group to cluster "
            + Long.toHexString(clusterId),
        refusal.getMessage());
  }

  @Test
  void anAddressOutsideTheGroupIsRefused() {
    OptionException refusal =
        assertThrows(
            OptionException.class,
            () ->
                MetadataServer.start(
                    MetadataOptions.SET.read(
                        null,
                        Map.of(),
                        Map.of(
                            "metadata.address",
                            "127.0.0.1:1",
                            "metadata.group",
                            String.join(",", addresses),
                            "http.address",
                            "127.0.0.1:0",
                            "data.directory",
                            path(0).toString()))));
    assertEquals(
        "--set metadata.address: option metadata.address is '127.0.0.1:1': expected one of"
            + " metadata.group, which is how others find it",
        refusal.getMessage());
    assertTrue(Files.notExists(path(0)));
  }

  private void startAll() throws IOException {
    for (int i = 0; i < 3; i++) {
      start(i);
    }
  }

  private void start(int i) throws IOException {
    OptionValues options =
        MetadataOptions.SET.read(
            null,
            Map.of(),
            Map.of(
                "metadata.address", addresses.get(i),
                "metadata.group", String.join(",", addresses),
                "http.address", "127.0.0.1:0",
                "data.directory", path(i).toString()));
    servers[i] = MetadataServer.start(options);
  }

  private Path path(int i) {
    return parent.resolve("m" + i);
  }

  private void stop(int i) throws IOException {
    if (servers[i] != null) {
      servers[i].close();
      servers[i] = null;
    }
  }

  private int leader() {
    for (int i = 0; i < 3; i++) {
      if (servers[i] != null && servers[i].isLeader()) {
        return i;
      }
    }
    throw new IllegalStateException("no leader although a command was just answered");
  }

  /** Asks until the cluster has its identity and the started servers say that they are ready. */
  private long awaitReady() throws Exception {
    long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (true) {
      Reply.Cluster cluster = (Reply.Cluster) query(new Query.GetCluster());
      boolean ready = cluster.clusterId() != 0;
      for (int i = 0; i < 3; i++) {
        ready &= servers[i] == null || http(i, "/readyz").startsWith("HTTP/1.1 200 ");
      }
      if (ready) {
        return cluster.clusterId();
      }
      assertTrue(System.nanoTime() < deadlineNanos, "not ready in time");
    }
  }

  private Reply call(Command command) throws Exception {
    return client.submit(command).toCompletableFuture().get(40, TimeUnit.SECONDS);
  }

  private Reply query(Query query) throws Exception {
    return client.query(query).toCompletableFuture().get(40, TimeUnit.SECONDS);
  }

  private String http(int i, String path) throws IOException {
    Address at = servers[i].httpAddress();
    try (Socket socket = new Socket(at.host(), at.port())) {
      socket
          .getOutputStream()
          .write(
              ("GET " + path + " HTTP/1.1\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
