package io.cairn.metadata.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.http.Page;
import io.cairn.metadata.http.Pages;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConsoleTest {
  private static final Map<String, String> OURS = Map.of("x-cairn-console", "1");

  private static final String TOKEN = "a-token-of-some-length";

  @TempDir private Path directory;

  private final List<Command> submitted = new ArrayList<>();
  private Reply answer = new Reply.Ok();
  private int connections;

  private final MetadataClient client =
      new MetadataClient() {
        @Override
        public CompletionStage<Reply> submit(Submission submission) {
          submitted.add(submission.command());
          return CompletableFuture.completedFuture(answer);
        }

        @Override
        public CompletionStage<Reply> query(Query query) {
          if (query instanceof Query.GetEvents events) {
            return CompletableFuture.completedFuture(
                new Reply.Events(
                    List.of(
                        new ClusterEvent(
                            events.afterNumber() + 1, 9, "node-down", "n", "Node n is <away>."))));
          }
          assertEquals(new Query.GetCluster(), query);
          return CompletableFuture.completedFuture(
              new Reply.Cluster(
                  7, List.of(), List.of(), List.of(), List.of(), Reply.Rebalance.OFF));
        }

        @Override
        public void close() {
          connections--;
        }
      };

  private Console console(boolean changes) {
    return console(changes, Optional.empty());
  }

  private Console console(boolean changes, Optional<Path> token) {
    return new Console(
        () -> {
          connections++;
          return client;
        },
        changes,
        token);
  }

  private static Page get(Console console, String path) {
    return page(console, new Pages.Request("GET", path, Map.of(), Map.of()));
  }

  private static Page post(Console console, String path, Map<String, String> parameters) {
    return page(console, new Pages.Request("POST", "/console/" + path, parameters, OURS));
  }

  private static Page page(Console console, Pages.Request request) {
    return console.answer(request).toCompletableFuture().join();
  }

  @Test
  void whatHappenedIsAnsweredFromANumberOn() {
    Console console = console(false);
    Page page =
        page(console, new Pages.Request("GET", "/console/events", Map.of("after", "41"), Map.of()));
    assertEquals(
        "[{\"number\":42,\"atMillis\":9,\"kind\":\"node-down\",\"subject\":\"n\","
            + "\"text\":\"Node n is <away>.\"}]",
        page.text());
    Pages.Request garbled =
        new Pages.Request("GET", "/console/events", Map.of("after", "x"), Map.of());
    assertEquals(400, page(console, garbled).status().code());
  }

  @Test
  void theFilesNameNothingFromElsewhere() {
    Console console = console(false);
    for (String path : List.of("/", "/console", "/console/", "/console/index.html")) {
      assertTrue(get(console, path).text().contains("/console/console.js"), path);
    }
    for (String path : List.of("/console", "/console/console.js", "/console/console.css")) {
      Page page = get(console, path);
      assertEquals(200, page.status().code(), path);
      String text = page.text().replace("http://www.w3.org/2000/svg", "");
      assertTrue(!text.contains("http://") && !text.contains("https://"), path);
    }
    assertEquals(404, get(console, "/console/../Console.class").status().code());
    assertNull(console.answer(new Pages.Request("GET", "/metrics", Map.of(), Map.of())));
    assertEquals(0, connections);
  }

  @Test
  void theClusterIsAskedForWhenSomebodyLooks() {
    try (Console console = console(true)) {
      Page page = get(console, "/console/cluster");
      assertTrue(page.text().contains("\"clusterId\":\"7\""), page.text());
      assertTrue(page.text().contains("\"changes\":true"), page.text());
      get(console, "/console/cluster");
      assertEquals(1, connections);
    }
    assertEquals(0, connections);
  }

  @Test
  void changesNeedTheOptionAndTheHeader() {
    Map<String, String> volume = Map.of("name", "web");
    assertEquals(403, post(console(false), "volume/delete", volume).status().code());
    Pages.Request foreign =
        new Pages.Request("POST", "/console/volume/delete", volume, Map.of("origin", "http://x"));
    assertEquals(403, page(console(true), foreign).status().code());
    assertEquals(List.of(), submitted);
  }

  private Page delete(Console console, String authorization) {
    Map<String, String> headers = new HashMap<>(OURS);
    if (authorization != null) {
      headers.put("authorization", authorization);
    }
    return page(
        console,
        new Pages.Request("POST", "/console/volume/delete", Map.of("name", "web"), headers));
  }

  @Test
  void aChangeNeedsTheTokenOfTheFileAsItIsNow() throws IOException {
    Path file = directory.resolve("token");
    Console console = console(true, Optional.of(file));
    assertTrue(get(console, "/console/cluster").text().contains("\"token\":true"));
    assertEquals(401, delete(console, "Bearer " + TOKEN).status().code(), "no file, no change");
    Files.writeString(file, "too short\n");
    assertEquals(401, delete(console, "Bearer too short").status().code());
    Files.writeString(file, "");
    assertEquals(401, delete(console, "Bearer ").status().code());
    Files.writeString(file, "x".repeat(ChangeToken.LENGTH_MAX + 1));
    assertEquals(
        401, delete(console, "Bearer " + "x".repeat(ChangeToken.LENGTH_MAX + 1)).status().code());
    Files.writeString(file, TOKEN + "\n");
    Page without = delete(console, null);
    assertEquals(401, without.status().code());
    assertTrue(without.text().contains("Authorization: Bearer TOKEN"), without.text());
    for (String wrong :
        List.of("", TOKEN, "Bearer", "Bearer ", "Basic " + TOKEN, "Bearer " + TOKEN + "x")) {
      Page refused = delete(console, wrong);
      assertEquals(401, refused.status().code(), wrong);
      assertTrue(!refused.text().contains(TOKEN), refused.text());
    }
    assertEquals(List.of(), submitted);
    assertEquals(200, delete(console, "Bearer " + TOKEN).status().code());
    assertEquals(200, delete(console, "bearer  " + TOKEN + " ").status().code());
    Files.writeString(file, "another-token-of-today");
    assertEquals(401, delete(console, "Bearer " + TOKEN).status().code());
    assertEquals(2, submitted.size());
  }

  @Test
  void theTokenPermitsNothingElse() throws IOException {
    Path file = Files.writeString(directory.resolve("token"), TOKEN);
    assertEquals(403, delete(console(false, Optional.of(file)), "Bearer " + TOKEN).status().code());
    Map<String, String> volume = Map.of("name", "web");
    Map<String, String> foreign = Map.of("authorization", "Bearer " + TOKEN);
    Console console = console(true, Optional.of(file));
    String path = "/console/volume/delete";
    assertEquals(
        403, page(console, new Pages.Request("POST", path, volume, foreign)).status().code());
    Map<String, String> all = new HashMap<>(OURS);
    all.putAll(foreign);
    assertEquals(404, page(console, new Pages.Request("GET", path, volume, all)).status().code());
    for (String method : List.of("PUT", "DELETE", "PATCH", "OPTIONS")) {
      assertNull(console.answer(new Pages.Request(method, path, volume, all)), method);
    }
    assertEquals(List.of(), submitted);
  }

  @Test
  void changesBecomeCommands() {
    Console console = console(true);
    post(console, "volume/create", Map.of("name", "web", "size", "1GiB", "replicas", "2"));
    post(console, "volume/resize", Map.of("name", "web", "size", "2GiB"));
    post(console, "volume/delete", Map.of("name", "web"));
    post(console, "node/drain", Map.of("id", "3"));
    post(console, "node/stay", Map.of("id", "3"));
    assertEquals(
        List.of(
            new Command.CreateVolume("web", 1L << 30, 0, 2, 0, Durability.FLUSH),
            new Command.ResizeVolume("web", 2L << 30),
            new Command.DeleteVolume("web", false),
            new Command.DrainNode(3, Departure.DRAINED),
            new Command.DrainNode(3, null)),
        submitted);
  }

  @Test
  void whatIsWrongIsSaid() {
    Console console = console(true);
    Page size = post(console, "volume/create", Map.of("name", "web", "size", "10 parsecs"));
    assertEquals(400, size.status().code());
    assertTrue(size.text().contains("10 parsecs"), size.text());
    Page missing = post(console, "volume/delete", Map.of());
    assertEquals("name is missing\n", missing.text());
    assertEquals(404, post(console, "cluster/explode", Map.of()).status().code());
    answer = new Reply.Refused(Reply.ErrorCode.EXISTS, "there is a volume web");
    Page refused = post(console, "volume/create", Map.of("name", "web", "size", "1GiB"));
    assertEquals(409, refused.status().code());
    assertEquals("there is a volume web\n", refused.text());
  }
}
