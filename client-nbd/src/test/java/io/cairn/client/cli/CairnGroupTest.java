package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command.InitCluster;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.server.ListeningPorts;
import io.cairn.metadata.server.MetadataOptions;
import io.cairn.metadata.server.MetadataServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The verbs against three real metadata servers. */
class CairnGroupTest {
  @TempDir static Path directory;
  private static final List<String> ADDRESSES = new ArrayList<>();
  private static long clusterId;
  private static final List<MetadataServer> SERVERS = new ArrayList<>();

  @BeforeAll
  static void start() throws Exception {
    for (int i = 0; i < 3; i++) {
      ADDRESSES.add(ListeningPorts.address());
    }
    for (String address : ADDRESSES) {
      SERVERS.add(
          MetadataServer.start(
              MetadataOptions.SET.read(
                  null,
                  Map.of(),
                  Map.of(
                      "metadata.address",
                      address,
                      "metadata.group",
                      String.join(",", ADDRESSES),
                      "http.address",
                      "127.0.0.1:0",
                      "data.directory",
                      directory.resolve(address.replace(':', '_')).toString()))));
    }
    try (MetadataClient client = new GroupConnector().connect(ADDRESSES, Duration.ofSeconds(10))) {
      clusterId =
          ((Reply.ClusterIdentity)
                  client.submit(new InitCluster(0xca1)).toCompletableFuture().join())
              .clusterId();
    }
  }

  @AfterAll
  static void stop() throws IOException {
    for (MetadataServer server : SERVERS) {
      server.close();
    }
    SERVERS.clear();
    ADDRESSES.clear();
  }

  @Test
  void aVolumesLife() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    run("volume", "resize", "v", "--size", "2GiB").succeeds();
    JsonNode volume = run("volume", "show", "v", "-o", "json").json();
    assertEquals(2L << 30, volume.get("sizeBytes").asLong());
    assertEquals(1, run("volume", "ls", "-o", "json").json().size());
    run("volume", "rm", "v").succeeds();
    assertEquals(0, run("volume", "ls", "-o", "json").json().size());
    JsonNode status = run("status", "-o", "json").json();
    assertEquals(Long.toHexString(clusterId), status.get("clusterId").asText());
    assertEquals(3, status.get("metadata").size());
  }

  /** Somebody who knows only one server, which need not be the leader, is served. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void oneServerIsEnoughToFindTheLeader(int index) {
    CommandRun.of(cairn(), "status", "--metadata", ADDRESSES.get(index)).succeeds();
  }

  @Test
  void theServersMayBeNamedDifferentlyThanInTheirOwnSettings() {
    String renamed = String.join(",", ADDRESSES).replace("127.0.0.1", "localhost");
    CommandRun.of(cairn(), "status", "--metadata", renamed).succeeds();
  }

  @Test
  void aClusterThatIsNotThereIsToldAtOnce() throws Exception {
    String nowhere = ListeningPorts.address();
    CommandRun run = CommandRun.of(cairn(), "volume", "ls", "--metadata", nowhere);
    run.fails(
        1,
        "cairn: no metadata server answers at "
            + nowhere
            + " (Connection refused); start the cluster, or name its servers with --metadata or"
            + " CAIRN_METADATA");
  }

  @Test
  void somethingElseOnThePortEndsInOneLine() throws Exception {
    try (ServerSocket mute = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + mute.getLocalPort();
      CommandRun run =
          CommandRun.of(cairn(), "volume", "ls", "--timeout", "1", "--metadata", address);
      assertEquals(1, run.exitCode());
      assertTrue(run.err().startsWith("cairn: the metadata group did not answer within 1 s"));
      assertEquals(1, run.err().lines().count(), run.err());
    }
  }

  private static CommandRun run(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--metadata");
    all.add(String.join(",", ADDRESSES));
    return CommandRun.of(cairn(), all.toArray(String[]::new));
  }

  private static Cairn cairn() {
    return new Cairn(new GroupConnector(), Map.of());
  }
}
