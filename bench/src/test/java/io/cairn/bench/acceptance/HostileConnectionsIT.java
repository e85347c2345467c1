package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.NbdClient;
import io.cairn.bench.chaos.RecordedLoad;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Thousands of connections that bring garbage, or half a greeting and then silence, on every port
 * of processes that serve: they work on undisturbed, and keep nothing of it. The long form ({@code
 * -Dcairn.acceptance=long}) takes 20,000 and 2,000 for each port.
 */
@Tag("alone")
class HostileConnectionsIT {
  private static final boolean LONG = "long".equals(System.getProperty("cairn.acceptance"));
  private static final int GARBAGE_PER_PORT = LONG ? 20_000 : 500;
  private static final int SILENT_PER_PORT = LONG ? 2_000 : 300;
  private static final int WARM_UP_PER_PORT = LONG ? 2_000 : 200;
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final double STALL_MAX_SECONDS = 4;

  /** Above what the collector and the compiler make of an ordinary minute of load. */
  private static final long HEAP_GROWTH_MAX = 12L << 20;

  private static final long ANONYMOUS_GROWTH_MAX = 96L << 20;
  private static final long THREAD_GROWTH_MAX = 12;
  private static final long DESCRIPTOR_GROWTH_MAX = 12;
  private static final long LOG_LINES_MAX = 50;
  private static final String VOLUME = "disk";

  @TempDir private static Path directory;

  private static RunningCluster cluster;

