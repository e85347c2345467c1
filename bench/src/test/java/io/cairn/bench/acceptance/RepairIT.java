package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.NbdClient;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RecordedLoad;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import io.cairn.storage.device.DeviceFaults;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** More nodes than replicas: what is lost or is to leave is placed anew, under a load. */
class RepairIT {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final String VOLUME = "vol";
  private static final int BLOCK_BYTES = 4096;
  private static final int CHUNK_BLOCKS = 16384;

  /** What the last writes before a kill may have lost in the node's own buffers. */
  private static final double SLACK_BYTES = 1 << 20;

  @TempDir private static Path directory;

  @Test
  void nodesComeBackLoseADeviceDieForGoodAndLeaveUnderAWriter() throws IOException {
    RunningCluster.Settings settings =
        new RunningCluster.Settings(
            directory.resolve("cluster"),
            true,
            5,
            Map.of(VOLUME, "256MiB"),
            List.of(),
            // Moves for the sake of even filling would be counted with what a node copies.
            Map.of(
                "CAIRN_METADATA_NODE_AWAY_GRACE",
                "10s",
                "CAIRN_METADATA_REBALANCE",
                "false",
                "CAIRN_STORAGE_TEST_DEVICE_FAULTS",
                "true"));
    try (RunningCluster cluster = RunningCluster.start(settings);
        RecordedLoad load =
            new RecordedLoad(
                cluster.nbdPort(),
                VOLUME,
                new RecordedLoad.Settings(CHUNK_BLOCKS - 2048, 4096, 8, 2000, 7))) {
      load.start().awaitProgress(500, LIMIT);
      cluster.awaitInSync(VOLUME, LIMIT);
      // First: a node that is started again here has not got the setting for the faults.
      losesADevice(cluster);
      comesBack(cluster, load);
      diesForGood(cluster);
      keepsAnotherNumberOfReplicas(cluster);
      leaves(cluster);
      load.checkNoFailure();
      System.out.println("  " + load.finish());
      losesTheDeviceOfTheLastReplica(cluster);
      losesTheLastReplica(cluster);
    }
  }

  @Test
  void aNodeThatIsAddedGetsItsShareByItself() throws IOException {
    RunningCluster.Settings settings =
        new RunningCluster.Settings(
            directory.resolve("grows"),
            true,
            3,
            Map.of(VOLUME, "64MiB"),
            List.of(),
            Map.of("CAIRN_STORAGE_TRASH_DELAY", "0s"));
    try (RunningCluster cluster = RunningCluster.start(settings)) {
      ask(cluster, "volume", "create", "many", "--size", "24MiB", "--chunk-size", "1MiB");
      try (NbdClient client = NbdClient.connect(cluster.nbdPort(), "many")) {
        for (int chunk = 0; chunk < 24; chunk++) {
          byte[] block = new byte[BLOCK_BYTES];
          Arrays.fill(block, (byte) (chunk + 1));
          client.write((long) chunk << 20, block, chunk == 23).join();
        }
      }
      assertEquals(0, cluster.stop());
      String added = cluster.startWithAnotherNode().name();
      long begin = System.nanoTime();
      Await.until(
          added + " has its share, which is 18 of 72 replicas, but for one",
          LIMIT,
          () -> {
            JsonNode shown = ask(cluster, "status").path("rebalance");
            return replicas(cluster, added) >= 17
                && shown.path("moves").asInt() == 0
                && !shown.path("moving").asBoolean();
          },
          () -> String.valueOf(ask(cluster, "status")));
      System.out.printf(
          "  %s has %d of 72 replicas after %.1f s%n",
          added, replicas(cluster, added), (System.nanoTime() - begin) / 1e9);
      assertEquals(72, replicasOf(cluster));
      Await.until(
          "those that gave replicas have given their space back",
          LIMIT,
          () -> usedBytes(cluster) == 72L << 20,
          () -> String.valueOf(ask(cluster, "node", "ls")));
      System.out.printf(
          "  72 MiB are used by 72 replicas after %.1f s%n", (System.nanoTime() - begin) / 1e9);
      cluster.awaitInSync("many", LIMIT);
      try (NbdClient client = NbdClient.connect(cluster.nbdPort(), "many")) {
        for (int chunk = 0; chunk < 24; chunk++) {
          byte[] block = new byte[BLOCK_BYTES];
          Arrays.fill(block, (byte) (chunk + 1));
          assertArrayEquals(block, client.read((long) chunk << 20, BLOCK_BYTES).join());
        }
      }
    }
  }

