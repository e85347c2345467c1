package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RecordedLoad;
import io.cairn.bench.chaos.RunningCluster;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Bits that flip in what servers keep about the data: catalogues and journals of nodes, state and
 * log of metadata servers. A client whose every read is checked goes on meanwhile. The data itself
 * is {@link ScrubIT}'s.
 */
class RotIT {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String VOLUME = "vol";

  @TempDir private static Path directory;

  @Test
  void itIsFoundTheOthersServeAndItIsMended() throws Exception {
    RunningCluster.Settings settings =
        new RunningCluster.Settings(
            directory.resolve("cluster"),
            true,
            5,
            Map.of(VOLUME, "64MiB"),
            List.of(),
            Map.of("CAIRN_METADATA_NODE_AWAY_GRACE", "10s", "CAIRN_METADATA_REBALANCE", "false"));
    try (RunningCluster cluster = RunningCluster.start(settings);
        RecordedLoad load =
            new RecordedLoad(
                cluster.nbdPort(), VOLUME, new RecordedLoad.Settings(0, 4096, 8, 2000, 7))) {
      load.start().awaitProgress(4000, LIMIT);
      cluster.awaitInSync(VOLUME, LIMIT);
      ofANodesCatalogue(cluster, load, ".*/catalogue/MANIFEST.*");
      ofANodesCatalogue(cluster, load, ".*/catalogue/\\d+\\.sst");
      ofANodesJournal(cluster, load);
      ofAMetadataServersState(cluster, load);
      ofAMetadataServersLog(cluster, load);
      aMetadataServerIsReplaced(cluster, load);
      load.checkNoFailure();
      System.out.println("  " + load.finish());
    }
  }

  /**
   * The shard does not serve, as nobody knows what it has: others take its chunks, and it begins
   * anew on an empty device.
   */
  private static void ofANodesCatalogue(RunningCluster cluster, RecordedLoad load, String pattern)
      throws IOException {
    Member node = startedAnew(cluster);
    node.kill();
    rot(home(cluster, node), pattern, 0.3);
    node.start();
    long begin = System.nanoTime();
    Await.until(
        node.name() + " finds it",
        LIMIT,
        () -> node.logTail().contains("checksum mismatch"),
        node::logTail);
    assertTrue(node.logTail().contains("catalogue"), node.logTail());
    Await.until(
        node.name() + " has nothing that counts",
        LIMIT,
        () -> replicas(cluster, node) == 0,
        () -> node.logTail() + ask(cluster, "node", "ls"));
    cluster.awaitInSync(VOLUME, LIMIT);
    load.awaitProgress(500, LIMIT);
    System.out.printf(
        "  %s: in sync on others after %.1f s, of which 10 s of grace%n",
        pattern, (System.nanoTime() - begin) / 1e9);
    if (node.process().isPresent()) {
      node.kill();
    }
    empty(home(cluster, node).resolve("cache"));
    node.restart();
  }

  /** A holder whose catalogue is in tables: a start writes what the log has into some. */
  private static Member startedAnew(RunningCluster cluster) {
    while (true) {
      Member node = holder(cluster);
      node.kill();
      node.restart();
      cluster.awaitInSync(VOLUME, LIMIT);
      // A start that takes longer than the grace costs the node its chunks.
      if (replicas(cluster, node) > 0) {
        return node;
      }
    }
  }

  private static int replicas(RunningCluster cluster, Member node) {
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      if (shown.path("name").asText().equals(node.name())) {
        return shown.path("replicas").asInt();
      }
    }
    throw new AssertionError("there is no " + node.name());
  }

  /** What comes behind the first bad record is copied anew. */
  private static void ofANodesJournal(RunningCluster cluster, RecordedLoad load)
      throws IOException {
    Member node = holder(cluster);
    node.kill();
    cluster.awaitDegraded(VOLUME, LIMIT);
    rot(home(cluster, node), ".*/journal/segment-\\d+", 0.5);
    node.start();
    double seconds = cluster.awaitInSync(VOLUME, LIMIT);
    load.awaitProgress(500, LIMIT);
    System.out.printf("  journal: in sync after %.1f s%n", seconds);
  }

  private static void ofAMetadataServersState(RunningCluster cluster, RecordedLoad load)
      throws IOException {
    Member server = follower(cluster);
    server.kill();
    rot(home(cluster, server), "state/MANIFEST.*", 0.5);
    comesBack(server, load, "state");
  }

  private static void ofAMetadataServersLog(RunningCluster cluster, RecordedLoad load)
      throws IOException {
    Member server = follower(cluster);
    server.kill();
    rot(home(cluster, server), "raft/.*/log_.*", 0);
    comesBack(server, load, "log");
  }

  private static void aMetadataServerIsReplaced(RunningCluster cluster, RecordedLoad load)
      throws IOException {
    Member server = follower(cluster);
    server.kill();
    empty(home(cluster, server));
    comesBack(server, load, "everything");
  }

  private static void empty(Path home) throws IOException {
    try (Stream<Path> all = Files.walk(home)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        if (!path.equals(home)) {
          Files.delete(path);
        }
      }
    }
  }

  /** It has what the others have: the next leader is only found with its help. */
  private static void comesBack(Member server, RecordedLoad load, String what) {
    long begin = System.nanoTime();
    server.start();
    server.awaitReady();
    load.awaitProgress(500, LIMIT);
    load.checkNoFailure();
    double damages = server.metrics().sum("cairn_metadata_damages_total");
    assertTrue(damages >= 1, what + ": " + damages);
    System.out.printf(
        "  %s of %s: ready after %.1f s%n", what, server.name(), (System.nanoTime() - begin) / 1e9);
  }

  private static Member follower(RunningCluster cluster) {
    Await.until("somebody leads", LIMIT, () -> cluster.metadataLeader().isPresent());
    String leader = cluster.metadataLeader().orElseThrow().name();
    return cluster.members("metadata-").stream()
        .filter(server -> !server.name().equals(leader))
        .findFirst()
        .orElseThrow();
  }

  private static Member holder(RunningCluster cluster) {
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      if (shown.path("replicas").asInt() > 0) {
        return cluster.member(shown.path("name").asText());
      }
    }
    throw new AssertionError("nobody has a replica");
  }

  private static JsonNode ask(RunningCluster cluster, String... verb) {
    String[] arguments = Arrays.copyOf(verb, verb.length + 4);
    List<String> more = List.of("-o", "json", "--metadata", cluster.metadataAddresses());
    for (int i = 0; i < more.size(); i++) {
      arguments[verb.length + i] = more.get(i);
    }
    JsonNode answer = Program.ask(arguments);
    assertTrue(answer != null, String.join(" ", verb) + " failed");
    return answer;
  }

  private static Path home(RunningCluster cluster, Member member) {
    return cluster.directory().resolve(member.name());
  }

  /** Flips a bit of each file whose path below the directory matches. */
  private static void rot(Path home, String pattern, double where) throws IOException {
    List<Path> found;
    try (Stream<Path> all = Files.walk(home)) {
      found =
          all.filter(Files::isRegularFile)
              .filter(file -> home.relativize(file).toString().matches(pattern))
              .toList();
    }
    assertFalse(found.isEmpty(), pattern + " in " + home);
    for (Path file : found) {
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        long place = (long) (where * channel.size());
        ByteBuffer one = ByteBuffer.allocate(1);
        channel.read(one, place);
        one.put(0, (byte) (one.get(0) ^ 0x10)).flip();
        channel.write(one, place);
      }
    }
  }
}
