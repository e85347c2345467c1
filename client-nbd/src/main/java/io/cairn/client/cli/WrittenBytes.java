package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Locale;

/**
 * What a node was given to store since it started, and what it wrote to its devices for that. It
 * says so on its page of metrics: the metadata does not know it.
 *
 * @param clients bytes of the clients' writes.
 * @param copied bytes that came from other nodes, for replicas that caught up.
 * @param cache bytes written to the cache devices.
 * @param capacity bytes written to the capacity devices.
 */
record WrittenBytes(double clients, double copied, double cache, double capacity) {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);
  private static final int BLOCK_BYTES = 4096;
  private static final String PREFIX = "cairn_storage_";

  /** Asks the node; null when it does not answer in time. */
  static WrittenBytes of(String node, ClusterCalls calls) {
    Reply.Releases releases = calls.releases();
    String address =
        releases == null
            ? null
            : releases.servers().stream()
                .filter(server -> "storage".equals(server.role()) && server.name().equals(node))
                .map(Reply.ServerRelease::httpAddress)
                .findFirst()
                .orElse(null);
    if (address == null) {
      return null;
    }
    try (ServerPages servers = new ServerPages(TIMEOUT)) {
      HttpResponse<String> answer =
          servers.ask(address, "/metrics").exceptionally(problem -> null).join();
      return answer == null || answer.statusCode() != 200 ? null : ofPage(answer.body());
    }
  }

  /** What the node's page of metrics says. */
  static WrittenBytes ofPage(String page) {
    return new WrittenBytes(
        sum(page, "written_bytes_total{", ""),
        sum(page, "catchup_copied_blocks_total{", "") * BLOCK_BYTES,
        sum(page, "device_written_bytes_total{", "tier=\"cache\""),
        sum(page, "device_written_bytes_total{", "tier=\"capacity\""));
  }

  private static double sum(String page, String name, String tag) {
    return page.lines()
        .filter(line -> line.startsWith(PREFIX + name) && line.contains(tag))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  /** Bytes written to the tier for each that the node was given; 0 when it was given none. */
  private double factor(double written) {
    return clients + copied > 0 ? written / (clients + copied) : 0;
  }

  /** For programs; the factors are null when the node was given nothing. */
  ObjectNode json() {
    ObjectNode json =
        ClusterJson.object()
            .put("clientBytes", (long) clients)
            .put("copiedBytes", (long) copied)
            .put("cacheBytes", (long) cache)
            .put("capacityBytes", (long) capacity);
    if (clients + copied > 0) {
      return json.put("cacheFactor", factor(cache)).put("capacityFactor", factor(capacity));
    }
    return json.putNull("cacheFactor").putNull("capacityFactor");
  }

  /** For people. */
  String line() {
    return Sizes.format((long) clients)
        + " by clients and "
        + Sizes.format((long) copied)
        + " from other nodes since it started: "
        + text(cache)
        + " to cache devices, "
        + text(capacity)
        + " to capacity devices";
  }

  private String text(double written) {
    String bytes = Sizes.format((long) written);
    return clients + copied > 0
        ? String.format(Locale.ROOT, "%s (%.2f times as much)", bytes, factor(written))
        : bytes;
  }
}
