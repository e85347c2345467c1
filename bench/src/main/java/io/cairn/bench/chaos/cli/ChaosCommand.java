package io.cairn.bench.chaos.cli;

import io.cairn.bench.chaos.DestageKills;
import io.cairn.bench.chaos.KillTable;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Scenario;
import io.cairn.bench.chaos.Stage;
import io.cairn.bench.chaos.Trees;
import io.cairn.bench.chaos.nemesis.FaultKind;
import io.cairn.bench.chaos.nemesis.Namespaces;
import io.cairn.bench.chaos.nemesis.NemesisRun;
import io.cairn.client.cli.CommandFailure;
import io.cairn.metadata.options.Durations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn chaos}: a real cluster of processes under faults, with proofs and figures. */
@Command(
    name = "chaos",
    description = {
      "Runs a cluster of processes in a new directory, plays faults on it under load, and checks"
          + " that no acknowledged write is lost, no client sees an error, and no stall is too"
          + " long.",
      "Without --for, told scenarios; needs fio, takes about 15 minutes in the long form, about 4"
          + " in the short one. With --kills, a table of how long clients wait.",
      "With --for, random faults for that time on hosts that are network namespaces, each with a"
          + " server; by root. Without the right to make namespaces it says so, and plays what it"
          + " can on this machine. The servers are probed, ended and started as the manifests in"
          + " docker/kubernetes/base say: liveness must not fail for a process that runs."
    })
public final class ChaosCommand implements Callable<Integer> {
  private static final String CLUSTER = "cluster";

  @Spec private CommandSpec spec;

  @Option(
      names = "--scenario",
      paramLabel = "NAME",
      description =
          "One of storage-kill, storage-pause, two-nodes-down, metadata-leader-kill,"
              + " metadata-leader-changes, metadata-outage, gateway-kill, gateway-takeover,"
              + " maintenance-gives-way, kill-everything; repeatable. Default: all.")
  private List<String> names = new ArrayList<>();

  @Option(names = "--short", description = "As every build does it: smaller, shorter outages.")
  private boolean shortForm;

