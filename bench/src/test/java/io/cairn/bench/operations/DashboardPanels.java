package io.cairn.bench.operations;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The queries of every panel of the dashboards, put to a Prometheus as Grafana would. */
public final class DashboardPanels {
  /**
   * What stands at zero while all is well, and must have moved after the faults: who looks at them
   * then would see nothing if the query were wrong.
   */
  private static final Set<String> MOVED_BY_FAULTS =
      Set.of(
          // A storage node killed.
          "Processes that do not answer",
          "Replicas out of and into sync",
          "Repair",
          "Catch-ups",
          // A gateway replaced by another one while it stood still.
          "Refused");

  private DashboardPanels() {}

  /**
   * The panels' queries without data, and those that faults should have moved and did not.
   *
   * @param prometheus has scraped a cluster under load and under the faults above.
   */
  public static List<String> withoutData(PrometheusServer prometheus) throws IOException {
    List<String> missing = new ArrayList<>();
    for (Path dashboard : Packaging.files("grafana", ".json")) {
      JsonNode root = new ObjectMapper().readTree(dashboard.toFile());
      for (JsonNode panel : root.path("panels")) {
        boolean moved = false;
        String name = dashboard.getFileName() + ": " + panel.path("title").asText();
        for (JsonNode target : panel.path("targets")) {
          String query =
              target
                  .path("expr")
                  .asText()
                  .replace("$__rate_interval", "10s")
                  .replaceAll("\\$(instance|volume)", ".*");
          Double largest = prometheus.largest(query);
          moved |= largest != null && largest > 0;
          if (largest == null) {
            missing.add(name + ": " + query);
          }
        }
        if (!moved && MOVED_BY_FAULTS.contains(panel.path("title").asText())) {
          missing.add(name + " stayed at zero");
        }
      }
    }
    return missing;
  }
}
