package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.HttpProbe;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RecordedLoad;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import io.cairn.storage.device.DeviceFaults;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A device that does not return from a call for a while, one of the two of its kind in a node: for
 * some seconds, and for a minute in the long form ({@code -Dcairn.acceptance=long}).
 */
class HangingDeviceIT {
  private static final boolean LONG = "long".equals(System.getProperty("cairn.acceptance"));
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final Duration HANG = Duration.ofSeconds(LONG ? 60 : 8);
  private static final String NODE = "two-devices";
  private static final String VOLUME = "spread";
  private static final int CHUNKS = 16;
  private static final int CHUNK_BLOCKS = 256;

  @TempDir private static Path directory;

  @Test
  void onlyTheChunksOfADeviceThatHangsAreOutOfSyncAndItIsFilledAgainAfterwards()
      throws IOException {
    RunningCluster.Settings settings =
        new RunningCluster.Settings(directory.resolve("cluster"), true, Map.of("vol0", "64MiB"));
    try (RunningCluster cluster = RunningCluster.start(settings);
        Tool.Running node = startNode(cluster)) {
      Await.until(
          NODE + " is ready",
          LIMIT,
          () -> HttpProbe.status(http(cluster), "/readyz") == 200,
          node::outputSoFar);
      // On all four nodes: each chunk has a replica here, on the one device or the other.
      String size = CHUNKS + "MiB";
      ask(
          cluster,
          List.of("volume", "create", VOLUME, "--size", size),
          List.of("--chunk-size", "1MiB", "--replicas", "4"));
      hangAndGoOn(cluster, node);
    }
  }

  private static void hangAndGoOn(RunningCluster cluster, Tool.Running node) throws IOException {
    try (RecordedLoad load =
        new RecordedLoad(
            cluster.nbdPort(),
            VOLUME,
            new RecordedLoad.Settings(0, CHUNKS * CHUNK_BLOCKS, 8, 500, 4))) {
      load.start().awaitProgress(1000, LIMIT);
      cluster.awaitInSync(VOLUME, LIMIT);
      load.forgetStall();
      Path faults = directory.resolve("cache-1").resolve(DeviceFaults.FILE);
      Files.writeString(faults, "hang");
      cluster.awaitDegraded(VOLUME, LIMIT);
      Await.until(
          "the device is shown with its state",
          LIMIT,
          () -> devices(cluster).contains("\"stalled\""),
          () -> devices(cluster));
      Await.pass(HANG);
      load.awaitProgress(1000, LIMIT);
      load.checkNoFailure();
      JsonNode health = cluster.volume(VOLUME).path("health");
      int syncing = health.path("syncing").asInt() + health.path("degraded").asInt();
      assertTrue(syncing > 0 && syncing < CHUNKS, health.toString());
      assertEquals(CHUNKS, health.path("inSync").asInt() + syncing, health.toString());
      assertTrue(node.isAlive(), node.outputSoFar());

      Files.delete(faults);
      double seconds = cluster.awaitInSync(VOLUME, LIMIT);
      Await.until(
          "both devices are good",
          LIMIT,
          () -> !devices(cluster).contains("\"stalled\""),
          () -> devices(cluster));
      System.out.printf(
          "  %d of %d chunks out of sync while a device hung, longest stall %.2f s; all in sync"
              + " %.1f s after it%n",
          syncing, CHUNKS, load.stallSeconds(), seconds);
      System.out.println("  " + load.finish());
      assertTrue(node.isAlive(), node.outputSoFar());
    }
  }

  /** A node with two devices of each kind, and a shard on each pair. */
  private static Tool.Running startNode(RunningCluster cluster) throws IOException {
    Path file = directory.resolve(NODE + ".yaml");
    Files.write(
        file,
        List.of(
            "name: " + NODE,
            "data.address: '127.0.0.1:" + cluster.secondNbdPort() + "'",
            "http.address: '127.0.0.1:" + cluster.secondHttpPort() + "'",
            "metadata.addresses: '" + cluster.metadataAddresses() + "'",
            "data.directory: '" + directory.resolve(NODE) + "'",
            "cache.directory: '" + made("cache-1") + "," + made("cache-2") + "'",
            "capacity.directory: '" + made("capacity-1") + "," + made("capacity-2") + "'",
            "shards: 2",
            "journal.size: 64MiB",
            "journal.segment: 8MiB",
            "device.stall: 2s",
            "test.device.faults: true"));
    return new Tool(Program.launcher().toString(), "this project")
        .start(directory.resolve(NODE + ".log"), "storage", "--config", file.toString());
  }

  private static InetSocketAddress http(RunningCluster cluster) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), cluster.secondHttpPort());
  }

  private static Path made(String name) throws IOException {
    return Files.createDirectories(directory.resolve(name));
  }

  private static String devices(RunningCluster cluster) {
    return String.valueOf(ask(cluster, List.of("node", "show", NODE), List.of()).path("devices"));
  }

  private static JsonNode ask(RunningCluster cluster, List<String> verb, List<String> options) {
    List<String> arguments = new ArrayList<>(verb);
    arguments.addAll(options);
    arguments.addAll(List.of("-o", "json", "--metadata", cluster.metadataAddresses()));
    JsonNode answer = Program.ask(arguments.toArray(String[]::new));
    assertTrue(answer != null, () -> verb + " failed");
    return answer;
  }
}
