package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RecordedLoad;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * File systems that are full under processes that run: the one of a node's cache tier and those of
 * the metadata servers. Whoever has no room says so and stands aside; the others serve, nothing
 * that was acknowledged is lost, and with room there again everything is as before.
 */
class FullDevicesIT {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final double STALL_MAX_SECONDS = 4;
  private static final int CACHE_MEBIBYTES = 176;
  private static final int METADATA_MEBIBYTES = 96;
  private static final int LOG_LINES_MAX = 300;
  private static final int COMMANDS_AT_ONCE = 250;
  private static final long COMMANDS_MAX = 50_000;
  private static final long VOLUME_BYTES = 1L << 30;
  private static final String VOLUME = "disk";

  /** All of the volume: many pages change, so that the catalogue soon needs room. */
  private static final int VOLUME_BLOCKS = 64 << 10;

  @TempDir private static Path directory;

  private static RunningCluster cluster;
  private static SmallFileSystem cache;
  private static final Map<String, SmallFileSystem> metadata = new LinkedHashMap<>();

  /** The directories exist only after the first start: then they move to their file systems. */
  @BeforeAll
  static void startsCluster() throws IOException {
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), true, Map.of(VOLUME, "256MiB")));
    assertEquals(0, cluster.stop());
    cache = moved("storage-1/cache", CACHE_MEBIBYTES);
    for (Member member : cluster.members("metadata-")) {
      metadata.put(member.name(), moved(member.name(), METADATA_MEBIBYTES));
    }
    cluster.start();
  }

  private static SmallFileSystem moved(String name, int sizeMebibytes) throws IOException {
    Path place = cluster.directory().resolve(name);
    SmallFileSystem small =
        SmallFileSystem.mount(directory.resolve(name.replace('/', '-')), sizeMebibytes);
    Path target = small.mountPoint().resolve("data");
    new Tool("mv", "coreutils").run(LIMIT, place.toString(), target.toString()).ok();
    Files.createSymbolicLink(place, target);
    return small;
  }

  @AfterAll
  static void stopsCluster() {
    if (cluster != null) {
      cluster.close();
    }
    if (cache != null) {
      cache.close();
    }
    metadata.values().forEach(SmallFileSystem::close);
  }

  private static RecordedLoad load() {
    RecordedLoad load =
        new RecordedLoad(
            cluster.nbdPort(), VOLUME, new RecordedLoad.Settings(0, VOLUME_BLOCKS, 16, 200, 1));
    load.start().awaitProgress(200, LIMIT);
    load.forgetStall();
    return load;
  }

  private static void checkStall(RecordedLoad load) {
    load.checkNoFailure();
    double seconds = load.stallSeconds();
    System.out.printf("  longest stall: %.2f s%n", seconds);
    assertTrue(seconds < STALL_MAX_SECONDS, () -> "a request took " + seconds + " s");
  }

  @Test
  void fullCacheDeviceTakesItsReplicasOutUntilThereIsRoom() throws IOException {
    Member node = cluster.member("storage-1");
    long pid = node.process().orElseThrow().pid();
    try (RecordedLoad load = load()) {
      cache.fill();
      cluster.awaitDegraded(VOLUME, LIMIT);
      load.awaitProgress(2000, LIMIT);
      checkStall(load);
      Await.until(
          "the status says what the node lacks",
          LIMIT,
          () -> trouble(node.name()).contains("No space left on device"),
          () -> trouble(node.name()));
      assertTrue(logLines(node) < LOG_LINES_MAX, () -> "a flood of lines:\n" + node.logTail());

      // Who starts again on a full device says why it cannot, and harms nothing.
      node.kill();
      node.start();
      Await.until("the node gives up", LIMIT, () -> node.process().isEmpty(), node::logTail);
      String last = node.logTail().lines().toList().getLast();
      assertTrue(last.startsWith("cairn: storage: "), node.logTail());
      assertTrue(last.contains("No space left on device"), last);

      cache.makeRoom();
      node.restart();
      cluster.awaitInSync(VOLUME, LIMIT);
      checkStall(load);
      System.out.println("  " + load.finish());
    }
    assertTrue(node.process().orElseThrow().pid() != pid);
  }

  private static String trouble(String node) {
    return cluster().nodes().stream()
        .filter(status -> status.node().name().equals(node))
        .map(status -> String.valueOf(status.trouble()))
        .findFirst()
        .orElse("there is no such node");
  }

  private static int logLines(Member member) {
    try {
      Path log = cluster.directory().resolve("run").resolve(member.name() + ".log");
      return Files.readAllLines(log).size();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The same without a restart: room is all that was missing. */
  @Test
  void nodeGoesOnByItselfWhenItsCacheDeviceHasRoomAgain() throws IOException {
    Member node = cluster.member("storage-1");
    long pid = node.process().orElseThrow().pid();
    try (RecordedLoad load = load()) {
      cache.fill();
      cluster.awaitDegraded(VOLUME, LIMIT);
      cache.makeRoom();
      cluster.awaitInSync(VOLUME, LIMIT);
      checkStall(load);
      System.out.println("  " + load.finish());
    }
    assertEquals(pid, node.process().orElseThrow().pid());
  }

  @Test
  void cacheDeviceThatIsTooSmallForTheJournalIsRefusedWithValueAndBound() throws IOException {
    try (SmallFileSystem small = SmallFileSystem.mount(directory.resolve("too-small"), 32)) {
      Path file = directory.resolve("too-small.yaml");
      Files.write(
          file,
          List.of(
              "data.address: '127.0.0.1:0'",
              "http.address: '127.0.0.1:0'",
              "metadata.addresses: '" + cluster.metadataAddresses() + "'",
              "data.directory: '" + directory.resolve("too-small-data") + "'",
              "cache.directory: '" + small.mountPoint() + "'",
              "journal.size: 64MiB",
              "journal.segment: 8MiB"));
      Tool.Result refused = Program.run(LIMIT, "storage", "--config", file.toString());
      assertEquals(1, refused.exitCode(), refused.toString());
      String line =
          refused.output().lines().filter(l -> l.startsWith("cairn: ")).findFirst().orElseThrow();
      assertTrue(line.contains("journal.size") && line.contains("64MiB"), line);
      assertTrue(line.contains(small.mountPoint().toString()) && line.contains("free"), line);
    }
    // It never became a node.
    assertEquals(3, cluster().nodes().size());
  }

  @Test
  void fullDiskOfTheMetadataLeaderStopsThatServerOnly() throws Exception {
    Member leader = cluster.metadataLeader().orElseThrow();
    fullDiskStopsOne(leader);
  }

  @Test
  void fullDiskOfMetadataFollowerStopsThatServerOnly() throws Exception {
    Member leader = cluster.metadataLeader().orElseThrow();
    Member follower =
        cluster.members("metadata-").stream().filter(m -> m != leader).findFirst().orElseThrow();
    fullDiskStopsOne(follower);
  }

  private static void fullDiskStopsOne(Member server) throws Exception {
    SmallFileSystem disk = metadata.get(server.name());
    try (RecordedLoad load = load();
        RatisMetadataClient client =
            RatisMetadataClient.connect(
                System.nanoTime(), List.of(cluster.metadataAddresses().split(",")), LIMIT)) {
      disk.fill();
      long number = 0;
      while (server.process().isPresent()) {
        assertTrue(number < COMMANDS_MAX, "the server still takes entries; " + disk.freeBytes());
        change(client, server.name(), number);
        number += COMMANDS_AT_ONCE;
      }
      List<String> log = server.logTail().lines().toList();
      assertTrue(log.getLast().startsWith("cairn: metadata: "), server.logTail());
      assertTrue(log.getLast().contains("No space left on device"), server.logTail());
      assertTrue(log.getLast().contains("free"), server.logTail());
      change(client, server.name(), number);
      checkStall(load);

      disk.makeRoom();
      server.restart();
      // A majority now needs the one that was away, and has what it missed.
      Member other =
          cluster.members("metadata-").stream().filter(m -> m != server).findFirst().orElseThrow();
      other.kill();
      change(client, server.name(), number + COMMANDS_AT_ONCE);
      other.restart();
      checkStall(load);
      System.out.printf("  %d commands before %s stopped%n", number, server.name());
      System.out.println("  " + load.finish());
    }
    assertEquals(
        List.of(VOLUME), cluster().volumes().stream().map(v -> v.volume().name()).toList());
  }

  /** Volumes that come and go: each command is an entry of the log, and has its effect once. */
  private static void change(RatisMetadataClient client, String name, long number)
      throws Exception {
    List<CompletableFuture<Reply>> replies = new ArrayList<>();
    for (long i = number; i < number + COMMANDS_AT_ONCE; i++) {
      replies.add(
          submit(
              client,
              new Command.CreateVolume(name + "-" + i, VOLUME_BYTES, 0, 0, 0, Durability.FLUSH)));
    }
    for (CompletableFuture<Reply> reply : replies) {
      assertInstanceOf(Reply.Volume.class, reply.get(LIMIT.toSeconds(), TimeUnit.SECONDS));
    }
    replies.clear();
    for (long i = number; i < number + COMMANDS_AT_ONCE; i++) {
      replies.add(submit(client, new Command.DeleteVolume(name + "-" + i, false)));
    }
    for (CompletableFuture<Reply> reply : replies) {
      assertInstanceOf(Reply.Volume.class, reply.get(LIMIT.toSeconds(), TimeUnit.SECONDS));
    }
  }

  private static CompletableFuture<Reply> submit(RatisMetadataClient client, Command command) {
    return client.submit(command).toCompletableFuture();
  }

  private static Reply.Cluster cluster() {
    try (RatisMetadataClient client =
        RatisMetadataClient.connect(
            System.nanoTime(), List.of(cluster.metadataAddresses().split(",")), LIMIT)) {
      return (Reply.Cluster) client.query(new Query.GetCluster()).toCompletableFuture().join();
    }
  }
}
