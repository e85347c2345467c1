package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One command, a whole cluster: how long it takes, what it costs when idle, what it keeps. */
@Tag("alone")
class DevClusterIT {
  /**
   * The promise is 20 s of the clock. Other programs stretch the clock but not the processor's
   * time, so every build holds the start to that, and the long form to the clock.
   */
  private static final double READY_MAX_SECONDS = 20;

  private static final boolean LONG = "long".equals(System.getProperty("cairn.acceptance"));

  /**
   * The promise is 3 %, from half a minute after the ready line, on a machine that does nothing
   * else. Every build only sees to it that nothing polls.
   */
  private static final double IDLE_CPU_MAX = LONG ? 0.03 : 0.10;

  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Duration IDLE = Duration.ofSeconds(LONG ? 60 : 10);
  private static final Duration SETTLE = Duration.ofSeconds(LONG ? 30 : 5);

  private static final Pattern JOURNAL_SIZE = Pattern.compile("\"journalSizeBytes\" : (\\d+)");

  @TempDir private static Path directory;

  @Test
  void readySoonIdleCheapAndNothingForgotten() throws IOException {
    RunningCluster.Settings settings =
        new RunningCluster.Settings(directory.resolve("cluster"), false, Map.of("vol0", "1GiB"));
    try (RunningCluster cluster = RunningCluster.start(settings)) {
      double cpuSeconds = cluster.cpuTime().toNanos() / 1e9;
      System.out.printf(
          "ready after %.1f s, %.1f s of the processor%n", cluster.readySeconds(), cpuSeconds);
      double startSeconds = LONG ? cluster.readySeconds() : cpuSeconds;
      assertTrue(startSeconds < READY_MAX_SECONDS, "the start took " + startSeconds + " s");
      Tool.QEMU_IO.run(LIMIT, "-f", "raw", "-c", "write -P 0x5a 60M 8M", cluster.uri("vol0")).ok();
      Await.pass(SETTLE);
      long cpuNanos = cluster.cpuTime().toNanos();
      long beginNanos = System.nanoTime();
      Await.pass(IDLE);
      double share =
          (double) (cluster.cpuTime().toNanos() - cpuNanos) / (System.nanoTime() - beginNanos);
      System.out.printf("idle: %.1f %% of one core%n", share * 100);
      assertTrue(share < IDLE_CPU_MAX, "idle, the cluster uses " + share + " of a core");
      supportBundleHasEveryServer(cluster);
      resizeCache(cluster, "storage-2");
      flushCache(cluster, "storage-1");
      assertEquals(0, cluster.stop());
      cluster.start();
      Tool.Result events = verb(cluster, "events", "--since", "1h");
      assertTrue(events.output().contains("Volume vol0 was created, with 1GiB"), events.toString());
      assertTrue(events.output().contains("Node storage-1 is to destage"), events.toString());
      Tool.Result ended = verb(cluster, "node", "flush-cache", "storage-1", "--end");
      assertTrue(ended.output().contains("as usual again"), ended.toString());
      Tool.Result read =
          Tool.QEMU_IO
              .run(LIMIT, "-f", "raw", "-c", "read -P 0x5a 60M 8M", cluster.uri("vol0"))
              .ok();
      assertTrue(!read.output().contains("verification failed"), read.toString());
    }
  }

  /** All servers have announced themselves by now: they do so every ten seconds. */
  private static void supportBundleHasEveryServer(RunningCluster cluster) throws IOException {
    Path bundle = directory.resolve("support-bundle.zip");
    Tool.Result said = verb(cluster, "support-bundle", "--file", bundle.toString());
    assertTrue(!said.output().contains("without"), said.toString());
    List<String> listed;
    try (ZipFile archive = new ZipFile(bundle.toFile())) {
      listed = archive.stream().map(ZipEntry::getName).toList();
    }
    // The status, events and releases, what they are, and three pages of seven servers.
    assertEquals(4 + 3 * 7, listed.size(), listed.toString());
    Tool.Result shown = verb(cluster, "node", "show", "storage-1");
    assertTrue(shown.output().contains("capacity  "), shown.toString());
    long good = shown.output().lines().filter(l -> l.matches(".* good +\\d+ +-")).count();
    assertEquals(2, good, shown.toString());
  }

  /** What the clients wrote is in the node's journals until it is told to destage it. */
  private static void flushCache(RunningCluster cluster, String node) {
    Tool.Result flushed = verb(cluster, "node", "flush-cache", node, "-o", "json");
    assertTrue(flushed.output().contains("\"flushed\" : true"), flushed.toString());
    Tool.Result listed = verb(cluster, "node", "ls");
    assertTrue(listed.output().contains("up, flush: flushed"), listed.toString());
    Tool.Result status = verb(cluster, "status");
    assertTrue(status.output().contains("flushing  " + node + ": flushed;"), status.toString());
  }

  /** Grown and shrunk again while a client writes and reads. */
  private static void resizeCache(RunningCluster cluster, String node) {
    long before = journalBytes(cluster, node);
    AtomicBoolean enough = new AtomicBoolean();
    CompletableFuture<Integer> client =
        CompletableFuture.supplyAsync(
            () -> {
              int rounds = 0;
              for (; !enough.get(); rounds++) {
                Tool.QEMU_IO
                    .run(
                        LIMIT,
                        "-f",
                        "raw",
                        "-c",
                        "write -P 0x5b 100M 8M",
                        "-c",
                        "read -P 0x5b 100M 8M",
                        "-c",
                        "flush",
                        cluster.uri("vol0"))
                    .ok();
              }
              return rounds;
            });
    verb(cluster, "node", "resize-cache", node, "--journal", "320MiB");
    Await.until("the journals grow", LIMIT, () -> journalBytes(cluster, node) > before);
    verb(cluster, "node", "resize-cache", node, "--as-configured");
    Await.until("they shrink again", LIMIT, () -> journalBytes(cluster, node) == before);
    enough.set(true);
    assertTrue(client.join() > 0);
  }

  private static long journalBytes(RunningCluster cluster, String node) {
    String shown = verb(cluster, "node", "show", node, "-o", "json").output();
    Matcher size = JOURNAL_SIZE.matcher(shown);
    assertTrue(size.find(), shown);
    return Long.parseLong(size.group(1));
  }

  private static Tool.Result verb(RunningCluster cluster, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--metadata", cluster.metadataAddresses()));
    return Program.run(LIMIT, all.toArray(String[]::new)).ok();
  }

  @Test
  void directoryOfAnotherClusterIsRefused() throws IOException {
    Path first = directory.resolve("first");
    try (RunningCluster cluster =
        RunningCluster.start(new RunningCluster.Settings(first, false, Map.of("vol0", "64MiB")))) {
      assertEquals(0, cluster.stop());
    }
    try (RunningCluster other =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("second"), false, Map.of("vol0", "64MiB")))) {
      Path config = directory.resolve("stray.yaml");
      Files.write(
          config,
          List.of(
              "data.directory: '" + first.resolve("storage-1") + "'",
              "data.address: '127.0.0.1:0'",
              "http.address: '127.0.0.1:0'",
              "metadata.addresses: '" + other.metadataAddresses() + "'"));
      Tool.Result stray = Program.run(LIMIT, "storage", "--config", config.toString());
      assertEquals(1, stray.exitCode(), stray.toString());
      assertTrue(stray.output().contains("cluster"), stray.toString());
    }
  }
}
