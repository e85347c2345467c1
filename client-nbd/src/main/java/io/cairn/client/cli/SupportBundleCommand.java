package io.cairn.client.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.http.SupportPage;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.release.Release;
import io.cairn.metadata.view.ClusterJson;
import java.io.IOException;
import java.io.OutputStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code cairn support-bundle}: one file with what a maintainer asks for first. It is most wanted
 * when things are broken: what cannot be had is named in it, and is no error.
 */
@Command(
    name = "support-bundle",
    description = {
      "Writes one file with the cluster's status, events, volumes, nodes and releases, and of every"
          + " server its options in force, its metrics and the last lines of its log.",
      "What cannot be reached is named in the bundle. It has names, addresses and paths, but no"
          + " data of volumes and no secrets."
    })
final class SupportBundleCommand implements Callable<Integer> {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** A cluster under load may have no leader for a while, and this is in no hurry. */
  private static final int TRIES = 3;

  private static final List<String> PAGES = List.of("/readyz", SupportPage.PATH, "/metrics");
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

  /** A server's pages, under a name that is also that of its directory. */
  private record Server(String directory, String httpAddress) {
    /** Servers name themselves: what is not plain could lead out of the archive when unpacked. */
    Server {
      directory = directory.replaceAll("[^A-Za-z0-9._-]", "_");
    }
  }

  @Mixin private ClusterOptions options;
  @Spec private picocli.CommandLine.Model.CommandSpec spec;

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "The bundle, a new file. Default: cairn-support-TIME.zip")
  private Path file;

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      split = ",",
      description =
          "HTTP address of a server to ask as well: the metadata tells of the others only while it"
              + " has a leader.")
  private List<String> more = new ArrayList<>();

  private final List<String> missing = new ArrayList<>();
  private final Map<String, String> files = new LinkedHashMap<>();

  /** Nobody answered, however often he was asked. */
  private boolean unheard;

  @Override
  public Integer call() throws IOException {
    Instant now = Instant.now();
    String name = "cairn-support-" + TIME.format(now);
    Path written = file == null ? Path.of(name + ".zip") : file;
    List<Server> servers = new ArrayList<>(named());
    servers.addAll(askMetadata());
    askServers(servers);
    files.put("README.txt", readme(now));
    try (OutputStream out = Files.newOutputStream(written, StandardOpenOption.CREATE_NEW);
        ZipOutputStream archive = new ZipOutputStream(out)) {
      for (Map.Entry<String, String> one : files.entrySet()) {
        archive.putNextEntry(
            new ZipEntry(name + "/" + one.getKey()).setLastModifiedTime(FileTime.from(now)));
        archive.write(one.getValue().getBytes(StandardCharsets.UTF_8));
      }
    } catch (FileAlreadyExistsException e) {
      throw new CommandFailure(written + " is there already; name another file", e);
    }
    options.print(
        json(written),
        out -> {
          out.println("wrote " + written + ": " + files.size() + " files");
          missing.forEach(line -> out.println("without " + line));
        });
    return 0;
  }

  private JsonNode json(Path written) {
    var json = ClusterJson.object().put("file", written.toString()).put("files", files.size());
    var without = json.putArray("missing");
    missing.forEach(without::add);
    return json;
  }

  private List<Server> named() {
    List<Server> servers = new ArrayList<>();
    for (String text : more) {
      try {
        servers.add(new Server("server-" + text, Address.parse(text).toString()));
      } catch (IllegalArgumentException e) {
        throw new ParameterException(spec.commandLine(), "--server: " + e.getMessage(), e);
      }
    }
    return servers;
  }

  /** What the metadata knows, and which servers there are. */
  private List<Server> askMetadata() {
    try (ClusterCalls calls = options.connect()) {
      ask("status.json", calls, all -> ClusterJson.cluster(all.cluster()));
      ask("events.json", calls, all -> ClusterJson.events(EventsCommand.after(all, 0)));
      Reply.Releases[] releases = new Reply.Releases[1];
      ask(
          "releases.json",
          calls,
          all -> {
            releases[0] = all.releases();
            return releases[0] == null ? ClusterJson.object() : ClusterJson.releases(releases[0]);
          });
      return releases[0] == null ? List.of() : servers(releases[0]);
    } catch (CommandFailure e) {
      missing.add("all that the metadata knows: " + e.getMessage());
      return List.of();
    }
  }

  private void ask(String name, ClusterCalls calls, Function<ClusterCalls, JsonNode> question) {
    String why = "";
    // Who was not heard for so long would not be heard for the other questions either.
    for (int left = unheard ? 1 : TRIES; left > 0; left--) {
      try {
        files.put(name, question.apply(calls).toPrettyString() + "\n");
        return;
      } catch (CommandFailure e) {
        why = e.getMessage();
        boolean answered = e.getCause() == null;
        if (answered) {
          break;
        }
        unheard = left == 1;
      }
    }
    missing.add(name + ": " + why);
    files.put(name + ".missing.txt", why + "\n");
  }

  private List<Server> servers(Reply.Releases releases) {
    List<Server> servers = new ArrayList<>();
    for (Reply.ServerRelease server : releases.servers()) {
      String directory = server.role() + "-" + server.name();
      if (server.httpAddress() != null) {
        servers.add(new Server(directory, server.httpAddress()));
      } else {
        missing.add(
            directory
                + ": it was not heard of lately, or is too old to say where its pages are;"
                + " --server names it");
      }
    }
    return servers;
  }

  /** All at once: one that hangs must not make the others wait for their turns. */
  private void askServers(List<Server> servers) {
    try (ServerPages asked = new ServerPages(TIMEOUT)) {
      Map<String, CompletableFuture<HttpResponse<String>>> answers = new LinkedHashMap<>();
      for (Server server : servers) {
        for (String page : PAGES) {
          answers.put(
              server.directory() + page + (page.equals(SupportPage.PATH) ? ".json" : ".txt"),
              asked.ask(server.httpAddress(), page));
        }
      }
      answers.forEach(this::take);
    }
  }

  private void take(String name, CompletableFuture<HttpResponse<String>> answer) {
    try {
      HttpResponse<String> response = answer.join();
      // That a server is not ready is told by an error with a line, which is wanted here.
      if (response.statusCode() == 200 || name.endsWith("/readyz.txt")) {
        files.put(name, response.body());
      } else {
        missing.add(name + ": " + response.uri() + " answered " + response.statusCode());
      }
    } catch (RuntimeException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      missing.add(name + ": " + cause);
    }
  }

  private String readme(Instant now) {
    StringBuilder text = new StringBuilder();
    text.append("Written at ").append(now).append(" by cairn ").append(Release.name());
    text.append(", ").append(System.getProperty("os.name")).append(".\n\n");
    text.append("status.json, releases.json   what the metadata's leader knows\n");
    text.append("events.json                  what happened to the cluster\n");
    text.append("NAME.missing.txt             why there is no NAME\n");
    text.append("ROLE-NAME/support.json       release, options in force, end of the log\n");
    text.append("ROLE-NAME/metrics.txt        all metrics at that moment\n");
    text.append("ROLE-NAME/readyz.txt         whether it serves, or why not\n");
    text.append(missing.isEmpty() ? "\nNothing is missing.\n" : "\nMissing:\n");
    missing.forEach(line -> text.append("- ").append(line).append('\n'));
    return text.toString();
  }
}
