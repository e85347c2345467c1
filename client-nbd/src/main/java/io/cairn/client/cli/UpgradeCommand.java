package io.cairn.client.cli;

import io.cairn.metadata.command.Command.RaiseLevel;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.view.ClusterJson;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code cairn upgrade}: how far a rolling upgrade is, and its last step. */
@Command(
    name = "upgrade",
    description = {
      "Shows which release each server runs, and the level of what they may use of it together.",
      "Restart the servers from the new release one at a time, the metadata servers first; then"
          + " --finalize."
    })
final class UpgradeCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Option(
      names = "--finalize",
      description =
          "Has the servers use what is new, provided that all of them know it. There is no way"
              + " back: servers of older releases are refused from then on.")
  private boolean finalize;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Releases releases = calls.releases();
      if (releases == null) {
        throw new CommandFailure(
            "the metadata leader is of a release that does not know of upgrades; restart the"
                + " metadata servers from the new release first");
      }
      if (finalize) {
        int level = commonLevel(releases);
        if (level > releases.level()) {
          calls.change(new RaiseLevel(level));
        }
        releases = calls.releases();
      }
      Reply.Releases shown = releases;
      options.print(ClusterJson.releases(shown), out -> print(shown, out));
      return 0;
    }
  }

  /** What all of them know; refused when somebody was not heard of, or holds the others back. */
  private static int commonLevel(Reply.Releases releases) {
    int lowest = Integer.MAX_VALUE;
    int highest = 0;
    for (Reply.ServerRelease server : releases.servers()) {
      if (server.release() == null) {
        throw new CommandFailure(
            server.role()
                + " "
                + server.name()
                + " did not say lately which release it runs: it is down, or too old to; start it"
                + " from the new release, or remove it");
      }
      lowest = Math.min(lowest, server.level());
      highest = Math.max(highest, server.level());
    }
    if (lowest < highest) {
      int top = highest;
      throw new CommandFailure(
          "not yet: "
              + releases.servers().stream()
                  .filter(server -> server.level() < top)
                  .map(server -> server.role() + " " + server.name() + " runs " + server.release())
                  .collect(Collectors.joining(", "))
              + "; level "
              + top
              + " needs a newer one");
    }
    return lowest;
  }

  /** On one line, for the screen of {@code cairn status}. */
  static String summary(Reply.Releases releases) {
    SortedSet<String> names = new TreeSet<>();
    int highest = releases.level();
    for (Reply.ServerRelease server : releases.servers()) {
      names.add(server.release() == null ? "unknown" : server.release());
      highest = Math.max(highest, server.level());
    }
    String higher =
        highest > releases.level()
            ? "; an upgrade to level " + highest + " is under way, 'cairn upgrade' shows it"
            : "";
    return String.join(", ", names) + ", level " + releases.level() + higher;
  }

  private static void print(Reply.Releases releases, PrintWriter out) {
    out.println("level     " + releases.level());
    out.println();
    Table table = new Table("ROLE", "NAME", "RELEASE", ">LEVEL");
    List<Reply.ServerRelease> servers =
        releases.servers().stream()
            .sorted(
                Comparator.comparing(Reply.ServerRelease::role)
                    .thenComparing(Reply.ServerRelease::name))
            .toList();
    for (Reply.ServerRelease server : servers) {
      table.row(
          server.role(),
          server.name(),
          server.release() == null ? "not heard of lately" : server.release(),
          server.release() == null ? null : server.level());
    }
    table.print(out);
  }
}
