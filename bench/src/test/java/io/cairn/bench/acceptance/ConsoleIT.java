package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The console of a running cluster in a real browser. */
class ConsoleIT {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final int METADATA_HTTP = 11;

  @TempDir private Path directory;

  @Test
  void showsNodesAndVolumes() {
    try (RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), false, Map.of("orders", "128MiB")))) {
      String page = rendered(cluster, "#volumes");
      assertTrue(page.contains("healthy: 3 of 3 nodes up, 1 volumes"), page);
      assertTrue(page.contains("data-key=\"volume-orders\""), page);
      assertTrue(page.contains("p99 latency"), page);
      String nodes = rendered(cluster, "");
      assertTrue(nodes.contains("<h4>storage-3"), nodes);
      assertTrue(nodes.contains("aria-label=\"devices of storage-3\""), nodes);
      assertTrue(nodes.contains("storage-3: capacity device "), nodes);
      // The page of events is there too, only hidden.
      assertTrue(nodes.contains("Volume orders was created, with 128MiB"), nodes);
    }
  }

  /** The document after the page's script has asked the cluster twice. */
  private String rendered(RunningCluster cluster, String fragment) {
    return new Tool("chromium", "chromium")
        .run(
            LIMIT,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--user-data-dir=" + directory.resolve("browser"),
            "--virtual-time-budget=5000",
            "--dump-dom",
            "http://127.0.0.1:" + (cluster.basePort() + METADATA_HTTP) + "/console" + fragment)
        .ok()
        .output();
  }
}