  @BeforeAll
  static void startsCluster() {
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), true, Map.of(VOLUME, "128MiB")));
  }

  @AfterAll
  static void stopsCluster() {
    if (cluster != null) {
      cluster.close();
    }
  }

  private enum Kind {
    NBD,
    ISCSI,
    DATA,
    RAFT,
    HTTP
  }

  private static Map<Integer, Kind> ports() {
    Map<Integer, Kind> ports = new LinkedHashMap<>();
    ports.put(cluster.nbdPort(), Kind.NBD);
    ports.put(cluster.iscsiPort(), Kind.ISCSI);
    ports.put(cluster.basePort() + 61, Kind.HTTP);
    for (int number = 1; number <= 3; number++) {
      ports.put(cluster.basePort() + number, Kind.RAFT);
      ports.put(cluster.basePort() + 10 + number, Kind.HTTP);
      ports.put(cluster.basePort() + 20 + number, Kind.DATA);
      ports.put(cluster.basePort() + 40 + number, Kind.HTTP);
    }
    return ports;
  }

  private static RecordedLoad load() {
    RecordedLoad load =
        new RecordedLoad(
            cluster.nbdPort(), VOLUME, new RecordedLoad.Settings(12_288, 8192, 8, 1000, 1));
    load.start().awaitProgress(200, LIMIT);
    load.forgetStall();
    return load;
  }

  private static Map<Member, Footprint> footprints() {
    Map<Member, Footprint> footprints = new LinkedHashMap<>();
    cluster.members().forEach(member -> footprints.put(member, Footprint.of(member)));
    return footprints;
  }

  private static Map<Member, Long> logLines() throws IOException {
    Map<Member, Long> counts = new LinkedHashMap<>();
    for (Member member : cluster.members()) {
      Path log = cluster.directory().resolve("run").resolve(member.name() + ".log");
      counts.put(member, (long) Files.readAllLines(log).size());
    }
    return counts;
  }

  private static void checkGrowth(Map<Member, Footprint> before, Map<Member, Long> linesBefore)
      throws IOException {
    Await.until(
        "no process keeps descriptors of connections that are gone",
        LIMIT,
        () ->
            before.entrySet().stream()
                .allMatch(
                    e ->
                        Footprint.descriptors(e.getKey().process().orElseThrow().pid())
                            <= e.getValue().descriptors() + DESCRIPTOR_GROWTH_MAX),
        () -> before + ", now " + footprints());
    Map<Member, Footprint> after = footprints();
    Map<Member, Long> lines = logLines();
    List<String> grown = new ArrayList<>();
    before.forEach(
        (member, was) -> {
          Footprint is = after.get(member);
          long said = lines.get(member) - linesBefore.get(member);
          String text = member.name() + ": " + was + " -> " + is + ", " + said + " log lines";
          System.out.println("  " + text);
          if (is.heapBytes() - was.heapBytes() > HEAP_GROWTH_MAX
              || is.anonymousBytes() - was.anonymousBytes() > ANONYMOUS_GROWTH_MAX
              || is.threads() - was.threads() > THREAD_GROWTH_MAX
              || said > LOG_LINES_MAX) {
            grown.add(text);
          }
        });
    assertEquals(List.of(), grown);
  }

  @Test
  void garbageOnEveryPortDisturbsNobodyAndLeavesNothing() throws IOException {
    try (RecordedLoad load = load()) {
      ports().keySet().forEach(port -> Garbage.throwMany(port, WARM_UP_PER_PORT));
      Map<Member, Footprint> before = footprints();
      Map<Member, Long> lines = logLines();
      load.forgetStall();
      ports().keySet().forEach(port -> Garbage.throwMany(port, GARBAGE_PER_PORT));
      load.checkNoFailure();
      double stall = load.stallSeconds();
      System.out.printf(
          "  %d connections with garbage to each of %d ports; longest stall %.2f s%n",
          GARBAGE_PER_PORT, ports().size(), stall);
      assertTrue(stall < STALL_MAX_SECONDS, () -> "a request took " + stall + " s");
      checkGrowth(before, lines);
      System.out.println("  " + load.finish());
    }
  }

  @Test
  void silentConnectionsLockNobodyOutAndAreDropped() throws Exception {
    try (RecordedLoad load = load()) {
      for (int port : ports().keySet()) {
        Garbage.close(Garbage.silent(port, half(ports().get(port)), 100));
      }
      Map<Member, Footprint> before = footprints();
      Map<Member, Long> lines = logLines();
      load.forgetStall();
      silentOnEveryPort();
      load.checkNoFailure();
      double stall = load.stallSeconds();
      System.out.printf("  longest stall %.2f s%n", stall);
      assertTrue(stall < STALL_MAX_SECONDS, () -> "a request took " + stall + " s");
      checkGrowth(before, lines);
      System.out.println("  " + load.finish());
    }
  }

  /** On all of them at once: the longest wait, half a minute on the gateway's, is the only one. */
  private static void silentOnEveryPort() throws Exception {
    Map<Kind, List<Socket>> silent = new EnumMap<>(Kind.class);
    try {
      for (Map.Entry<Integer, Kind> port : ports().entrySet()) {
        silent
            .computeIfAbsent(port.getValue(), kind -> new ArrayList<>())
            .addAll(Garbage.silent(port.getKey(), half(port.getValue()), SILENT_PER_PORT));
      }
      for (Map.Entry<Integer, Kind> port : ports().entrySet()) {
        othersAreServed(port.getKey(), port.getValue());
      }
      Set<Kind> dropped = EnumSet.noneOf(Kind.class);
      Await.until(
          "the silent connections are dropped",
          LIMIT,
          () -> {
            silent.forEach(
                (kind, sockets) -> {
                  if (sockets.stream().allMatch(Garbage::isDropped) && dropped.add(kind)) {
                    System.out.println(
                        "  " + sockets.size() + " silent connections for " + kind + " are dropped");
                  }
                });
            return dropped.size() == silent.size();
          },
          () -> "only those for " + dropped);
    } finally {
      for (List<Socket> sockets : silent.values()) {
        Garbage.close(sockets);
      }
    }
  }

  /** Beginnings of what the port expects, and nothing at all. */
  private static List<byte[]> half(Kind kind) {
    return switch (kind) {
      case NBD -> List.of(new byte[0], new byte[2], Garbage.hugeOption());
      case ISCSI -> List.of(new byte[0], new byte[47], Garbage.loginWithoutItsData());
      case DATA -> List.of(new byte[0], Garbage.halfHello());
      case RAFT -> List.of(new byte[0], ascii("PRI * HTTP/2.0\r\n"));
      case HTTP -> List.of(new byte[0], ascii("GET /metr"), ascii("GET / HTTP/1.1\r\nX: "));
    };
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static void othersAreServed(int port, Kind kind) throws Exception {
    switch (kind) {
      case NBD -> {
        try (NbdClient client = NbdClient.connect(port, VOLUME)) {
          assertEquals(4096, client.read(0, 4096).get(60, TimeUnit.SECONDS).length);
        }
      }
      case ISCSI -> {
        String portal = "iscsi://127.0.0.1:" + port;
        String targets = Tool.ISCSI_LS.run(LIMIT, portal).ok().output();
        assertTrue(targets.contains(":" + VOLUME), targets);
      }
      case RAFT -> {
        try (RatisMetadataClient client =
            RatisMetadataClient.connect(System.nanoTime(), addresses(), LIMIT)) {
          client.query(new Query.GetCluster()).toCompletableFuture().get(60, TimeUnit.SECONDS);
        }
      }
      case HTTP ->
          cluster.members().stream()
              .filter(member -> member.httpPort() == port)
              .forEach(Member::metrics);
      // The gateway's connections are there already; a new one is tried where sockets are not real.
      case DATA -> {}
    }
  }

  private static List<String> addresses() {
    return List.of(cluster.metadataAddresses().split(","));
  }
}
