package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.view.ClusterJson;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/**
 * How a volume uses the nodes' read caches, summed up over the nodes that answer in time, each
 * since its start. The nodes say so on their pages of metrics: the metadata does not know it.
 *
 * @param hitBlocks of the capacity tier that came from a read cache.
 * @param missedBlocks of the capacity tier that did not.
 * @param cachedBlocks that are in read caches now.
 * @param nodes that answered.
 * @param silentNodes that did not.
 */
record ReadCacheUse(
    double hitBlocks, double missedBlocks, double cachedBlocks, int nodes, int silentNodes) {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);
  private static final String ROLE = "storage";
  private static final String PREFIX = "cairn_storage_read_cache_volume_";

  /** Asks all nodes at once. */
  static ReadCacheUse of(String volume, ClusterCalls calls) {
    Reply.Releases releases = calls.releases();
    List<Reply.ServerRelease> nodes =
        releases == null
            ? List.of()
            : releases.servers().stream().filter(server -> ROLE.equals(server.role())).toList();
    ReadCacheUse sum = new ReadCacheUse(0, 0, 0, 0, 0);
    try (ServerPages servers = new ServerPages(TIMEOUT)) {
      List<CompletableFuture<HttpResponse<String>>> pages = new ArrayList<>();
      for (Reply.ServerRelease node : nodes) {
        pages.add(
            node.httpAddress() == null
                ? CompletableFuture.completedFuture(null)
                : servers.ask(node.httpAddress(), "/metrics"));
      }
      for (CompletableFuture<HttpResponse<String>> page : pages) {
        HttpResponse<String> answer = page.exceptionally(problem -> null).join();
        sum =
            answer == null || answer.statusCode() != 200
                ? sum.plus(new ReadCacheUse(0, 0, 0, 0, 1))
                : sum.plus(ofPage(volume, answer.body()));
      }
    }
    return sum;
  }

  /** What one node's page of metrics says. */
  static ReadCacheUse ofPage(String volume, String page) {
    return new ReadCacheUse(
        sum(page, PREFIX + "hit_blocks_total{", volume),
        sum(page, PREFIX + "missed_blocks_total{", volume),
        sum(page, PREFIX + "blocks{", volume),
        1,
        0);
  }

  private static double sum(String page, String name, String volume) {
    String tag = "volume=\"" + volume + "\"";
    return page.lines()
        .filter(line -> line.startsWith(name) && line.contains(tag))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  private ReadCacheUse plus(ReadCacheUse other) {
    return new ReadCacheUse(
        hitBlocks + other.hitBlocks,
        missedBlocks + other.missedBlocks,
        cachedBlocks + other.cachedBlocks,
        nodes + other.nodes,
        silentNodes + other.silentNodes);
  }

  /** For programs; the ratio is null when nothing was read. */
  ObjectNode json() {
    ObjectNode json =
        ClusterJson.object()
            .put("hitBlocks", (long) hitBlocks)
            .put("missedBlocks", (long) missedBlocks);
    if (hitBlocks + missedBlocks > 0) {
      json.put("hitRatio", hitBlocks / (hitBlocks + missedBlocks));
    } else {
      json.putNull("hitRatio");
    }
    return json.put("cachedBlocks", (long) cachedBlocks)
        .put("nodes", nodes)
        .put("silentNodes", silentNodes);
  }

  /** For people. */
  String line() {
    StringBuilder text = new StringBuilder();
    double all = hitBlocks + missedBlocks;
    if (all > 0) {
      text.append(String.format(Locale.ROOT, "%.1f %% hits of ", 100 * hitBlocks / all));
    }
    text.append(String.format(Locale.ROOT, "%.0f blocks read since the nodes started", all));
    text.append(String.format(Locale.ROOT, ", %.0f blocks cached", cachedBlocks));
    if (silentNodes > 0) {
      text.append(", without ").append(silentNodes).append(" nodes that did not answer");
    }
    return text.toString();
  }
}
