package io.cairn.client.cli;

import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.options.Durations;
import io.cairn.metadata.view.ClusterJson;
import java.io.PrintWriter;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn events}: what happened to the cluster. */
@Command(
    name = "events",
    description = {
      "Shows what happened to nodes, devices, volumes and their repair, the oldest first.",
      "The metadata servers keep the last 1000 events, also over a change of their leader and"
          + " restarts. Times are those of the leader's clock."
    })
final class EventsCommand implements Callable<Integer> {
  /** Keeps an answer of the metadata small. */
  private static final int PAGE = 200;

  private static final long ASK_MILLIS = 1_000;

  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss");

  @Mixin private ClusterOptions options;
  @Spec private CommandSpec spec;

  @Option(
      names = "--since",
      paramLabel = "DURATION|TIME",
      description =
          "Only what happened since: 90m ago, or at a time such as 2026-11-22T10:00:00Z. Default:"
              + " all that is kept.")
  private String since;

  @Option(
      names = "--follow",
      description = "Goes on with what happens from now on, until it is interrupted.")
  private boolean follow;

  @Override
  public Integer call() throws InterruptedException {
    long fromMillis = since == null ? Long.MIN_VALUE : sinceMillis();
    try (ClusterCalls calls = options.connect()) {
      List<ClusterEvent> all = after(calls, 0);
      List<ClusterEvent> shown = all.stream().filter(e -> e.atMillis() >= fromMillis).toList();
      if (!follow) {
        options.print(ClusterJson.events(shown), out -> print(shown, out));
        return 0;
      }
      List<ClusterEvent> news = shown;
      long last = all.isEmpty() ? 0 : all.getLast().number();
      boolean lost = false;
      while (true) {
        for (ClusterEvent event : news) {
          options.printLine(ClusterJson.event(event), out -> out.println(line(event)));
          last = event.number();
        }
        TimeUnit.MILLISECONDS.sleep(ASK_MILLIS);
        try {
          news = after(calls, last);
          lost = false;
        } catch (CommandFailure e) {
          // What happens meanwhile is kept, and told once they are back.
          news = List.of();
          if (!lost) {
            options.note(e.getMessage());
          }
          lost = true;
        }
      }
    }
  }

  private long sinceMillis() {
    try {
      return Instant.parse(since).toEpochMilli();
    } catch (DateTimeException notATime) {
      try {
        return Instant.now().minus(Durations.parse(since)).toEpochMilli();
      } catch (IllegalArgumentException e) {
        throw new ParameterException(
            spec.commandLine(),
            "--since '" + since + "' is no time such as 2026-11-22T10:00:00Z: " + e.getMessage(),
            e);
      }
    }
  }

  /** All of them, page by page. */
  static List<ClusterEvent> after(ClusterCalls calls, long number) {
    List<ClusterEvent> found = new ArrayList<>();
    List<ClusterEvent> page;
    do {
      page = calls.events(found.isEmpty() ? number : found.getLast().number(), PAGE);
      found.addAll(page);
    } while (page.size() == PAGE);
    return found;
  }

  private static void print(List<ClusterEvent> events, PrintWriter out) {
    if (events.isEmpty()) {
      out.println("nothing happened that is still kept");
    }
    events.forEach(event -> out.println(line(event)));
  }

  private static String line(ClusterEvent event) {
    String time =
        event.atMillis() == 0
            ? "at some time       "
            : TIME.format(Instant.ofEpochMilli(event.atMillis()).atZone(ZoneId.systemDefault()));
    return time + "  " + event.text();
  }
}
