package io.cairn.metadata.console;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.http.Page;
import io.cairn.metadata.http.Pages;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * The console's pages: the files at {@code /console/}, the cluster as JSON at {@code
 * /console/cluster}, what happened to it at {@code /console/events}, and, where the server's
 * options permit it, changes by POST. A change needs the header {@code x-cairn-console}, which a
 * page of another site cannot send, and the token where there is one.
 *
 * <p>Thread-safe.
 */
public final class Console implements Pages, AutoCloseable {
  private static final String ROOT = "/console/";
  private static final String HEADER = "x-cairn-console";
  private static final String JSON = "application/json; charset=utf-8";

  /** Events in one answer; whoever got as many asks for more. */
  private static final int EVENTS_AT_A_TIME = 200;

  private static final Map<String, String> FILES =
      Map.of(
          "index.html", "text/html; charset=utf-8",
          "console.js", "text/javascript; charset=utf-8",
          "console.css", "text/css; charset=utf-8");

  private final Supplier<MetadataClient> connect;
  private final boolean changes;

  /** Null when changes need none. */
  private final ChangeToken token;

  private MetadataClient client;
  private boolean closed;

  /**
   * A console.
   *
   * @param connect makes the client, when somebody looks for the first time.
   * @param changes whether the cluster may be changed here.
   * @param tokenFile with the token that a change must bring along; empty when it needs none.
   */
  public Console(Supplier<MetadataClient> connect, boolean changes, Optional<Path> tokenFile) {
    this.connect = connect;
    this.changes = changes;
    token = tokenFile.map(ChangeToken::new).orElse(null);
  }

  @Override
  public CompletionStage<Page> answer(Request request) {
    String path = request.path();
    if (path.equals("/") || path.equals("/console")) {
      return done(file("index.html"));
    }
    if (!path.startsWith(ROOT)) {
      return null;
    }
    String name = path.substring(ROOT.length());
    return switch (request.method()) {
      case "GET" -> shown(name.isEmpty() ? "index.html" : name, request.parameters());
      case "POST" -> changed(name, request);
      default -> null;
    };
  }

  private CompletionStage<Page> shown(String name, Map<String, String> parameters) {
    if (name.equals("events")) {
      return events(parameters.getOrDefault("after", "0"));
    }
    if (name.equals("cluster")) {
      return client().query(new Query.GetCluster()).thenApply(this::cluster);
    }
    return done(FILES.containsKey(name) ? file(name) : notFound());
  }

  /** Those after a number, in pages that keep the answer small. */
  private CompletionStage<Page> events(String after) {
    long number;
    try {
      number = Long.parseLong(after);
    } catch (NumberFormatException e) {
      return done(Page.plain(HttpResponseStatus.BAD_REQUEST, "after is no number"));
    }
    return client()
        .query(new Query.GetEvents(number, EVENTS_AT_A_TIME))
        .thenApply(
            reply ->
                reply instanceof Reply.Events events
                    ? new Page(
                        HttpResponseStatus.OK, JSON, ClusterJson.events(events.events()).toString())
                    : refused(reply));
  }

  private static Page notFound() {
    return Page.plain(HttpResponseStatus.NOT_FOUND, "the console has no such page");
  }

  private static Page file(String name) {
    try (InputStream in = Console.class.getResourceAsStream(name)) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return new Page(HttpResponseStatus.OK, FILES.get(name), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Page cluster(Reply reply) {
    if (!(reply instanceof Reply.Cluster cluster)) {
      return refused(reply);
    }
    ObjectNode json = ClusterJson.cluster(cluster);
    json.put("changes", changes);
    json.put("token", token != null);
    return new Page(HttpResponseStatus.OK, JSON, json.toString());
  }

  private CompletionStage<Page> changed(String name, Request request) {
    if (!changes) {
      return done(
          Page.plain(
              HttpResponseStatus.FORBIDDEN,
              "changes are off here; the option console.changes of the metadata servers permits"
                  + " them"));
    }
    if (!request.headers().containsKey(HEADER)) {
      return done(Page.plain(HttpResponseStatus.FORBIDDEN, "a change needs the header " + HEADER));
    }
    if (token == null) {
      return permitted(name, request);
    }
    // A file is read: not on the thread that serves all pages.
    return CompletableFuture.supplyAsync(
            () -> token.refusal(request.headers().get("authorization")))
        .thenCompose(
            refusal ->
                refusal == null
                    ? permitted(name, request)
                    : done(Page.plain(HttpResponseStatus.UNAUTHORIZED, refusal)));
  }

  private CompletionStage<Page> permitted(String name, Request request) {
    Command command;
    try {
      command = command(name, request.parameters());
    } catch (IllegalArgumentException e) {
      return done(Page.plain(HttpResponseStatus.BAD_REQUEST, String.valueOf(e.getMessage())));
    }
    return command == null
        ? done(notFound())
        : client()
            .submit(command)
            .thenApply(
                reply ->
                    reply instanceof Reply.Refused
                        ? refused(reply)
                        : Page.plain(HttpResponseStatus.OK, "done"));
  }

  private static Command command(String name, Map<String, String> parameters) {
    return switch (name) {
      case "volume/create" ->
          new Command.CreateVolume(
              text(parameters, "name"),
              Sizes.parseBytes(text(parameters, "size")),
              0,
              Integer.parseInt(parameters.getOrDefault("replicas", "0")),
              0,
              Durability.FLUSH);
      case "volume/resize" ->
          new Command.ResizeVolume(
              text(parameters, "name"), Sizes.parseBytes(text(parameters, "size")));
      case "volume/delete" -> new Command.DeleteVolume(text(parameters, "name"), false);
      case "node/drain" ->
          new Command.DrainNode(Long.parseLong(text(parameters, "id")), Departure.DRAINED);
      case "node/stay" -> new Command.DrainNode(Long.parseLong(text(parameters, "id")), null);
      default -> null;
    };
  }

  private static String text(Map<String, String> parameters, String name) {
    String value = parameters.get(name);
    if (value == null || value.isBlank()) {
      throw new IllegalArgumentException(name + " is missing");
    }
    return value;
  }

  private static Page refused(Reply reply) {
    String why =
        reply instanceof Reply.Refused refused ? refused.message() : "unexpected answer " + reply;
    return Page.plain(HttpResponseStatus.CONFLICT, why);
  }

  private static CompletionStage<Page> done(Page page) {
    return CompletableFuture.completedFuture(page);
  }

  private synchronized MetadataClient client() {
    if (closed) {
      throw new IllegalStateException("the server stops");
    }
    if (client == null) {
      client = connect.get();
    }
    return client;
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (client != null) {
      client.close();
    }
  }
}
