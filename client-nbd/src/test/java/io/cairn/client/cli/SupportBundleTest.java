package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.http.OperationsServer;
import io.cairn.metadata.http.RecentLines;
import io.cairn.metadata.http.SupportPage;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.release.Release;
import io.cairn.storage.node.StorageOptions;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A bundle of a cluster of which one server answers, one does not, and one is too old to say. */
class SupportBundleTest {
  @TempDir Path directory;
  private final MachineMetadata metadata = new MachineMetadata().withNodes(3);

  @Test
  void whatAnswersIsInTheBundleAndWhatDoesNotIsNamed() throws IOException {
    RecentLines.add("a line of the log");
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    registry.counter("cairn.things").increment(7);
    try (OperationsServer server =
        OperationsServer.start(
            new Address("127.0.0.1", 0),
            registry,
            () -> "not yet",
            new SupportPage(
                StorageOptions.SET.read(
                    null,
                    Map.of("CAIRN_STORAGE_SHARDS", "2"),
                    Map.of(
                        "data.address",
                        "h:1",
                        "metadata.addresses",
                        "h:2",
                        "data.directory",
                        "d"))))) {
      metadata.apply(new Command.RaiseLevel(Release.LEVEL_OF_EVENTS));
      metadata.releases =
          new Reply.Releases(
              1,
              List.of(
                  new Reply.ServerRelease("metadata", "../old", "0.9", 1, null),
                  new Reply.ServerRelease("storage", "../n:1", "1.2.0", 1, server.address() + ""),
                  new Reply.ServerRelease("gateway", "gone", "1.2.0", 1, closedPort())));
      Path bundle = directory.resolve("b.zip");
      JsonNode said = bundle(bundle);
      assertEquals(4, said.path("missing").size(), said.toString());
      Map<String, String> files = unpacked(bundle);
      assertEquals(
          List.of(
              "status.json",
              "events.json",
              "releases.json",
              "storage-.._n_1/readyz.txt",
              "storage-.._n_1/support.json",
              "storage-.._n_1/metrics.txt",
              "README.txt"),
          List.copyOf(files.keySet()));
      assertEquals("not yet\n", files.get("storage-.._n_1/readyz.txt"));
      assertTrue(files.get("storage-.._n_1/metrics.txt").contains("\ncairn_things_total 7.0\n"));
      JsonNode support = new ObjectMapper().readTree(files.get("storage-.._n_1/support.json"));
      assertEquals("storage", support.path("role").asText());
      JsonNode shards = null;
      for (JsonNode option : support.path("options")) {
        shards = option.path("key").asText().equals("shards") ? option : shards;
      }
      assertEquals(
          "{\"key\":\"shards\",\"value\":\"2\",\"source\":\"environment variable"
              + " CAIRN_STORAGE_SHARDS\"}",
          String.valueOf(shards));
      assertTrue(support.path("log").toString().contains("\"a line of the log\""));
      JsonNode status = new ObjectMapper().readTree(files.get("status.json"));
      assertEquals(3, status.path("nodes").size());
      String readme = files.get("README.txt");
      assertTrue(readme.contains("- metadata-../old: it was not heard of lately"), readme);
      assertTrue(readme.contains("- gateway-gone/metrics.txt: "), readme);
    } finally {
      registry.close();
    }
  }

  @Test
  void withoutTheMetadataItHasWhoIsNamedAndNothingIsOverwritten() throws IOException {
    metadata.silent = true;
    Path bundle = directory.resolve("b.zip");
    JsonNode said = bundle(bundle, "--server", closedPort());
    assertTrue(said.path("missing").toString().contains("status.json: the metadata group did not"));
    Map<String, String> files = unpacked(bundle);
    assertEquals(
        List.of(
            "status.json.missing.txt",
            "events.json.missing.txt",
            "releases.json.missing.txt",
            "README.txt"),
        List.copyOf(files.keySet()));
    assertTrue(
        files.get("status.json.missing.txt").startsWith("the metadata group did not"),
        files.toString());
    CommandRun.of(metadata, "support-bundle", "--file", bundle.toString())
        .fails(1, "cairn: " + bundle + " is there already; name another file");
    CommandRun.of(metadata, "support-bundle", "--server", "nonsense")
        .fails(
            2,
            "cairn: --server: 'nonsense' is not HOST:PORT; 'cairn support-bundle --help' says how"
                + " it is used");
  }

  @Test
  void metadataThatDoesNotAnswerAtOnceIsAskedAgain() throws IOException {
    metadata.silentQueries = 2;
    Path bundle = directory.resolve("b.zip");
    JsonNode said = bundle(bundle);
    assertTrue(unpacked(bundle).containsKey("status.json"), said.toString());
    assertFalse(said.path("missing").toString().contains("status.json"), said.toString());
  }

  private JsonNode bundle(Path file, String... more) {
    String[] words = {"support-bundle", "-o", "json", "--file", file.toString()};
    String[] all = java.util.Arrays.copyOf(words, words.length + more.length);
    System.arraycopy(more, 0, all, words.length, more.length);
    return CommandRun.of(metadata, all).json();
  }

  private static String closedPort() throws IOException {
    return io.cairn.metadata.server.ListeningPorts.address();
  }

  /** Names without their first directory, and contents. */
  private static Map<String, String> unpacked(Path bundle) throws IOException {
    Map<String, String> files = new LinkedHashMap<>();
    try (ZipInputStream in = new ZipInputStream(Files.newInputStream(bundle))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        String name = entry.getName();
        files.put(
            name.substring(name.indexOf('/') + 1),
            new String(in.readAllBytes(), StandardCharsets.UTF_8));
      }
    }
    return files;
  }
}
