package io.cairn.bench.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cairn chaos}: a real cluster of processes under faults, with proofs and figures. */
@Command(
    name = "chaos",
    description = {
      "Runs a cluster of processes in a new directory, plays faults on it under load, and checks"
          + " that no acknowledged write is lost, no client sees an error, and no stall is too"
          + " long.",
      "Needs fio. Takes about 15 minutes in the long form, about 4 in the short one."
    })
public final class ChaosCommand implements Callable<Integer> {
  @Option(
      names = "--scenario",
      paramLabel = "NAME",
      description =
          "One of storage-kill, storage-pause, two-nodes-down, metadata-leader-kill,"
              + " metadata-leader-changes, metadata-outage, gateway-kill, gateway-takeover,"
              + " kill-everything; repeatable. Default: all.")
  private List<String> names = new ArrayList<>();

  @Option(names = "--short", description = "As every build does it: smaller, shorter outages.")
  private boolean shortForm;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "An empty directory, which stays. Default: a temporary one, which does not.")
  private Path directory;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Of the load's draws. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Override
  public Integer call() throws IOException {
    List<Scenario> scenarios = chosen();
    Path work = directory == null ? Files.createTempDirectory("cairn-chaos") : directory;
    Files.createDirectories(work);
    Stage.Scale scale = shortForm ? Stage.Scale.SHORT : Stage.Scale.LONG;
    int failed = 0;
    try (RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(work.resolve("cluster"), true, Stage.volumes(scale)))) {
      System.out.printf("ready after %.1f s%n", cluster.readySeconds());
      for (Scenario scenario : scenarios) {
        failed += play(scenario, new Stage(cluster, work, scale, seed, ChaosCommand::line));
      }
    }
    if (directory == null && failed == 0) {
      Trees.delete(work);
    } else {
      System.out.println("logs and data stay in " + work);
    }
    System.out.printf("%d of %d scenarios failed%n", failed, scenarios.size());
    return failed == 0 ? 0 : 1;
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
              .orElseThrow(() -> new ChaosFailure("there is no scenario " + name)));
    }
    return chosen;
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