  /** A volume of one replica with one block; returns the node that has it. */
  private static Member writeOnce(RunningCluster cluster, String volume) {
    Map<String, Integer> before = new TreeMap<>();
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      before.put(shown.path("name").asText(), shown.path("replicas").asInt());
    }
    ask(cluster, "volume", "create", volume, "--size", "64MiB", "--replicas", "1");
    byte[] block = new byte[BLOCK_BYTES];
    Arrays.fill(block, (byte) 7);
    try (NbdClient client = NbdClient.connect(cluster.nbdPort(), volume)) {
      client.write(0, block, true).join();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertEquals(0, recover(cluster, volume).exitCode(), "nothing is lost");
    String holder =
        before.keySet().stream()
            .filter(name -> replicas(cluster, name) > before.get(name))
            .findFirst()
            .orElseThrow();
    return cluster.member(holder);
  }

  private static void readsAsZeroes(RunningCluster cluster, String volume) {
    try (NbdClient client = NbdClient.connect(cluster.nbdPort(), volume)) {
      assertArrayEquals(new byte[BLOCK_BYTES], client.read(0, BLOCK_BYTES).join());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Tool.Result shown = run(cluster, "volume", "show", volume).ok();
    assertTrue(shown.output().contains("given up"), shown.toString());
  }

  /**
   * What only a device had that was replaced is given up likewise, though its node lives and nobody
   * has attached the volume.
   */
  private static void losesTheDeviceOfTheLastReplica(RunningCluster cluster) throws IOException {
    String volume = "replaced";
    Member node = writeOnce(cluster, volume);
    node.kill();
    replaceCache(cluster, node);
    node.restart();
    long begin = System.nanoTime();
    Await.until(
        "somebody has found out what is lost, and how much",
        LIMIT,
        () -> {
          Tool.Result named = recover(cluster, volume);
          return named.exitCode() == 1 && named.output().contains("to 64MiB");
        },
        () -> recover(cluster, volume).toString());
    System.out.printf(
        "  the device of the last replica was replaced: known after %.1f s, not attached%n",
        (System.nanoTime() - begin) / 1e9);
    Await.until(
        "it is given up",
        LIMIT,
        () -> recover(cluster, volume, "--accept-data-loss").exitCode() == 0,
        () -> recover(cluster, volume).toString());
    readsAsZeroes(cluster, volume);
    // Its gateway keeps it for some seconds.
    Await.until(
        "the volume is deleted",
        LIMIT,
        () -> run(cluster, "volume", "rm", volume).exitCode() == 0,
        () -> run(cluster, "volume", "show", volume).toString());
  }

  /** What only one node had is given up by an operator's word, and reads as zeroes then. */
  private static void losesTheLastReplica(RunningCluster cluster) {
    Member node = writeOnce(cluster, "single");
    node.kill();
    Await.until(
        node.name() + " is known to be down",
        LIMIT,
        () -> !isUp(cluster, node.name()),
        () -> String.valueOf(ask(cluster, "node", "ls")));
    Tool.Result named = recover(cluster, "single");
    assertTrue(named.exitCode() == 1 && named.output().contains("may come back"), named.toString());
    Tool.Result refused = recover(cluster, "single", "--accept-data-loss");
    assertTrue(refused.exitCode() == 1, refused.toString());
    Tool.Result removal = run(cluster, "node", "rm", node.name(), "--force");
    assertTrue(removal.exitCode() == 1 && removal.output().contains("recover"), removal.toString());
    named = recover(cluster, "single");
    assertTrue(named.exitCode() == 1 && named.output().contains("to 64MiB"), named.toString());
    recover(cluster, "single", "--accept-data-loss").ok();
    run(cluster, "node", "rm", node.name(), "--force").ok();
    readsAsZeroes(cluster, "single");
  }

  private static Tool.Result recover(RunningCluster cluster, String volume, String... options) {
    String[] verb = Arrays.copyOf(new String[] {"volume", "recover", volume}, 3 + options.length);
    System.arraycopy(options, 0, verb, 3, options.length);
    return run(cluster, verb);
  }

  private static Tool.Result run(RunningCluster cluster, String... verb) {
    String[] arguments = Arrays.copyOf(verb, verb.length + 2);
    arguments[verb.length] = "--metadata";
    arguments[verb.length + 1] = cluster.metadataAddresses();
    return Program.run(LIMIT, arguments);
  }

  private static boolean isUp(RunningCluster cluster, String node) {
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      if (shown.path("name").asText().equals(node)) {
        return shown.path("up").asBoolean();
      }
    }
    throw new AssertionError("there is no " + node);
  }

