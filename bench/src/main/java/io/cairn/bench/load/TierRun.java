package io.cairn.bench.load;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.RunningCluster;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * What clients notice of a slow capacity tier: the same loads on a cluster whose tier is as fast as
 * this machine, and on one whose nodes slow theirs down.
 */
final class TierRun {
  private static final String VOLUME = "tier";
  private static final int DEPTH = 32;

  /** Of three journals' 256 MiB each, one per node: well below where destaging must hurry. */
  private static final long BURST_BYTES = 64L << 20;

  private static final long HOT_BYTES = 32L << 20;

  /** Read by Zipf's law: half of the read cache. */
  private static final int READ_BLOCKS = 2048;

  private static final String READ_CACHE = "16MiB";
  private static final double EXPONENT = 0.99;
  private static final long SHORT_BYTES = 4L << 20;
  private static final Duration SETTLE = Duration.ofSeconds(180);

  private final Path directory;
  private final boolean shortForm;
  private final long regionBytes;
  private final int seconds;
  private final Consumer<String> progress;
  private final List<Line> lines = new ArrayList<>();

  /**
   * A load on one of the clusters.
   *
   * @param tierShare bytes written to the capacity tiers per byte that the client wrote and
   *     replica; 0 for reads.
   * @param hitShare of the tier's blocks that came from the read cache.
   */
  record Line(String load, String tier, TierLoad.Seen seen, double tierShare, double hitShare) {}

  /**
   * A run.
   *
   * @param directory a new one.
   * @param seconds of each load that has no end of its own.
   */
  TierRun(
      Path directory, boolean shortForm, long regionBytes, int seconds, Consumer<String> progress) {
    this.directory = directory;
    this.shortForm = shortForm;
    this.regionBytes = regionBytes;
    this.seconds = seconds;
    this.progress = progress;
  }

  /** Starts one of the two clusters. */
  RunningCluster start(boolean slow, int iops, String bandwidth) {
    Map<String, String> environment = new LinkedHashMap<>();
    environment.put("CAIRN_STORAGE_READ_CACHE_SIZE", READ_CACHE);
    if (slow) {
      environment.put("CAIRN_STORAGE_BENCHMARK_CAPACITY_IOPS", Integer.toString(iops));
      environment.put("CAIRN_STORAGE_BENCHMARK_CAPACITY_BANDWIDTH", bandwidth);
    }
    return RunningCluster.start(
        new RunningCluster.Settings(
            directory.resolve(name(slow)),
            true,
            3,
            Map.of(VOLUME, (regionBytes >> 20) + "MiB"),
            List.of(),
            environment));
  }

  private static String name(boolean slow) {
    return slow ? "slow" : "fast";
  }

  /** Runs all loads on one of them. */
  void run(RunningCluster cluster, boolean slow) {
    try (TierLoad client = new TierLoad(cluster.nbdPort(), VOLUME)) {
      client.prewrite(regionBytes);
      settle(cluster);
      long blocks = regionBytes / TierLoad.BLOCK_BYTES;
      long burst = (shortForm ? SHORT_BYTES : BURST_BYTES) / TierLoad.BLOCK_BYTES;
      long hot = (shortForm ? SHORT_BYTES : HOT_BYTES) / TierLoad.BLOCK_BYTES;
      reads(cluster, slow, client);
      measure(
          cluster,
          slow,
          "overwrites of a hot set",
          () -> client.run(false, TierLoad.uniform(hot, 2), DEPTH, Long.MAX_VALUE, seconds));
      settle(cluster);
      measure(
          cluster,
          slow,
          "burst of random writes",
          () -> client.run(false, TierLoad.uniform(blocks, 1), DEPTH, burst, seconds));
      measure(
          cluster,
          slow,
          "sustained random writes",
          () -> client.run(false, TierLoad.uniform(blocks, 3), DEPTH, Long.MAX_VALUE, seconds));
    }
  }

  /** What is read again and again, before and after somebody reads everything once. */
  private void reads(RunningCluster cluster, boolean slow, TierLoad client) {
    measure(cluster, slow, "Zipf reads, the first", () -> zipf(client, 4));
    measure(cluster, slow, "Zipf reads, warm", () -> zipf(client, 5));
    progress.accept("a scan, " + name(slow) + " tier");
    client.scan(regionBytes);
    measure(cluster, slow, "Zipf reads, after a scan", () -> zipf(client, 6));
  }

