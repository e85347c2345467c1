package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.NbdClient;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is wrong is refused with a line that says so; nothing that runs is hurt by it. */
class BadInputIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int EINVAL = 22;
  private static final int ENOSPC = 28;
  private static final int MEBIBYTE = 1 << 20;

  @TempDir private static Path directory;

  private static RunningCluster cluster;
  private static Map<String, Long> pids;

  @BeforeAll
  static void startsCluster() {
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), true, Map.of("disk", "128MiB", "other", "128MiB")));
    Tool.QEMU_IO.run(LIMIT, "-f", "raw", "-c", "write -P 0x77 0 1M", cluster.uri("disk")).ok();
    pids = pids();
  }

  @AfterAll
  static void stopsCluster() {
    if (cluster != null) {
      cluster.close();
    }
  }

  /** Whatever a test did: every process is the same as before, and data is served. */
  @AfterEach
  void nothingIsHurt() {
    assertEquals(pids, pids());
    Tool.Result read =
        Tool.QEMU_IO.run(LIMIT, "-f", "raw", "-c", "read -P 0x77 0 1M", cluster.uri("disk")).ok();
    assertTrue(!read.output().contains("verification failed"), read.toString());
  }

  private static Map<String, Long> pids() {
    Map<String, Long> pids = new LinkedHashMap<>();
    for (Member member : cluster.members()) {
      pids.put(member.name(), member.process().map(ProcessHandle::pid).orElse(-1L));
    }
    return pids;
  }

  private static List<Integer> ports() {
    List<Integer> ports = new ArrayList<>(List.of(cluster.nbdPort(), cluster.basePort() + 61));
    for (int number = 1; number <= 3; number++) {
      ports.add(cluster.basePort() + number);
      ports.add(cluster.basePort() + 10 + number);
      ports.add(cluster.basePort() + 20 + number);
      ports.add(cluster.basePort() + 40 + number);
    }
    return ports;
  }

  @Test
  void garbageOnEveryPort() throws IOException {
    // The first round opens what stays open anyway.
    ports().parallelStream().forEach(Garbage::throwAt);
    Map<String, Integer> before = descriptors();
    List<Socket> silent = new ArrayList<>();
    try {
      for (int port : ports()) {
        silent.addAll(Garbage.silent(port));
      }
      for (int round = 0; round < 3; round++) {
        ports().parallelStream().forEach(Garbage::throwAt);
      }
      nothingIsHurt();
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
    Await.until(
        "no process keeps descriptors of connections that are gone",
        LIMIT,
        () ->
            descriptors().entrySet().stream()
                .allMatch(e -> e.getValue() <= before.get(e.getKey()) + 5),
        () -> before + " before, now " + descriptors());
    for (Member member : cluster.members()) {
      String log = member.logTail();
      assertTrue(!log.contains("LEAK:") && !log.contains("OutOfMemoryError"), log);
    }
  }

  private static Map<String, Integer> descriptors() {
    Map<String, Integer> counts = new LinkedHashMap<>();
    pids.forEach(
        (name, pid) -> {
          try (Stream<Path> open = Files.list(Path.of("/proc", Long.toString(pid), "fd"))) {
            counts.put(name, (int) open.count());
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
    return counts;
  }

  @Test
  void unknownExport() {
    String uri = cluster.uri("nothing-of-that-name");
    Tool.Result result = Tool.NBDINFO.run(LIMIT, uri);
    assertNotEquals(0, result.exitCode());
    assertTrue(result.output().contains("nothing-of-that-name"), result.toString());
  }

  @Test
  void requestsOutOfRangeAndOversizedLeaveConnectionUsable() throws Exception {
    try (NbdClient client = NbdClient.connect(cluster.nbdPort(), "disk")) {
      long size = client.sizeBytes();
      assertEquals(EINVAL, refusal(client.read(size, 4096)));
      assertEquals(EINVAL, refusal(client.read(size - 512, 4096)));
      assertEquals(EINVAL, refusal(client.read(-4096, 4096)));
      assertEquals(ENOSPC, refusal(client.write(size - 512, new byte[4096], false)));
      assertNotEquals(0, refusal(client.read(0, 64 * MEBIBYTE)));
      assertEquals(4096, client.read(0, 4096).get(LIMIT.toSeconds(), TimeUnit.SECONDS).length);
    }
  }

  @Test
  void oversizedWriteEndsAtMostItsConnection() throws Exception {
    try (NbdClient client = NbdClient.connect(cluster.nbdPort(), "disk")) {
      CompletableFuture<byte[]> answer = client.write(0, new byte[64 * MEBIBYTE], false);
      assertThrows(ExecutionException.class, () -> answer.get(LIMIT.toSeconds(), TimeUnit.SECONDS));
    }
  }

  private static int refusal(CompletableFuture<byte[]> answer) throws Exception {
    ExecutionException failed =
        assertThrows(
            ExecutionException.class, () -> answer.get(LIMIT.toSeconds(), TimeUnit.SECONDS));
    assertTrue(failed.getCause() instanceof NbdClient.Refusal, failed.toString());
    return ((NbdClient.Refusal) failed.getCause()).errno();
  }

  @Test
  void configurationMistakesAreNamed() throws IOException {
    refused("storage", storage("dat.directory: x"), "dat.directory", "data.directory");
    refused("storage", storage("shards: 0"), "shards", "0", "1");
    refused("storage", storage("journal.size: 12parsecs"), "journal.size", "12parsecs");
    refused("storage", storage("shards: 1", "shards: 2"), "shards");
    refused("storage", List.of("name: x"), "data.address");
    refused("gateway", gateway("nbd.address: nonsense"), "nbd.address", "nonsense");
    refused("gateway", gateway("io.timeout: soon"), "io.timeout", "soon");
    refused("metadata", List.of("metadata.address: '127.0.0.1:1'"), "metadata.group");
    Tool.Result missing = Program.run(LIMIT, "storage", "--config", "/nothing/there.yaml");
    assertRefusal(missing, "/nothing/there.yaml");
  }

  @Test
  void secondNodeOnOneDirectoryIsRefused() throws IOException {
    Path held = cluster.directory().resolve("storage-1");
    refused(
        "storage",
        storage("data.directory: '" + held + "'"),
        held.toString(),
        Long.toString(pids.get("storage-1")));
  }

  @Test
  void directoryThatCannotBeUsedIsRefused() throws IOException {
    Path file = Files.writeString(directory.resolve("a-file"), "not a directory");
    refused("storage", storage("data.directory: '" + file + "'"), file.toString());
    // Nobody may make a directory there, not even root.
    refused("storage", storage("data.directory: /proc/cairn"), "/proc/cairn");
    if (!"root".equals(System.getProperty("user.name"))) {
      Path closed = Files.createDirectory(directory.resolve("closed"));
      assertTrue(closed.toFile().setWritable(false));
      refused("storage", storage("data.directory: '" + closed + "/x'"), closed.toString());
    }
  }

  @Test
  void directoryOfAnotherRoleOrFormatOrDamagedIsRefused() throws IOException {
    Path otherRole = identityCopy("metadata-1", "other-role", "", "");
    refused("storage", storage("data.directory: '" + otherRole + "'"), "metadata", "storage");
    Path newer = identityCopy("storage-1", "newer", "\"format\"\\s*:\\s*\\d+", "\"format\":99");
    refused("storage", storage("data.directory: '" + newer + "'"), newer.toString(), "99");
    Path damaged = identityCopy("storage-1", "damaged", "\"incarnation\"", "\"incarnatiom\"");
    refused("storage", storage("data.directory: '" + damaged + "'"), damaged.toString(), "damaged");
  }

  /** A directory with a member's identity, one part of which is replaced when it is there. */
  private static Path identityCopy(String member, String name, String part, String replacement)
      throws IOException {
    Path copy = Files.createDirectory(directory.resolve(name));
    String identity = Files.readString(cluster.directory().resolve(member).resolve("IDENTITY"));
    Files.writeString(
        copy.resolve("IDENTITY"),
        part.isEmpty() ? identity : identity.replaceFirst(part, replacement));
    return copy;
  }

  @Test
  void foreignFilesAreNotTakenForEmptyDirectory() throws IOException {
    Path foreign = Files.createDirectory(directory.resolve("foreign"));
    Files.writeString(foreign.resolve("thesis.txt"), "important");
    refused("storage", storage("data.directory: '" + foreign + "'"), foreign.toString());
    assertEquals("important", Files.readString(foreign.resolve("thesis.txt")));
  }

  private static List<String> storage(String... more) {
    List<String> lines =
        new ArrayList<>(
            List.of(
                "data.address: '127.0.0.1:" + cluster.basePort() + "'",
                "http.address: '127.0.0.1:0'",
                "metadata.addresses: '" + cluster.metadataAddresses() + "'"));
    if (Stream.of(more).noneMatch(line -> line.startsWith("data.directory"))) {
      lines.add("data.directory: '" + directory.resolve("unused") + "'");
    }
    lines.addAll(List.of(more));
    return lines;
  }

  private static List<String> gateway(String... more) {
    List<String> lines =
        new ArrayList<>(List.of("metadata.addresses: '" + cluster.metadataAddresses() + "'"));
    lines.addAll(List.of(more));
    return lines;
  }

  private static void refused(String role, List<String> configuration, String... words)
      throws IOException {
    Path file = Files.createTempFile(directory, role, ".yaml");
    Files.write(file, configuration);
    assertRefusal(Program.run(LIMIT, role, "--config", file.toString()), words);
  }

  /** One line, exit code 1, and it names what is wrong. */
  private static void assertRefusal(Tool.Result result, String... words) {
    assertEquals(1, result.exitCode(), result.toString());
    List<String> errors =
        result.output().lines().filter(line -> line.startsWith("cairn: ")).toList();
    assertEquals(1, errors.size(), result.toString());
    for (String word : words) {
      assertTrue(errors.getFirst().contains(word), word + " is not in: " + result);
    }
    assertTrue(!result.output().contains("\tat "), result.toString());
  }
}
