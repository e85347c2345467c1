package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.NbdClient;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Bytes that rot in the files of chunks: found by a scrub and mended, or named where nothing is
 * left. And scrubs of a volume that nobody has.
 */
class ScrubIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String VOLUME = "vol";
  private static final String AT_REST = "rest";
  private static final int BLOCK_BYTES = 4096;
  private static final int BLOCKS = 256;

  @TempDir private static Path directory;

  @Test
  void rotIsMendedFromAGoodReplicaAndNamedWhereThereIsNone() throws Exception {
    RunningCluster.Settings settings =
        new RunningCluster.Settings(
            directory.resolve("cluster"),
            true,
            3,
            Map.of(VOLUME, "64MiB", AT_REST, "64MiB"),
            List.of(),
            Map.of("CAIRN_GATEWAY_SCRUB_RATE", "1GiB", "CAIRN_GATEWAY_SCRUB_INTERVAL", "5s"));
    try (RunningCluster cluster = RunningCluster.start(settings);
        NbdClient client = NbdClient.connect(cluster.nbdPort(), VOLUME)) {
      for (int block = 0; block < BLOCKS; block++) {
        answer(client.write((long) block * BLOCK_BYTES, content(block), false));
      }
      // The journal gives up whole segments: what is behind these blocks pushes them out of it.
      for (int mebibyte = 1; mebibyte < 40; mebibyte++) {
        answer(client.write((long) mebibyte << 20, new byte[1 << 20], false));
      }
      answer(client.flush());
      List<Path> files = awaitChunkFiles(cluster);
      try (NbdClient other = NbdClient.connect(cluster.nbdPort(), AT_REST)) {
        answer(other.write(0, content(0), true));
      }

      damage(files.get(0), 3);
      damage(files.get(1), 200);
      JsonNode mended = scrub(cluster, 0);
      assertEquals(2, mended.path("mendedBlocks").asLong(), mended.toString());
      assertEquals(0, mended.at("/scrub/badBlocks").asLong(), mended.toString());
      assertEquals(0, scrub(cluster, 0).path("mendedBlocks").asLong());

      for (Path file : files) {
        damage(file, 7);
      }
      JsonNode lost = scrub(cluster, 1);
      assertEquals(1, lost.at("/scrub/badBlocks").asLong(), lost.toString());
      assertThrows(ExecutionException.class, () -> answer(client.read(7L * BLOCK_BYTES, 4096)));
      for (int block = 0; block < BLOCKS; block++) {
        if (block != 7) {
          assertArrayEquals(
              content(block),
              answer(client.read((long) block * BLOCK_BYTES, BLOCK_BYTES)),
              "block " + block);
        }
      }
      // Whoever writes it anew has it again.
      answer(client.write(7L * BLOCK_BYTES, content(7), true));
      assertArrayEquals(content(7), answer(client.read(7L * BLOCK_BYTES, BLOCK_BYTES)));
      assertEquals(0, scrub(cluster, 0).at("/scrub/badBlocks").asLong());
      scrubsComeToAVolumeThatNobodyHas(cluster);
    }
  }

  private static void scrubsComeToAVolumeThatNobodyHas(RunningCluster cluster) {
    Await.until(
        "the volume is at rest",
        LIMIT,
        () -> show(cluster).path("owner").isNull(),
        () -> show(cluster).toString());
    long before = show(cluster).at("/scrub/lightOldestMillis").asLong();
    Await.until(
        "its checksums are compared",
        LIMIT,
        () -> show(cluster).at("/scrub/lightOldestMillis").asLong() > before,
        () -> show(cluster).toString());
    String status =
        Program.run(LIMIT, "status", "--metadata", cluster.metadataAddresses()).ok().output();
    assertTrue(status.contains("\nscrubbed  checksums 2"), status);
  }

  private static JsonNode show(RunningCluster cluster) {
    try {
      return new ObjectMapper()
          .readTree(
              Program.run(
                      LIMIT,
                      "volume",
                      "show",
                      AT_REST,
                      "--brief",
                      "-o",
                      "json",
                      "--metadata",
                      cluster.metadataAddresses())
                  .ok()
                  .output());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] answer(java.util.concurrent.CompletableFuture<byte[]> answer)
      throws Exception {
    return answer.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  private static byte[] content(int block) {
    byte[] bytes = new byte[BLOCK_BYTES];
    Arrays.fill(bytes, (byte) (block + 1));
    return bytes;
  }

  private static JsonNode scrub(RunningCluster cluster, int exitCode) throws IOException {
    Tool.Result result =
        Program.run(
            LIMIT,
            "volume",
            "scrub",
            VOLUME,
            "--deep",
            "-o",
            "json",
            "--metadata",
            cluster.metadataAddresses());
    assertEquals(exitCode, result.exitCode(), result.toString());
    String output = result.output();
    return new ObjectMapper().readTree(output.substring(output.indexOf('{')));
  }

  /** The journals were emptied: every block is in the file of the chunk on each node. */
  private static List<Path> awaitChunkFiles(RunningCluster cluster) {
    Await.until(
        "the blocks are in the files of three chunks",
        LIMIT,
        () -> {
          List<Path> files = chunkFiles(cluster);
          return files.size() == 3 && files.stream().allMatch(ScrubIT::hasAll);
        },
        () -> String.valueOf(chunkFiles(cluster)));
    return chunkFiles(cluster);
  }

  private static List<Path> chunkFiles(RunningCluster cluster) {
    try (Stream<Path> files = Files.walk(cluster.directory())) {
      return files
          .filter(file -> file.toString().contains("/chunks/") && Files.isRegularFile(file))
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static boolean hasAll(Path file) {
    for (int block = 0; block < BLOCKS; block++) {
      if (!Arrays.equals(content(block), bytes(file, block))) {
        return false;
      }
    }
    return true;
  }

  private static byte[] bytes(Path file, int block) {
    ByteBuffer bytes = ByteBuffer.allocate(BLOCK_BYTES);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      channel.read(bytes, (long) block * BLOCK_BYTES);
      return bytes.array();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void damage(Path file, int block) throws IOException {
    assertTrue(Arrays.equals(content(block), bytes(file, block)), "block " + block);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {99}), (long) block * BLOCK_BYTES + 1000);
      channel.force(true);
    }
  }
}
