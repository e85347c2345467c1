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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

class ConsoleTest {
  private static final Map<String, String> OURS = Map.of("x-cairn-console", "1");

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
    return new Console(
        () -> {
          connections++;
          return client;
        },
        changes);
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
