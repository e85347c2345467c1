package io.cairn.bench.load;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.client.cli.CommandFailure;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * What clients notice of a repair: a load of requests at times of their own, before a node is
 * killed for good and until all replicas are in sync on the others. One cluster, one kill.
 */
final class RepairRun implements AutoCloseable {
  private static final String VOLUME = "repaired";
  private static final String COPIED = "cairn_storage_catchup_copied_blocks_total";
  private static final long BLOCK_BYTES = 4096;
  private static final Duration REMOVAL = Duration.ofSeconds(60);

  /** Requests in flight: far more than the rate needs while nothing stands still. */
  private static final Row LOAD = Row.parse("paced-randrw70-4k-qd64");

  private static final Row FILL = Row.parse("write-1m-qd8");

  /**
   * What to run.
   *
   * @param sizeBytes of the volume, the first half of which is written and used.
   * @param iops of the load.
   * @param seconds of it before.
   * @param sliceSeconds after which it is looked how far the repair is.
   * @param settles whether to wait until everything is on the capacity tier before.
   * @param factor that the gateway is to keep.
   * @param limit for the repair.
   */
  record Settings(
      int nodes,
      long sizeBytes,
      int iops,
      int seconds,
      int warmUpSeconds,
      int sliceSeconds,
      boolean settles,
      int factor,
      Duration limit) {
    long usedBytes() {
      return sizeBytes / 2 >> 20 << 20;
    }
  }

  private final Settings settings;
  private final Consumer<String> progress;
  private final RunningCluster cluster;
  private final OwnClient client = new OwnClient();
  private final RepairReport report;

  /**
   * Starts the cluster.
   *
   * @param directory a new one.
   */
  RepairRun(Path directory, Settings settings, Consumer<String> progress) {
    this.settings = settings;
    this.progress = progress;
    report = new RepairReport(settings.factor());
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"),
                true,
                settings.nodes(),
                Map.of(VOLUME, (settings.sizeBytes() >> 20) + "MiB"),
                List.of(),
                Map.of("CAIRN_GATEWAY_REPAIR_LATENCY_FACTOR", settings.factor() + "")));
  }

  RepairReport report() {
    return report;
  }

  /** Fills the volume, and measures before and while it is repaired. */
  void run() {
    client.connect(new NbdAddress(cluster.nbdPort(), VOLUME));
    progress.accept((settings.usedBytes() >> 20) + " MiB are written");
    client.prewrite(settings.usedBytes(), 0, FILL);
    if (settings.settles()) {
      Destaged.await(cluster);
    }
    if (settings.warmUpSeconds() > 0) {
      load(settings.warmUpSeconds());
    }
    report.before(load(settings.seconds()));
    repair();
  }

  private Served load(int seconds) {
    return client.paced(LOAD, settings.usedBytes(), settings.iops(), seconds);
  }

  private void repair() {
    List<Member> nodes = cluster.members("storage");
    Member victim = nodes.getLast();
    List<Member> others = nodes.subList(0, nodes.size() - 1);
    double copiedBefore = copied(others);
    progress.accept(victim.name() + " is killed, and removed by force");
    victim.kill();
    final long begin = System.nanoTime();
    CompletableFuture<Void> removal = CompletableFuture.runAsync(() -> remove(victim));
    while (true) {
      Served served = load(settings.sliceSeconds());
      // Before, the metadata may not know yet that anything is missing.
      boolean isRemoved = removal.isDone();
      double copied = copied(others);
      JsonNode shown = cluster.volume(VOLUME);
      double seconds = (System.nanoTime() - begin) / 1e9;
      RepairReport.Slice slice =
          new RepairReport.Slice(
              seconds,
              served,
              (copied - copiedBefore) * BLOCK_BYTES,
              health(shown, "inSync"),
              health(shown, "chunks"));
      report.add(slice);
      progress.accept(slice.text());
      copiedBefore = copied;
      if (isRemoved) {
        removal.join();
      }
      if (isRemoved && RunningCluster.isInSync(shown)) {
        return;
      }
      if (seconds > settings.limit().toSeconds()) {
        throw new CommandFailure(
            "not all in sync within " + settings.limit().toSeconds() + " s: " + shown);
      }
    }
  }

  private static int health(JsonNode shown, String field) {
    return shown == null ? 0 : shown.path("health").path(field).asInt();
  }

  /** Refused until the metadata knows that it is down. */
  private void remove(Member victim) {
    Await.until(
        victim.name() + " is removed",
        REMOVAL,
        () ->
            Program.ask(
                    "node",
                    "rm",
                    victim.name(),
                    "--force",
                    "-o",
                    "json",
                    "--metadata",
                    cluster.metadataAddresses())
                != null);
  }

  private static double copied(List<Member> nodes) {
    return nodes.stream().mapToDouble(node -> node.metrics().sum(COPIED)).sum();
  }

  @Override
  public void close() {
    client.close();
    cluster.close();
  }
}
