package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.DestageKills;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Scenario;
import io.cairn.bench.chaos.Stage;
import io.cairn.bench.chaos.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Faults on a cluster of processes, in the short form: outages of some seconds. The long form, with
 * a minute each and more rounds, is {@code cairn chaos}.
 */
class ChaosIT {
  private static final Duration RANDOM_FAULTS_LIMIT = Duration.ofMinutes(5);

  @TempDir private static Path directory;

  private static RunningCluster cluster;

  @BeforeAll
  static void startsCluster() {
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), true, Stage.volumes(Stage.Scale.SHORT)));
  }

  @AfterAll
  static void stopsCluster() {
    if (cluster != null) {
      cluster.close();
    }
  }

  @ParameterizedTest
  @EnumSource(Scenario.class)
  void survives(Scenario scenario) {
    System.out.println(scenario.argument() + ": " + scenario.title());
    scenario.play(
        new Stage(
            cluster, directory, Stage.Scale.SHORT, 1, line -> System.out.println("  " + line)));
  }

  /** By root on hosts with networks of their own; else it says what it cannot play. */
  @Test
  void survivesRandomFaults() {
    Tool.Result result = randomly("random", "--for", "30s", "--seed", "1");
    result.ok();
    assertTrue(result.output().contains("everything is whole again"), result::toString);
    assertTrue(Files.exists(directory.resolve("random/chaos.html")));
  }

  /** The short form of 200 kills. */
  @Test
  void losesNothingInTheMiddleOfADestage() {
    new DestageKills(
            directory.resolve("destage"), 6, 1, line -> System.out.println("destage: " + line))
        .play();
  }

  /** A bound that nothing can hold is found not to be held: the run is able to fail. */
  @Test
  void findsAStallThatIsTooLong() {
    Tool.Result result = randomly("stall", "--for", "60s", "--faults", "kill", "--stall", "50ms");
    assertEquals(1, result.exitCode(), result::toString);
    assertTrue(result.output().contains("the bound is 0.1 s"), result::toString);
  }

  private static Tool.Result randomly(String name, String... arguments) {
    List<String> line = new ArrayList<>(List.of("chaos", "--nodes", "3", "--volumes", "2"));
    line.addAll(List.of("--data", directory.resolve(name).toString()));
    line.addAll(List.of(arguments));
    Tool.Result result = Program.run(RANDOM_FAULTS_LIMIT, line.toArray(String[]::new));
    System.out.println(result);
    return result;
  }
}