  /** Always the same hot blocks, in another order. */
  private TierLoad.Seen zipf(TierLoad client, long seed) {
    LongSupplier blocks = TierLoad.zipf(READ_BLOCKS, EXPONENT, seed);
    return client.run(true, blocks, DEPTH, Long.MAX_VALUE, seconds);
  }

  /** A load. */
  private interface Load {
    TierLoad.Seen run();
  }

  private void measure(RunningCluster cluster, boolean slow, String load, Load run) {
    progress.accept(load + ", " + name(slow) + " tier");
    final double before = sum(cluster, "cairn_storage_destage_blocks_total");
    final double clientBefore = sum(cluster, "cairn_storage_written_bytes_total");
    final double hitsBefore = sum(cluster, "cairn_storage_read_cache_hit_blocks_total");
    final double missedBefore = sum(cluster, "cairn_storage_read_cache_missed_blocks_total");
    TierLoad.Seen seen = run.run();
    double blocks = sum(cluster, "cairn_storage_destage_blocks_total") - before;
    double client = sum(cluster, "cairn_storage_written_bytes_total") - clientBefore;
    double share = client == 0 ? 0 : blocks * TierLoad.BLOCK_BYTES / client;
    double hits = sum(cluster, "cairn_storage_read_cache_hit_blocks_total") - hitsBefore;
    double missed = sum(cluster, "cairn_storage_read_cache_missed_blocks_total") - missedBefore;
    double hitShare = hits + missed == 0 ? 0 : hits / (hits + missed);
    lines.add(new Line(load, name(slow), seen, share, hitShare));
  }

  private static double sum(RunningCluster cluster, String metric) {
    return cluster.members("storage").stream()
        .map(Member::metrics)
        .mapToDouble(metrics -> metrics.sum(metric))
        .sum();
  }

  /** What was written first is on its way to the tier, and must not be counted as the load's. */
  private void settle(RunningCluster cluster) {
    if (shortForm) {
      return;
    }
    double[] last = {-1};
    Await.until(
        "the nodes have destaged what they wish to",
        SETTLE,
        () -> {
          double now = sum(cluster, "cairn_storage_destage_blocks_total");
          boolean same = now == last[0];
          last[0] = now;
          if (!same) {
            Await.pass(Duration.ofSeconds(2));
          }
          return same;
        },
        () -> "");
  }

  List<Line> lines() {
    return List.copyOf(lines);
  }

  /** For people. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%-26s %-5s %9s %9s %9s %9s %9s %11s %9s %6s%n",
            "load",
            "tier",
            "IOPS",
            "at end",
            "least/s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "to tier",
            "hits"));
    for (Line line : lines) {
      TierLoad.Seen seen = line.seen();
      text.append(
          String.format(
              Locale.ROOT,
              "%-26s %-5s %9.0f %9.0f %9d %9.2f %9.2f %11.2f %9.2f %6.3f%n",
              line.load(),
              line.tier(),
              seen.iops(),
              seen.iopsAtTheEnd(),
              seen.leastPerSecond(),
              millis(seen, 50),
              millis(seen, 99),
              millis(seen, 99.9),
              line.tierShare(),
              line.hitShare()));
    }
    text.append(
        "at end: in the last third; least/s: in the second with the fewest; to tier: bytes written"
            + " there per byte written to a node; hits: of the blocks that were in the tier and not"
            + " in the page cache");
    return text.toString();
  }

  private static double millis(TierLoad.Seen seen, double percentile) {
    return seen.latencies().getValueAtPercentile(percentile) / 1e6;
  }

  /** For programs. */
  ArrayNode json(ObjectMapper mapper) {
    ArrayNode all = mapper.createArrayNode();
    for (Line line : lines) {
      ObjectNode node = all.addObject();
      TierLoad.Seen seen = line.seen();
      node.put("load", line.load());
      node.put("tier", line.tier());
      node.put("ios", seen.ios());
      node.put("iops", seen.iops());
      node.put("iopsAtTheEnd", seen.iopsAtTheEnd());
      node.put("p50Millis", millis(seen, 50));
      node.put("p99Millis", millis(seen, 99));
      node.put("p999Millis", millis(seen, 99.9));
      node.put("tierBytesPerWrittenByte", line.tierShare());
      node.put("readCacheHits", line.hitShare());
      ArrayNode perSecond = node.putArray("perSecond");
      for (long ended : seen.perSecond()) {
        perSecond.add(ended);
      }
    }
    return all;
  }
}
