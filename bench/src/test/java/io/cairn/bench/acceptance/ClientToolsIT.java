package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.bench.chaos.Fio;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The clients that people have, against what {@code cairn dev} exports. With {@code
 * -Dcairn.acceptance=long} fio gets a volume of 4 GiB.
 */
class ClientToolsIT {
  private static final boolean LONG = "long".equals(System.getProperty("cairn.acceptance"));
  private static final Duration LIMIT = Duration.ofSeconds(180);
  private static final int MEBIBYTE = 1 << 20;
  private static final String FIO_SIZE = LONG ? "4GiB" : "256MiB";

  @TempDir private static Path directory;

  private static RunningCluster cluster;

  @BeforeAll
  static void startsCluster() {
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"),
                false,
                Map.of(
                    "copy", "128MiB", "image", "128MiB", "io", "128MiB", "ext4", "256MiB", "fio",
                    FIO_SIZE)));
  }

  @AfterAll
  static void stopsCluster() {
    if (cluster != null) {
      try (RunningCluster ended = cluster) {
        assertEquals(0, ended.stop(), "a stopped cluster has exit code 0");
      }
    }
  }

  @Test
  void nbdinfoShowsExportAndCapabilities() throws IOException {
    JsonNode export =
        new ObjectMapper()
            .readTree(Tool.NBDINFO.run(LIMIT, "--json", cluster.uri("copy")).ok().output())
            .path("exports")
            .get(0);
    assertEquals("copy", export.path("export-name").asText());
    assertEquals(128L * MEBIBYTE, export.path("export-size").asLong());
    for (String capability :
        List.of(
            "can_flush",
            "can_fua",
            "can_trim",
            "can_zero",
            "can_fast_zero",
            "can_multi_conn",
            "can_df",
            "can_cache")) {
      assertTrue(export.path(capability).asBoolean(), capability);
    }
    assertEquals(33_554_432, export.path("block_size_maximum").asInt());
  }

  @Test
  void nbdinfoListsAllVolumes() {
    String list =
        Tool.NBDINFO.run(LIMIT, "--list", "nbd://127.0.0.1:" + cluster.nbdPort()).ok().output();
    for (String name : List.of("copy", "image", "io", "ext4", "fio")) {
      assertTrue(list.contains("export=\"" + name + "\""), list);
    }
  }

  @Test
  void nbdcopyBothWays() throws IOException {
    Path source = sparseFile("copy.raw", 128);
    Path back = directory.resolve("copy.back");
    Tool.NBDCOPY.run(LIMIT, source.toString(), cluster.uri("copy")).ok();
    Tool.NBDCOPY.run(LIMIT, cluster.uri("copy"), back.toString()).ok();
    assertEquals(-1, Files.mismatch(source, back));
  }

  @Test
  void qemuImgConvertsComparesAndMaps() throws IOException {
    Path source = sparseFile("image.raw", 128);
    Path qcow = directory.resolve("image.qcow2");
    String uri = cluster.uri("image");
    Tool.QEMU_IMG
        .run(LIMIT, "convert", "-n", "-f", "raw", "-O", "raw", source.toString(), uri)
        .ok();
    Tool.QEMU_IMG.run(LIMIT, "compare", "-f", "raw", "-F", "raw", source.toString(), uri).ok();
    Tool.QEMU_IMG.run(LIMIT, "convert", "-f", "raw", "-O", "qcow2", uri, qcow.toString()).ok();
    Tool.QEMU_IMG.run(LIMIT, "compare", "-F", "raw", qcow.toString(), source.toString()).ok();
    JsonNode map =
        new ObjectMapper()
            .readTree(
                Tool.QEMU_IMG.run(LIMIT, "map", "-f", "raw", "--output=json", uri).ok().output());
    long dataBytes = 0;
    long lengthBytes = 0;
    for (JsonNode extent : map) {
      lengthBytes += extent.path("length").asLong();
      dataBytes += extent.path("data").asBoolean() ? extent.path("length").asLong() : 0;
    }
    assertEquals(128L * MEBIBYTE, lengthBytes);
    // The file's data is in three places with holes between.
    assertEquals(24L * MEBIBYTE, dataBytes, map.toString());
  }

  @Test
  void qemuIoReadsWhatItWrote() {
    String uri = cluster.uri("io");
    qemuIo(
        uri,
        "write -P 0x11 0 1M",
        "write -P 0x22 4095 4098",
        "write -z -u 64k 64k",
        "write -P 0x33 -f 512k 512",
        "discard 256k 64k",
        "aio_write -P 0x44 66M 2M",
        "aio_flush",
        "flush");
    qemuIo(
        uri,
        "read -P 0x11 0 4095",
        "read -P 0x22 4095 4098",
        "read -P 0x11 8193 57343",
        "read -P 0 64k 64k",
        "read -P 0 256k 64k",
        "read -P 0x33 512k 512",
        "read -P 0x11 524800 512",
        "read -P 0x44 66M 2M");
  }

  private static void qemuIo(String uri, String... commands) {
    String[] arguments = new String[commands.length * 2 + 3];
    arguments[0] = "-f";
    arguments[1] = "raw";
    for (int i = 0; i < commands.length; i++) {
      arguments[2 + 2 * i] = "-c";
      arguments[3 + 2 * i] = commands[i];
    }
    arguments[arguments.length - 1] = uri;
    Tool.Result result = Tool.QEMU_IO.run(LIMIT, arguments).ok();
    assertTrue(!result.output().contains("verification failed"), result.toString());
  }

  @Test
  void fioVerifiesRandomWrites() {
    try (Fio fio = Fio.once(directory, cluster.uri("fio"), LONG ? "4G" : "256M")) {
      System.out.println(fio.await(LONG ? Duration.ofMinutes(20) : LIMIT));
    }
  }

  /** A tree of real files in an ext4 image goes in, and comes out with the same checksums. */
  @Test
  void ext4ImageOfRealTreeInAndOut() throws IOException {
    Path tree = Path.of("src").toAbsolutePath();
    Path image = directory.resolve("ext4.raw");
    Path back = directory.resolve("ext4.back");
    Path out = Files.createDirectory(directory.resolve("out"));
    Tool.MKE2FS
        .run(LIMIT, "-q", "-t", "ext4", "-d", tree.toString(), image.toString(), "256M")
        .ok();
    Tool.NBDCOPY.run(LIMIT, image.toString(), cluster.uri("ext4")).ok();
    Tool.NBDCOPY.run(LIMIT, cluster.uri("ext4"), back.toString()).ok();
    Tool.E2FSCK.run(LIMIT, "-fn", back.toString()).ok();
    Tool.DEBUGFS.run(LIMIT, "-R", "rdump / " + out, back.toString()).ok();
    assertEquals(checksums(tree), checksums(out));
  }

  private static Map<String, String> checksums(Path root) throws IOException {
    Map<String, String> sums = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(root)) {
      for (Path file : walk.filter(Files::isRegularFile).toList()) {
        sums.put(root.relativize(file).toString(), Digests.sha256(file));
      }
    }
    assertTrue(sums.size() > 10, "a tree of " + sums.size() + " files proves little");
    return sums;
  }

  /** 24 MiB of random bytes in three places, the rest holes. */
  private static Path sparseFile(String name, int mebibytes) throws IOException {
    Path file = directory.resolve(name);
    byte[] data = new byte[8 * MEBIBYTE];
    try (var channel = new java.io.RandomAccessFile(file.toFile(), "rw")) {
      channel.setLength((long) mebibytes * MEBIBYTE);
      Random random = new Random(name.hashCode());
      for (int at : new int[] {0, 60, mebibytes - 8}) {
        random.nextBytes(data);
        channel.seek((long) at * MEBIBYTE);
        channel.write(data);
      }
    }
    return file;
  }
}