  /** One that was away for a while gets what it lacks and nothing else. */
  private static void comesBack(RunningCluster cluster, RecordedLoad load) {
    Member gateway = cluster.member("gateway-1");
    Member node = holder(cluster);
    double copiedBefore = gateway.metrics().sum("cairn_volume_copied_blocks_total");
    double writtenBefore = gateway.metrics().sum("cairn_volume_written_bytes_total");
    node.kill();
    cluster.awaitDegraded(VOLUME, LIMIT);
    load.awaitProgress(500, LIMIT);
    node.restart();
    cluster.awaitInSync(VOLUME, LIMIT);
    double written = gateway.metrics().sum("cairn_volume_written_bytes_total") - writtenBefore;
    double copied =
        BLOCK_BYTES * (gateway.metrics().sum("cairn_volume_copied_blocks_total") - copiedBefore);
    System.out.printf(
        "  %s was away: %.1f MiB written meanwhile, %.1f MiB copied%n",
        node.name(), written / (1 << 20), copied / (1 << 20));
    assertTrue(copied > 0 && copied <= 1.5 * written + SLACK_BYTES, copied + " of " + written);
    Await.until(
        "status states what was copied",
        LIMIT,
        () -> ask(cluster, "status").at("/mends/0/copiedBytes").asLong() > 0,
        () -> String.valueOf(ask(cluster, "status")));
  }

  /**
   * Its process lives on: what was on the device goes elsewhere, and an empty one is used again.
   */
  private static void losesADevice(RunningCluster cluster) throws IOException {
    Member node = holder(cluster);
    Path cache = cluster.directory().resolve(node.name()).resolve("cache");
    long begin = System.nanoTime();
    Files.writeString(cache.resolve(DeviceFaults.FILE), "eio write sync");
    awaitEmpty(cluster, node.name());
    cluster.awaitInSync(VOLUME, LIMIT);
    System.out.printf(
        "  %s lost a device: all in sync on others after %.1f s, of which 10 s of grace%n",
        node.name(), (System.nanoTime() - begin) / 1e9);
    assertTrue(isUp(cluster, node.name()));
    JsonNode failed = ask(cluster, "node", "show", node.name()).at("/devices/0");
    assertEquals("failed", failed.path("state").asText(), failed.toString());
    assertEquals(0, failed.path("replicas").asInt(), failed.toString());
    node.kill();
    replaceCache(cluster, node);
    node.restart();
    Await.until(
        node.name() + " has a good device",
        LIMIT,
        () ->
            ask(cluster, "node", "show", node.name())
                .at("/devices/0/state")
                .asText()
                .equals("good"),
        () -> String.valueOf(ask(cluster, "node", "ls")));
  }

