package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.ratis.RatisMetadataClient;
import io.cairn.metadata.server.ListeningPorts;
import io.cairn.metadata.server.MetadataOptions;
import io.cairn.metadata.server.MetadataServer;
import io.cairn.storage.node.StorageNode;
import io.cairn.storage.node.StorageOptions;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Gateways over a real metadata server, three real storage nodes and real sockets. */
class GatewayTest {
  private static final long MIB = 1 << 20;

  @TempDir Path directory;
  private String metadataAddress;
  private MetadataServer member;
  private RatisMetadataClient client;
  private final StorageNode[] nodes = new StorageNode[3];
  private final String[] nodeAddresses = new String[3];
  private final List<Gateway> gateways = new ArrayList<>();

  @BeforeEach
  void start() throws Exception {
    metadataAddress = ListeningPorts.address();
    startMetadata();
    client = RatisMetadataClient.connect(99, List.of(metadataAddress), Duration.ofSeconds(20));
    for (int i = 0; i < 3; i++) {
      nodeAddresses[i] = ListeningPorts.address();
      startNode(i);
    }
    for (StorageNode node : nodes) {
      node.serving().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }
    create("vol", 64 * MIB);
  }

  private void startMetadata() throws IOException {
    member =
        MetadataServer.start(
            MetadataOptions.SET.read(
                null,
                Map.of(),
                Map.of(
                    "metadata.address",
                    metadataAddress,
                    "metadata.group",
                    metadataAddress,
                    "http.address",
                    "127.0.0.1:0",
                    "data.directory",
                    directory.resolve("metadata").toString())));
  }

  private void startNode(int number) throws IOException {
    nodes[number] =
        StorageNode.start(
            StorageOptions.SET.read(
                null,
                Map.of(),
                Map.of(
                    "data.address",
                    nodeAddresses[number],
                    "metadata.addresses",
                    metadataAddress,
                    "http.address",
                    "127.0.0.1:0",
                    "data.directory",
                    directory.resolve("node-" + number).toString(),
                    "journal.size",
                    "64MiB",
                    "journal.segment",
                    "4MiB",
                    "host",
                    "host-" + number)));
  }

  @AfterEach
  void stop() throws Exception {
    for (Gateway gateway : gateways) {
      gateway.close();
    }
    for (StorageNode node : nodes) {
      node.close();
    }
    client.close();
    member.close();
  }

