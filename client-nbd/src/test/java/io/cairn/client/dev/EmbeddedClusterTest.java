package io.cairn.client.dev;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.client.cli.Cairn;
import io.cairn.client.cli.StopSignal;
import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * A whole cluster in this process: three metadata servers, three nodes with their journals, a
 * gateway; the operator's verbs and a client's tool against it, and its data after a restart.
 */
class EmbeddedClusterTest {
  private static final int DATA_BYTES = 20 << 20;
  private static final long VOLUME_BYTES = 64L << 20;
  private static final long AWAIT_NANOS = TimeUnit.SECONDS.toNanos(120);

  @TempDir Path directory;
  private final Random random = new Random(1);
  private long clientIds = random.nextLong();

  @Test
  void volumesLiveThroughTheVerbsAndTheirDataThroughARestart() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/nbdcopy")), "nbdcopy is not installed");
    DevLayout layout = freeLayout();
    Path written = directory.resolve("written");
    byte[] data = new byte[DATA_BYTES];
    random.nextBytes(data);
    Files.write(written, data);

    try (DevCluster cluster = EmbeddedCluster.start(layout, Map.of())) {
      awaitServing(layout, cluster);
      verb(layout, "volume", "create", "other", "--size", "1GiB", "--replicas", "1");
      assertEquals(2, verb(layout, "volume", "ls").size());
      verb(layout, "volume", "resize", "other", "--size", "2GiB");
      assertEquals(2L << 30, verb(layout, "volume", "show", "other").get("sizeBytes").asLong());
      verb(layout, "volume", "rm", "other");
      assertEquals(1, verb(layout, "volume", "ls").size());
      // A busy machine may have missed a sign of life for a moment.
      awaitTrue(() -> verb(layout, "status").get("state").asText().equals("healthy"));
      nbdcopy(written.toString(), uri(layout));
      JsonNode volume = verb(layout, "volume", "show", "vol0");
      assertEquals(1, volume.get("health").get("chunks").asLong(), volume::toString);
      assertTrue(volume.get("generation").asLong() >= 1, volume::toString);
    }

    try (DevCluster cluster = EmbeddedCluster.start(layout, Map.of())) {
      awaitServing(layout, cluster);
      Path read = directory.resolve("read");
      nbdcopy(uri(layout), read.toString());
      byte[] all = Files.readAllBytes(read);
      assertEquals(VOLUME_BYTES, all.length);
      assertArrayEquals(data, java.util.Arrays.copyOf(all, DATA_BYTES));
      awaitTrue(() -> verb(layout, "volume", "show", "vol0").get("owner").isNull());
      assertNull(cluster.failure());
    }
  }

  /** As with a process for each: what is set there counts, and a wrong one stops the start. */
  @Test
  void optionsInTheEnvironmentReachTheMembers() throws Exception {
    DevLayout layout = freeLayout();
    Map<String, String> environment = Map.of("CAIRN_STORAGE_JOURNAL_SIZE", "12parsecs");
    IOException refused =
        assertThrows(IOException.class, () -> EmbeddedCluster.start(layout, environment).close());
    assertTrue(
        refused
            .getMessage()
            .startsWith(
                "storage-1 cannot start: environment variable CAIRN_STORAGE_JOURNAL_SIZE: option"
                    + " journal.size is '12parsecs'"),
        refused::getMessage);
    assertTrue(Files.notExists(directory.resolve("metadata-1")), "nothing was started");
  }

  private void awaitServing(DevLayout layout, DevCluster cluster) throws InterruptedException {
    try (StopSignal signal = new StopSignal();
        MetadataClient client =
            RatisMetadataClient.connect(
                ++clientIds, layout.metadataAddresses(), Duration.ofSeconds(10))) {
      signal.started();
      new DevReadiness(layout, cluster, client, signal)
          .await(List.of(new DevVolume("vol0", VOLUME_BYTES)), note -> {});
    }
  }

  private static void awaitTrue(BooleanSupplier condition) {
    long deadlineNanos = System.nanoTime() + AWAIT_NANOS;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadlineNanos, "not within two minutes");
    }
  }

  /** Runs a verb that must succeed, and reads its JSON. */
  private static JsonNode verb(DevLayout layout, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of("-o", "json", "--timeout", "60", "--metadata"));
    all.add(String.join(",", layout.metadataAddresses()));
    CommandLine line = Cairn.commandLine();
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    assertEquals(0, line.execute(all.toArray(String[]::new)), err::toString);
    try {
      return new ObjectMapper().readTree(out.toString());
    } catch (IOException e) {
      throw new AssertionError(out.toString(), e);
    }
  }

  private void nbdcopy(String from, String to) throws Exception {
    Path log = directory.resolve("nbdcopy.log");
    Process process =
        new ProcessBuilder("/usr/bin/nbdcopy", "--flush", from, to)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      assertTrue(process.waitFor(AWAIT_NANOS, TimeUnit.NANOSECONDS), "nbdcopy hangs");
      assertEquals(0, process.exitValue(), Files.readString(log));
    } finally {
      process.destroyForcibly();
    }
  }

  private static String uri(DevLayout layout) {
    return "nbd://" + layout.nbd() + "/vol0";
  }

  private DevLayout freeLayout() throws IOException {
    Path data = Files.createDirectories(directory.resolve("cluster"));
    return TrainCommand.freeLayout(data);
  }
}