  /** An empty device is in the place of the node's journals; it is dead already. */
  private static void replaceCache(RunningCluster cluster, Member node) throws IOException {
    Path cache = cluster.directory().resolve(node.name()).resolve("cache");
    try (Stream<Path> all = Files.walk(cache)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        if (!path.equals(cache)) {
          Files.delete(path);
        }
      }
    }
  }

  private static void diesForGood(RunningCluster cluster) {
    Member node = holder(cluster);
    long begin = System.nanoTime();
    node.kill();
    awaitEmpty(cluster, node.name());
    cluster.awaitInSync(VOLUME, LIMIT);
    System.out.printf(
        "  %s died: all in sync on others after %.1f s, of which 10 s of grace%n",
        node.name(), (System.nanoTime() - begin) / 1e9);
    JsonNode removed = ask(cluster, "node", "rm", node.name());
    assertTrue(removed.path("removed").asBoolean(), removed.toString());
  }

  private static void keepsAnotherNumberOfReplicas(RunningCluster cluster) {
    for (int replicas : new int[] {2, 3}) {
      long begin = System.nanoTime();
      JsonNode set =
          ask(cluster, "volume", "set", VOLUME, "--replicas", Integer.toString(replicas));
      assertEquals(replicas, set.path("replicas").asInt(), set.toString());
      Await.until(
          replicas + " replicas of each chunk",
          LIMIT,
          () ->
              replicasOf(cluster) == replicas * cluster.volume(VOLUME).at("/health/chunks").asInt(),
          () -> String.valueOf(ask(cluster, "node", "ls")));
      cluster.awaitInSync(VOLUME, LIMIT);
      System.out.printf(
          "  %d replicas after %.1f s%n", replicas, (System.nanoTime() - begin) / 1e9);
    }
  }

  private static void leaves(RunningCluster cluster) {
    Member node = holder(cluster);
    long begin = System.nanoTime();
    JsonNode drained = ask(cluster, "node", "drain", node.name());
    System.out.printf("  %s drained in %.1f s%n", node.name(), (System.nanoTime() - begin) / 1e9);
    assertTrue(drained.path("drained").asBoolean(), drained.toString());
    assertEquals(0, replicas(cluster, node.name()));
    cluster.awaitInSync(VOLUME, LIMIT);
    node.kill();
    Await.until(
        node.name() + " is known to be down and removed",
        LIMIT,
        () -> {
          JsonNode removed =
              Program.ask(
                  "node",
                  "rm",
                  node.name(),
                  "-o",
                  "json",
                  "--metadata",
                  cluster.metadataAddresses());
          return removed != null;
        },
        () -> String.valueOf(ask(cluster, "node", "ls")));
  }

  private static JsonNode ask(RunningCluster cluster, String... verb) {
    String[] arguments = java.util.Arrays.copyOf(verb, verb.length + 4);
    List<String> more = List.of("-o", "json", "--metadata", cluster.metadataAddresses());
    for (int i = 0; i < more.size(); i++) {
      arguments[verb.length + i] = more.get(i);
    }
    JsonNode answer = Program.ask(arguments);
    assertTrue(answer != null, String.join(" ", verb) + " failed");
    return answer;
  }

  private static int replicas(RunningCluster cluster, String node) {
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      if (shown.path("name").asText().equals(node)) {
        return shown.path("replicas").asInt();
      }
    }
    throw new AssertionError("there is no " + node);
  }

  private static long usedBytes(RunningCluster cluster) {
    long sum = 0;
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      sum += shown.path("usedBytes").asLong();
    }
    return sum;
  }

  private static int replicasOf(RunningCluster cluster) {
    int sum = 0;
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      sum += shown.path("replicas").asInt();
    }
    return sum;
  }

  private static void awaitEmpty(RunningCluster cluster, String node) {
    Await.until(
        node + " has no replica on record",
        LIMIT,
        () -> replicas(cluster, node) == 0,
        () -> String.valueOf(ask(cluster, "node", "ls")));
  }

  /** The node that is up and has the most replicas. */
  private static Member holder(RunningCluster cluster) {
    String best = "";
    int most = 0;
    for (JsonNode shown : ask(cluster, "node", "ls")) {
      if (shown.path("up").asBoolean() && shown.path("replicas").asInt() > most) {
        most = shown.path("replicas").asInt();
        best = shown.path("name").asText();
      }
    }
    return cluster.member(best);
  }
}
