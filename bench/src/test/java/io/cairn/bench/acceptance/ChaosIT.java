package io.cairn.bench.acceptance;

import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Scenario;
import io.cairn.bench.chaos.Stage;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Faults on a cluster of processes, in the short form: outages of some seconds. The long form, with
 * a minute each and more rounds, is {@code cairn chaos}.
 */
class ChaosIT {
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
}