  private Reply submit(Command command) throws Exception {
    return client.submit(command).toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  private void create(String name, long sizeBytes) throws Exception {
    Reply reply =
        submit(new Command.CreateVolume(name, sizeBytes, (int) MIB, 3, 2, Durability.FLUSH));
    assertTrue(reply instanceof Reply.Volume, reply.toString());
  }

  private VolumeRecord record(String name) throws Exception {
    Reply reply =
        client.query(new Query.GetVolume(name)).toCompletableFuture().get(30, TimeUnit.SECONDS);
    return ((Reply.Volume) reply).volume();
  }

  private Gateway gateway(String name, String... settings) throws IOException {
    Map<String, String> overrides = new HashMap<>();
    overrides.put("metadata.addresses", metadataAddress);
    overrides.put("nbd.address", "127.0.0.1:0");
    overrides.put("http.address", "127.0.0.1:0");
    overrides.put("name", name);
    overrides.put("volume.linger", "200ms");
    for (int i = 0; i < settings.length; i += 2) {
      overrides.put(settings[i], settings[i + 1]);
    }
    Gateway gateway = Gateway.start(GatewayOptions.SET.read(null, Map.of(), overrides));
    gateways.add(gateway);
    return gateway;
  }

  private static NbdTestClient open(Gateway gateway, String name) throws IOException {
    NbdTestClient opened = new NbdTestClient(gateway.nbdAddress().port());
    int reply = opened.go(name);
    assertEquals(1, reply, () -> "refused: " + opened.refusal);
    return opened;
  }

  private static byte[] bytes(int length, int seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  /** Waits on the condition, which depends on other threads; at most half a minute. */
  private static void await(Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.call()) {
      assertTrue(System.nanoTime() < end, "it did not happen within half a minute");
      Thread.onSpinWait();
      Thread.yield();
    }
  }

  @Test
  void whatOneConnectionWroteAnotherReadsAndTheVolumeIsFreeWhenBothAreGone() throws Exception {
    Gateway gateway = gateway("a");
    byte[] data = bytes((int) (3 * MIB), 1);
    try (NbdTestClient one = open(gateway, "vol");
        NbdTestClient other = open(gateway, "")) {
      assertEquals(64 * MIB, other.sizeBytes);
      assertEquals(0, one.write(1000, data));
      assertArrayEquals(data, other.read(1000, data.length));
      assertEquals(0, other.flush());
      assertEquals("a", record("vol").owner().gateway());
      assertEquals(1, record("vol").generation());
    }
    await(() -> record("vol").owner() == null);
    try (NbdTestClient again = open(gateway, "vol")) {
      assertArrayEquals(data, again.read(1000, data.length));
      assertEquals(2, record("vol").generation());
    }
  }

  @Test
  void listingAndLookingDoNotTakeAVolumeAndUnknownOnesAreNamed() throws Exception {
    create("other", 32 * MIB);
    Gateway gateway = gateway("a");
    try (NbdTestClient looking = new NbdTestClient(gateway.nbdAddress().port())) {
      assertEquals(List.of("vol", "other"), looking.list().stream().sorted().toList().reversed());
      assertEquals(1, looking.info("other"));
      assertEquals(32 * MIB, looking.sizeBytes);
      assertEquals(0x80000006, looking.go("nope"));
      assertTrue(looking.refusal.contains("nope"), looking.refusal);
      assertEquals(0x80000006, looking.go(""));
      assertTrue(looking.refusal.contains("2 volumes"), looking.refusal);
    }
    assertEquals(0, record("other").generation());
  }

  @Test
  void aSecondGatewayTakesTheVolumeOverAndTheFirstDoesNotFightForIt() throws Exception {
    Gateway a = gateway("a");
    Gateway b = gateway("b");
    byte[] data = bytes(8192, 2);
    try (NbdTestClient first = open(a, "vol")) {
      assertEquals(0, first.write(0, data));
      try (NbdTestClient second = open(b, "vol")) {
        assertArrayEquals(data, second.read(0, data.length));
        assertEquals(0, second.write(0, bytes(8192, 3)));
        assertThrows(IOException.class, () -> first.read(0, 8192));
        try (NbdTestClient impatient = new NbdTestClient(a.nbdAddress().port())) {
          assertEquals(0x80000002, impatient.go("vol"));
          assertTrue(impatient.refusal.contains("another gateway"), impatient.refusal);
        }
        assertArrayEquals(bytes(8192, 3), second.read(0, 8192));
        assertEquals("b", record("vol").owner().gateway());
      }
    }
  }

  @Test
  void aResizeIsSeenByTheNextConnection() throws Exception {
    Gateway gateway = gateway("a");
    try (NbdTestClient before = open(gateway, "vol")) {
      assertEquals(64 * MIB, before.sizeBytes);
      submit(new Command.ResizeVolume("vol", 128 * MIB));
      try (NbdTestClient after = open(gateway, "vol")) {
        assertEquals(128 * MIB, after.sizeBytes);
        assertEquals(0, after.write(100 * MIB, bytes(4096, 4)));
        assertArrayEquals(bytes(4096, 4), after.read(100 * MIB, 4096));
      }
    }
  }

  @Test
  void aNodeThatDiesAndReturnsIsNotNoticedByTheClient() throws Exception {
    Gateway gateway = gateway("a");
    try (NbdTestClient one = open(gateway, "vol")) {
      assertEquals(0, one.write(0, bytes(4096, 1)));
      nodes[0].close();
      for (int i = 0; i < 20; i++) {
        assertEquals(0, one.write(4096L * i, bytes(4096, i)));
      }
      startNode(0);
      for (int i = 0; i < 20; i++) {
        assertArrayEquals(bytes(4096, i), one.read(4096L * i, 4096));
      }
      await(this::isWhole);
      assertTrue(metrics(gateway).contains("cairn_volume_demotions_total{volume=\"vol\"}"));
    }
  }

  @Test
  void aVolumeThatItsClientLeavesWhileANodeIsAwayIsMadeWholeBeforeItIsGivenUp() throws Exception {
    Gateway gateway = gateway("a");
    try (NbdTestClient one = open(gateway, "vol")) {
      assertEquals(0, one.write(0, bytes(4096, 1)));
      nodes[0].close();
      for (int i = 0; i < 20; i++) {
        assertEquals(0, one.write(4096L * i, bytes(4096, i)));
      }
    }
    startNode(0);
    await(() -> record("vol").owner() == null);
    assertTrue(isWhole());
  }

  @Test
  void aVolumeThatNobodyHasAttachedIsMendedAndGivesWayToAClient() throws Exception {
    Gateway gateway = gateway("a");
    NbdTestClient one = open(gateway, "vol");
    nodes[0].close();
    for (int i = 0; i < 20; i++) {
      assertEquals(0, one.write(4096L * i, bytes(4096, i)));
    }
    gateway.close();
    one.close();
    assertFalse(isWhole());
    long generation = record("vol").generation();
    Gateway other = gateway("b");
    startNode(0);
    await(() -> isWhole() && record("vol").owner() == null);
    assertTrue(record("vol").generation() > generation);
    try (NbdTestClient again = open(other, "vol")) {
      for (int i = 0; i < 20; i++) {
        assertArrayEquals(bytes(4096, i), again.read(4096L * i, 4096));
      }
    }
  }

  private boolean isWhole() throws Exception {
    Reply reply =
        client.query(new Query.GetVolume("vol")).toCompletableFuture().get(30, TimeUnit.SECONDS);
    Reply.VolumeHealth health = ((Reply.Volume) reply).health();
    return health.inSync() == health.chunks();
  }

  @Test
  void theGatewayStartsWithoutMetadataAndServesOnceItIsThereAndGoesOnWithoutIt() throws Exception {
    member.close();
    Gateway gateway = gateway("a");
    assertTrue(get(gateway, "/readyz", 503).contains("waiting for the metadata"));
    NbdTestClient waiting = new NbdTestClient(gateway.nbdAddress().port());
    Thread opener =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    waiting.go("vol");
                  } catch (IOException e) {
                    throw new IllegalStateException(e);
                  }
                });
    startMetadata();
    opener.join(30_000);
    assertEquals(64 * MIB, waiting.sizeBytes);
    await(() -> gateway.notReadyReason() == null);
    assertEquals(0, waiting.write(0, bytes(4096, 1)));
    member.close();
    for (int i = 0; i < 50; i++) {
      assertEquals(0, waiting.write(4096L * i, bytes(4096, i)));
    }
    try (NbdTestClient another = open(gateway, "vol")) {
      assertArrayEquals(bytes(4096, 7), another.read(4096 * 7, 4096));
    }
    startMetadata();
    assertEquals(0, waiting.write(32 * MIB, bytes(4096, 9)));
    waiting.close();
    await(() -> record("vol").owner() == null);
  }

  @Test
  void aStoppedGatewayGivesItsVolumesUp() throws Exception {
    Gateway gateway = gateway("a");
    NbdTestClient one = open(gateway, "vol");
    assertEquals(0, one.write(0, bytes(4096, 1)));
    gateway.close();
    assertNull(record("vol").owner());
    assertThrows(IOException.class, () -> one.read(0, 4096));
    one.close();
  }

  @Test
  void aUnixSocketIsServedToAndOnlyADeadOneIsReplaced() throws Exception {
    Path socket = directory.resolve("nbd.sock");
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(socket));
    }
    Gateway gateway = gateway("a", "nbd.socket", socket.toString());
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      ByteBuffer greeting = ByteBuffer.allocate(18);
      while (greeting.hasRemaining() && channel.read(greeting) >= 0) {
        continue;
      }
      assertEquals(0x4e42444d41474943L, greeting.getLong(0));
    }
    IOException taken =
        assertThrows(IOException.class, () -> gateway("b", "nbd.socket", socket.toString()));
    assertTrue(taken.getMessage().contains("another process listens there"), taken.getMessage());
    Path file = Files.writeString(directory.resolve("file"), "mine");
    assertThrows(IOException.class, () -> gateway("b", "nbd.socket", file.toString()));
    assertEquals("mine", Files.readString(file));
    gateway.close();
    assertFalse(Files.exists(socket));
  }

  private static String metrics(Gateway gateway) throws Exception {
    return get(gateway, "/metrics", 200);
  }

  private static String get(Gateway gateway, String path, int status) throws Exception {
    try (HttpClient http = HttpClient.newHttpClient()) {
      HttpResponse<InputStream> response =
          http.send(
              HttpRequest.newBuilder(URI.create("http://" + gateway.httpAddress() + path)).build(),
              HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream body = response.body()) {
        assertEquals(status, response.statusCode());
        return new String(body.readAllBytes(), StandardCharsets.UTF_8);
      }
    }
  }
}