  @Option(
      names = "--kills",
      paramLabel = "N",
      description =
          "Instead of scenarios: so many kills of each role (storage nodes in turn, the metadata's"
              + " leader, the gateway in use), 1 to 1000, one after the other under load. Prints"
              + " how long clients waited as a table: median, p99, longest. About 20 s for each N.")
  private Integer kills;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "An empty directory, which stays. Default: a temporary one, which does not.")
  private Path directory;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Of the load's draws, and the faults'. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(
      names = "--for",
      paramLabel = "TIME",
      description = "Random faults for so long, such as 30s or 10m.")
  private String time;

  @Option(
      names = "--faults",
      paramLabel = "KIND",
      split = ",",
      description = "With --for: of ${COMPLETION-CANDIDATES}. Default: all.")
  private List<FaultKind> faults = List.of(FaultKind.values());

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "4",
      description = "With --for: storage nodes, 3 to 9. Default: ${DEFAULT-VALUE}")
  private int nodes;

  @Option(
      names = "--volumes",
      paramLabel = "N",
      defaultValue = "3",
      description = "With --for: volumes with a client each, 1 to 8. Default: ${DEFAULT-VALUE}")
  private int volumes;

  @Option(
      names = "--initiators",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "With --for: how many of the clients use iSCSI, up to all; the others NBD. Default:"
              + " ${DEFAULT-VALUE}")
  private int initiators;

  @Option(
      names = "--stall",
      paramLabel = "TIME",
      defaultValue = "20s",
      description =
          "With --for: longest time that a volume may go without an answer. Default:"
              + " ${DEFAULT-VALUE}")
  private String stall;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "With --for: the page with the timeline. Default: chaos.html in --data.")
  private Path page;

  @Option(
      names = "--destage-kills",
      paramLabel = "N",
      description =
          "Instead of all that: SIGKILL of the one storage node of a cluster in the middle of a"
              + " destage, N times at random points, under a load whose every read is checked;"
              + " about two seconds each.")
  private Integer destageKills;

  @Option(
      names = "--image",
      paramLabel = "IMAGE",
      description =
          "With --for: each server in a container of that image, by podman, instead of a process"
              + " of this program; only where namespaces can be made.")
  private String image;

  @Option(names = "--in-namespaces", hidden = true)
  private boolean inNamespaces;

  @Override
  public Integer call() throws IOException {
    checkOneKind();
    if (destageKills != null) {
      checkRange("--destage-kills", destageKills, 1, 100_000);
      return killDestaging();
    }
    if (kills != null) {
      checkRange("--kills", kills, 1, 1000);
    }
    return time == null ? tellScenarios() : playRandomly();
  }

  /** What would be left out without a word is refused. */
  private void checkOneKind() {
    List<String> kinds = new ArrayList<>();
    CommandLine.ParseResult given = spec.commandLine().getParseResult();
    for (String option : List.of("--scenario", "--kills", "--destage-kills", "--for")) {
      if (given.hasMatchedOption(option)) {
        kinds.add(option);
      }
    }
    if (kinds.size() > 1) {
      throw new ParameterException(
          spec.commandLine(), String.join(" and ", kinds) + " exclude each other; give one");
    }
    for (String option :
        List.of("--faults", "--nodes", "--volumes", "--initiators", "--report", "--image")) {
      if (time == null && given.hasMatchedOption(option)) {
        throw new ParameterException(spec.commandLine(), option + " needs --for");
      }
    }
  }

  private Path workDirectory() throws IOException {
    return directory == null ? Files.createTempDirectory("cairn-chaos") : directory;
  }

  private int killDestaging() throws IOException {
    Path work = workDirectory();
    Files.createDirectories(work);
    try {
      new DestageKills(work.resolve(CLUSTER), destageKills, seed, System.out::println).play();
    } catch (RuntimeException e) {
      System.out.println(e.getMessage() + "; logs and data stay in " + work);
      return 1;
    }
    if (directory == null) {
      Trees.delete(work);
    }
    return 0;
  }

  private int playRandomly() throws IOException {
    checkRange("--nodes", nodes, 3, 9);
    checkRange("--volumes", volumes, 1, 8);
    checkRange("--initiators", initiators, 0, volumes);
    Duration length = duration("--for", time);
    Duration longest = duration("--stall", stall);
    Path work = workDirectory();
    if (Files.exists(work.resolve(CLUSTER))) {
      throw new ParameterException(
          spec.commandLine(), "--data is " + work + ", which holds a cluster; name an empty one");
    }
    Files.createDirectories(work);
    if (!inNamespaces) {
      String hindrance = Namespaces.hindrance();
      if (hindrance == null) {
        return Namespaces.run(inNamespacesCommand(work));
      }
      if (image != null) {
        throw new CommandFailure("--image needs namespaces, which cannot be made: " + hindrance);
      }
      System.out.println("namespaces cannot be made here, so nothing can be cut: " + hindrance);
    }
    Path report = page == null ? work.resolve("chaos.html") : page;
    try (NemesisRun run =
        new NemesisRun(
            new NemesisRun.Settings(
                work.resolve(CLUSTER),
                inNamespaces,
                length,
                nodes,
                volumes,
                initiators,
                EnumSet.copyOf(faults),
                seed,
                longest,
                report,
                image))) {
      boolean good = run.play();
      System.out.println("logs and data stay in " + work);
      return good ? 0 : 1;
    }
  }

  /** This very command again, to be run in namespaces. */
  private List<String> inNamespacesCommand(Path work) {
    List<String> command =
        Program.command("chaos", "--in-namespaces", "--data", work.toString(), "--for", time);
    command.addAll(List.of("--seed", Long.toString(seed), "--stall", stall));
    command.addAll(List.of("--nodes", nodes + "", "--volumes", volumes + ""));
    command.addAll(List.of("--initiators", initiators + ""));
    command.add("--faults");
    command.add(String.join(",", faults.stream().map(FaultKind::name).toList()));
    if (page != null) {
      command.addAll(List.of("--report", page.toString()));
    }
    if (image != null) {
      command.addAll(List.of("--image", image));
    }
    return command;
  }

  private void checkRange(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ParameterException(
          spec.commandLine(), option + " is " + value + "; it must be " + least + " to " + most);
    }
  }

  private Duration duration(String option, String text) {
    try {
      Duration duration = Durations.parse(text);
      if (duration.isPositive()) {
        return duration;
      }
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), option + ": " + e.getMessage(), e);
    }
    throw new ParameterException(
        spec.commandLine(), option + " is " + text + "; it must be longer than 0");
  }

  private int tellScenarios() throws IOException {
    List<Scenario> scenarios = kills == null ? chosen() : List.of();
    Path work = workDirectory();
    Files.createDirectories(work);
    Stage.Scale scale = shortForm ? Stage.Scale.SHORT : Stage.Scale.LONG;
    int failed = 0;
    try (RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(work.resolve(CLUSTER), true, Stage.volumes(scale)))) {
      System.out.printf("ready after %.1f s%n", cluster.readySeconds());
      for (Scenario scenario : scenarios) {
        failed += play(scenario, new Stage(cluster, work, scale, seed, ChaosCommand::line));
      }
      failed += killAgainAndAgain(new Stage(cluster, work, scale, seed, ChaosCommand::line));
    }
    if (directory == null && failed == 0) {
      Trees.delete(work);
    } else {
      System.out.println("logs and data stay in " + work);
    }
    if (kills == null) {
      System.out.printf("%d of %d scenarios failed%n", failed, scenarios.size());
    }
    return failed == 0 ? 0 : 1;
  }

  /** The table of kills, if one is asked for. */
  private int killAgainAndAgain(Stage stage) {
    try {
      if (kills != null) {
        KillTable.play(stage, kills).forEach(System.out::println);
      }
      return 0;
    } catch (RuntimeException e) {
      line("FAILED: " + e.getMessage());
      return 1;
    }
  }

  private List<Scenario> chosen() {
    if (names.isEmpty()) {
      return List.of(Scenario.values());
    }
    List<Scenario> chosen = new ArrayList<>();
    for (String name : names) {
      chosen.add(
          List.of(Scenario.values()).stream()
              .filter(scenario -> scenario.argument().equals(name))
              .findFirst()
              .orElseThrow(() -> noScenario(name)));
    }
    return chosen;
  }

  private ParameterException noScenario(String name) {
    String all =
        Stream.of(Scenario.values()).map(Scenario::argument).collect(Collectors.joining(", "));
    return new ParameterException(
        spec.commandLine(), "there is no scenario '" + name + "'; it must be one of " + all);
  }

  private static int play(Scenario scenario, Stage stage) {
    System.out.println(scenario.argument() + ": " + scenario.title());
    long begin = System.nanoTime();
    try {
      scenario.play(stage);
      line(String.format("passed in %.0f s", (System.nanoTime() - begin) / 1e9));
      return 0;
    } catch (RuntimeException e) {
      line("FAILED: " + e.getMessage());
      return 1;
    }
  }

  private static void line(String text) {
    System.out.println("  " + text);
    System.out.flush();
  }
}
