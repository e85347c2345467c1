package io.cairn.bench.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.Metrics;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The catalogue of metrics says what a cluster says that is used, and nothing else. */
class MetricsCatalogueIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** More than a storage node times one of. */
  private static final int WRITES = 40;

  @TempDir private static Path directory;

  @Test
  void catalogueIsWhatRunningClusterSays() throws IOException {
    try (RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), false, Map.of("vol0", "256MiB")))) {
      List<String> use = new ArrayList<>(List.of("-f", "raw"));
      for (int i = 0; i < WRITES; i++) {
        use.addAll(List.of("-c", "write " + (1 << 20) + " 4096"));
      }
      for (String command : List.of("flush", "read 1M 4M", "discard 2M 1M")) {
        use.addAll(List.of("-c", command));
      }
      use.add(cluster.uri("vol0"));
      Tool.QEMU_IO.run(LIMIT, use.toArray(String[]::new)).ok();
      MetricsCatalogue catalogue = new MetricsCatalogue();
      cluster.members("metadata").forEach(m -> catalogue.add("Metadata server", m.metrics()));
      cluster.members("storage").forEach(m -> catalogue.add("Storage node", m.metrics()));
      Metrics gateway = cluster.member("gateway-1").metrics();
      catalogue.add("Gateway", gateway);
      if ("write".equals(System.getProperty("cairn.catalogue"))) {
        Files.writeString(Packaging.path(MetricsCatalogue.PAGE), catalogue.page());
      }
      assertEquals(
          Packaging.text(MetricsCatalogue.PAGE),
          catalogue.page(),
          "mvn verify -Dit.test=MetricsCatalogueIT -Dcairn.catalogue=write writes it anew");
      stagesOfRequestsAreCounted(cluster, gateway);
    }
  }

  /** Every stage of the requests above has left its trace, with times that can be. */
  private static void stagesOfRequestsAreCounted(RunningCluster cluster, Metrics gateway) {
    assertTrue(gateway.sum("cairn_volume_request_seconds_count") >= WRITES + 3);
    assertTrue(gateway.sum("cairn_volume_stage_seconds_count") >= 2 * WRITES);
    assertTrue(gateway.sum("cairn_gateway_round_trip_seconds_count") >= 3 * WRITES);
    assertTrue(gateway.sum("cairn_volume_request_seconds_sum") > 0);
    assertTrue(gateway.sum("cairn_gateway_round_trip_seconds_sum") > 0);
    double syncs = 0;
    double services = 0;
    for (var node : cluster.members("storage")) {
      syncs += node.metrics().sum("cairn_storage_journal_sync_seconds_count");
      services += node.metrics().sum("cairn_storage_service_seconds_count");
    }
    assertTrue(syncs >= 2, "a flush is a sync on at least two nodes, and there were " + syncs);
    assertTrue(services >= 3, "one write in 16 is timed, and there were " + services);
  }
}
