package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.DestageKills;
import io.cairn.bench.chaos.KillTable;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Scenario;
import io.cairn.bench.chaos.Stage;
import io.cairn.bench.chaos.Tool;
import io.cairn.bench.operations.DashboardPanels;
import io.cairn.bench.operations.PrometheusServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Faults on a cluster of processes, in the short form: outages of some seconds. The long form, with
 * a minute each and more rounds, is {@code cairn chaos}.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ChaosIT {
  private static final Duration PANELS_LIMIT = Duration.ofSeconds(90);
  private static final Duration RANDOM_FAULTS_LIMIT = Duration.ofMinutes(5);

  @TempDir private static Path directory;

  private static RunningCluster cluster;
  private static PrometheusServer prometheus;
  private static final Set<Scenario> PLAYED = EnumSet.noneOf(Scenario.class);

  @BeforeAll
  static void startsCluster() throws IOException {
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"),
                true,
                3,
                Stage.volumes(Stage.Scale.SHORT),
                List.of(),
                Map.of("CAIRN_STORAGE_READ_CACHE_SIZE", "64MiB")));
    prometheus = PrometheusServer.start(directory.resolve("prometheus"), cluster);
  }

  @AfterAll
  static void stopsCluster() {
    if (prometheus != null) {
      prometheus.close();
    }
    if (cluster != null) {
      cluster.close();
    }
  }

  @ParameterizedTest
  @EnumSource(Scenario.class)
  void survives(Scenario scenario) {
    play(scenario);
  }

  private static void play(Scenario scenario) {
    PLAYED.add(scenario);
    System.out.println(scenario.argument() + ": " + scenario.title());
    scenario.play(stage());
  }

  private static Stage stage() {
    return new Stage(
        cluster, directory, Stage.Scale.SHORT, 1, line -> System.out.println("  " + line));
  }

  /** Whoever looks afterwards finds it, whichever metadata servers were killed meanwhile. */
  @Test
  @Order(Integer.MAX_VALUE - 1)
  void knowsAfterwardsWhatHappened() throws IOException {
    for (Scenario fault : List.of(Scenario.METADATA_LEADER_KILL, Scenario.METADATA_OUTAGE)) {
      if (!PLAYED.contains(fault)) {
        play(fault);
      }
    }
    String[] asked = {"events", "-o", "json", "--metadata", cluster.metadataAddresses()};
    Await.until(
        "every change of the leader is told", PANELS_LIMIT, () -> leaders(asked).size() >= 3);
    JsonNode events = Program.ask(asked);
    assertEquals("cluster-made", events.at("/0/kind").asText(), events::toString);
    List<String> kinds = events.findValuesAsText("kind");
    for (String kind : List.of("node-joined", "volume-created", "volume-attached")) {
      assertTrue(kinds.contains(kind), events::toString);
    }
    long number = 0;
    for (JsonNode event : events) {
      assertEquals(++number, event.path("number").asLong(), "none is missing");
      assertTrue(event.path("atMillis").asLong() > 0, event::toString);
    }
  }

  private static List<String> leaders(String... asked) {
    List<String> told = new ArrayList<>();
    for (JsonNode event : Program.ask(asked)) {
      if (event.path("kind").asText().equals("leader-changed")) {
        told.add(event.path("text").asText());
      }
    }
    return told;
  }

  /**
   * After the faults above each panel has something to show, and those that faults move have moved.
   */
  @Test
  @Order(Integer.MAX_VALUE)
  void everyPanelOfTheDashboardsHasData() throws IOException {
    for (Scenario fault : List.of(Scenario.STORAGE_KILL, Scenario.GATEWAY_TAKEOVER)) {
      if (!PLAYED.contains(fault)) {
        play(fault);
      }
    }
    // What lies on the capacity tier is read from there, and again from the read cache.
    String[] writeThrough = {"volume", "set", "fio", "--cache-mode", "write-through", "-o", "json"};
    List<String> set = new ArrayList<>(List.of(writeThrough));
    set.addAll(List.of("--metadata", cluster.metadataAddresses()));
    assertNotNull(Program.ask(set.toArray(String[]::new)));
    List<String> missing = new ArrayList<>();
    long begin = System.nanoTime();
    do {
      Tool.QEMU_IO.run(PANELS_LIMIT, use(cluster.uri("fio"))).ok();
      missing.clear();
      missing.addAll(DashboardPanels.withoutData(prometheus));
    } while (!missing.isEmpty() && System.nanoTime() - begin < PANELS_LIMIT.toNanos());
    assertEquals(List.of(), missing);
  }

  private static String[] use(String uri) {
    List<String> use = new ArrayList<>(List.of("-f", "raw"));
    String requests =
        "write 1M 1M,write 9M 64k,flush,read 1M 1M,read 1M 1M,read 64M 4M,discard 8M 1M";
    for (String request : requests.split(",")) {
      use.addAll(List.of("-c", request));
    }
    use.add(uri);
    return use.toArray(String[]::new);
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

  /** The short form of 50 kills of each role: a row with its figures for each. */
  @Test
  void tellsHowLongClientsWaitForEachRole() {
    List<String> table = KillTable.play(stage(), 1);
    table.forEach(System.out::println);
    assertEquals(5, table.size(), table::toString);
    for (int row = 2; row < 5; row++) {
      assertTrue(
          table.get(row).matches("\\| [a-z ]+ \\| 1 \\|( \\d+\\.\\d\\d s \\|){3}"), table.get(row));
    }
  }

  /** Told to stop, it takes its cluster with it. */
  @Test
  void leavesNothingRunningWhenItIsStopped() {
    Path data = directory.resolve("stopped");
    Tool launcher = new Tool(Program.launcher().toString(), "this project");
    try (Tool.Running chaos =
        launcher.start(
            directory.resolve("stopped.out"),
            "chaos",
            "--short",
            "--kills",
            "1000",
            "--data",
            data.toString())) {
      // The cluster's command, its seven roles, and a second gateway.
      Await.until(
          "all of it runs",
          RunningCluster.READY,
          () -> chaos.handle().descendants().count() >= 9,
          chaos::outputSoFar);
      List<ProcessHandle> all = chaos.handle().descendants().toList();
      chaos.handle().destroy();
      Await.until(
          "all of them have ended",
          RunningCluster.READY,
          () -> all.stream().noneMatch(ProcessHandle::isAlive),
          all::toString);
    }
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
