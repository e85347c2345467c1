package io.cairn.bench.load;

import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Metrics;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.client.cli.CommandFailure;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * What clients notice of a slow capacity tier: the same loads on a cluster whose tier is as fast as
 * this machine, and on one whose nodes slow theirs down. Both run all the time, and are asked in
 * turn: a machine that gets slower meanwhile slows both down.
 */
final class TierRun implements AutoCloseable {
  private static final String VOLUME = "tier";

  /** Read by somebody else. */
  private static final String OTHER = "other";

  private static final int DEPTH = 32;
  private static final int NODES = 3;
  private static final double EXPONENT = 0.99;

  /** Of the read caches, from which on they are warm. */
  private static final double WARM = 0.999;

  private static final int WARM_UP_STEP_SECONDS = 5;

  /** A burst goes to blocks of so large a part of it: each is written several times. */
  private static final int BURST_OVERWRITES = 2;

  private static final long SHORT_BYTES = 4L << 20;

  private static final double BURST_GOAL = 0.9;
  private static final double ZIPF_GOAL = 0.9;
  private static final double SCAN_GOAL = 0.95;
  private static final double HOT_GOAL = 0.2;

  /**
   * What to run.
   *
   * @param iops random requests a second of each slow tier, all sizes in bytes, and its bytes a
   *     second.
   * @param journalBytes of each node.
   * @param cacheBytes read cache of each node.
   * @param hotBytes what is overwritten.
   * @param seconds of each load that has no end of its own.
   * @param repeat measurements of what is compared.
   */
  record Settings(
      boolean shortForm,
      Set<TierRow> rows,
      int iops,
      long bandwidth,
      long journalBytes,
      long cacheBytes,
      long hotBytes,
      long regionBytes,
      int seconds,
      int repeat,
      int warmUpSeconds) {}

  private final Path directory;
  private final Settings settings;
  private final Consumer<String> progress;
  private final TierReport report = new TierReport();
  private final List<Side> sides = new ArrayList<>();

  /** One of the clusters, and who uses it. */
  private record Side(String tier, RunningCluster cluster, TierLoad client)
      implements AutoCloseable {
    boolean isSlow() {
      return TierReport.SLOW.equals(tier);
    }

    @Override
    public void close() {
      client.close();
      cluster.close();
    }
  }

  /** A load. */
  private interface Load {
    TierLoad.Seen run();
  }

  /**
   * A run.
   *
   * @param directory a new one.
   */
  TierRun(Path directory, Settings settings, Consumer<String> progress) {
    this.directory = directory;
    this.settings = settings;
    this.progress = progress;
  }

  /** Starts the clusters, and writes everything once. */
  void start() {
    if (!settings.shortForm() && settings.rows().stream().anyMatch(row -> row.compares)) {
      sides.add(start(TierReport.FAST));
    }
    sides.add(start(TierReport.SLOW));
    for (Side side : sides) {
      progress.accept("everything is written once, " + side.tier() + " tier");
      side.client().prewrite(settings.regionBytes());
      settle(side);
    }
  }

  private Side start(String tier) {
    Map<String, String> environment = new LinkedHashMap<>();
    environment.put("CAIRN_STORAGE_READ_CACHE_SIZE", mebibytes(settings.cacheBytes()));
    environment.put("CAIRN_STORAGE_JOURNAL_SIZE", mebibytes(settings.journalBytes()));
    if (TierReport.SLOW.equals(tier)) {
      environment.put("CAIRN_STORAGE_BENCHMARK_CAPACITY_IOPS", settings.iops() + "");
      environment.put(
          "CAIRN_STORAGE_BENCHMARK_CAPACITY_BANDWIDTH", mebibytes(settings.bandwidth()));
    }
    Map<String, String> volumes = new LinkedHashMap<>();
    volumes.put(VOLUME, mebibytes(settings.regionBytes()));
    if (settings.rows().contains(TierRow.SHARES)) {
      volumes.put(OTHER, mebibytes(settings.regionBytes()));
    }
    RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve(tier), true, NODES, volumes, List.of(), environment));
    try {
      return new Side(tier, cluster, new TierLoad(cluster.nbdPort(), VOLUME));
    } catch (RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  private static String mebibytes(long bytes) {
    return (bytes >> 20) + "MiB";
  }

  /** Runs all rows. */
  void run() {
    for (TierRow row : settings.rows()) {
      switch (row) {
        case ZIPF -> zipf();
        case HOT -> hot();
        case BURST -> burst();
        case SUSTAINED -> sustained();
        case SEQUENTIAL -> sequential();
        case SHARES -> shares();
        case THROUGH -> through();
      }
    }
  }

  TierReport report() {
    return report;
  }

  private int repeat() {
    return settings.shortForm() ? 1 : settings.repeat();
  }

  private int seconds() {
    return settings.seconds();
  }

  private boolean compares() {
    return sides.size() == 2;
  }

  private void zipf() {
    String name = "Zipf reads";
    for (Side side : sides) {
      warmUp(side);
    }
    for (int i = 0; i < repeat(); i++) {
      for (Side side : sides) {
        measure(side, name, () -> zipf(side.client(), seconds()));
      }
    }
    String after = name + ", after a scan";
    for (Side side : sides) {
      progress.accept("a scan, " + side.tier() + " tier");
      side.client().scan(settings.regionBytes());
      measure(side, after, () -> zipf(side.client(), seconds()));
    }
    if (compares()) {
      report.atLeast(
          "Zipf(0.99) reads of half the cache: IOPS to the fast tier's",
          ZIPF_GOAL,
          report.ratio(name, TierReport.Line::iops));
    }
    report.atLeast(
        "a scan: hit ratio after it to the one before",
        SCAN_GOAL,
        report.median(after, TierReport.SLOW, TierReport.Line::hitShare)
            / report.median(name, TierReport.SLOW, TierReport.Line::hitShare));
  }

  /** Reads until the read caches have what is read, or for as long as that may take. */
  private void warmUp(Side side) {
    long begin = System.nanoTime();
    double hits = 0;
    double elapsed = 0;
    int step = Math.min(WARM_UP_STEP_SECONDS, seconds());
    do {
      Blocks before = Blocks.of(side.cluster());
      zipf(side.client(), step);
      hits = Blocks.of(side.cluster()).since(before).hitShare();
      elapsed = (System.nanoTime() - begin) / 1e9;
    } while (!settings.shortForm()
        && side.isSlow()
        && hits < WARM
        && elapsed < settings.warmUpSeconds());
    progress.accept(
        String.format(
            Locale.ROOT,
            "warm after %.0f s, %s tier: %.4f of the blocks are hits",
            elapsed,
            side.tier(),
            hits));
  }

  /** Always the same hot blocks. */
  private TierLoad.Seen zipf(TierLoad client, int seconds) {
    int blocks = (int) (settings.cacheBytes() / 2 / TierLoad.BLOCK_BYTES);
    LongSupplier drawn = TierLoad.zipf(blocks, EXPONENT, System.nanoTime());
    return client.run(true, drawn, DEPTH, Long.MAX_VALUE, seconds);
  }

  private void hot() {
    String name = "overwrites of a hot set";
    long hot = shorter(settings.hotBytes()) / TierLoad.BLOCK_BYTES;
    for (Side side : sides) {
      settle(side);
      measure(
          side,
          name,
          () -> {
            TierLoad.Seen seen =
                side.client()
                    .run(false, TierLoad.uniform(hot, 2), DEPTH, Long.MAX_VALUE, seconds());
            // What is left in the journals belongs to what was written.
            settle(side);
            return seen;
          });
    }
    report.atMost(
        "overwrites of a hot set: bytes to the tier per byte written",
        HOT_GOAL,
        report.median(name, TierReport.SLOW, TierReport.Line::tierShare));
  }

  private void burst() {
    String name = "burst of random writes";
    long ios = shorter(settings.journalBytes() / 2) / TierLoad.BLOCK_BYTES;
    long blocks = ios / BURST_OVERWRITES;
    for (int i = 0; i < repeat(); i++) {
      long seed = i;
      sides.forEach(this::settle);
      for (Side side : sides) {
        measure(
            side,
            name,
            () ->
                side.client()
                    .run(false, TierLoad.uniform(blocks, seed), DEPTH, ios, Integer.MAX_VALUE));
      }
    }
    if (compares()) {
      report.atLeast(
          "a burst of half the journal: IOPS to the fast tier's",
          BURST_GOAL,
          report.ratio(name, TierReport.Line::iops));
    }
  }

  private void sustained() {
    String name = "sustained random writes";
    long blocks = settings.regionBytes() / TierLoad.BLOCK_BYTES;
    for (Side side : sides) {
      settle(side);
      measure(
          side,
          name,
          () ->
              side.client()
                  .run(false, TierLoad.uniform(blocks, 3), DEPTH, Long.MAX_VALUE, seconds()));
    }
    report.atLeast(
        "writes above the tier's rate: requests in the second with the fewest",
        1,
        report.median(name, TierReport.SLOW, line -> line.seen().leastPerSecond()));
  }

  /** Reads in order, large ones too, and at random. */
  private void sequential() {
    sides.forEach(this::settle);
    for (int kibibytes : new int[] {128, 1024}) {
      for (int depth : new int[] {1, 8}) {
        int bytes = kibibytes << 10;
        long requests = settings.regionBytes() / bytes;
        each(
            String.format("sequential reads, %d KiB, depth %d", kibibytes, depth),
            bytes,
            client -> client.read(bytes, TierLoad.inOrder(requests), depth, requests, seconds()));
      }
    }
    long blocks = settings.regionBytes() / TierLoad.BLOCK_BYTES;
    for (int depth : new int[] {1, 8}) {
      each(
          String.format("random reads, 4 KiB, depth %d", depth),
          TierLoad.BLOCK_BYTES,
          client ->
              client.run(true, TierLoad.uniform(blocks, depth), depth, Long.MAX_VALUE, seconds()));
    }
  }

  /** A load on a client. */
  private interface On {
    TierLoad.Seen run(TierLoad client);
  }

  private void each(String name, int requestBytes, On load) {
    for (int i = 0; i < repeat(); i++) {
      for (Side side : sides) {
        measure(side, name, requestBytes, () -> load.run(side.client()));
      }
    }
  }

  /** The hot volume has its share, whatever the other one reads. */
  private void shares() {
    Side side = sides.getLast();
    try (TierLoad other = new TierLoad(side.cluster().nbdPort(), OTHER)) {
      other.prewrite(settings.regionBytes());
      settle(side);
      warmUp(side);
      double alone = hitShareOfVolume(side, () -> zipf(side.client(), seconds()));
      long blocks = settings.regionBytes() / TierLoad.BLOCK_BYTES;
      CompletableFuture<TierLoad.Seen> beside =
          CompletableFuture.supplyAsync(
              () ->
                  other.run(
                      true, TierLoad.uniform(blocks, 9), DEPTH, Long.MAX_VALUE, 2 * seconds()));
      measure(side, "Zipf reads beside another", () -> zipf(side.client(), seconds()));
      double shared = hitShareOfVolume(side, () -> zipf(side.client(), seconds()));
      beside.join();
      report.atLeast(
          "a volume that reads everything: hit ratio of a hot one beside it to before",
          SCAN_GOAL,
          shared / alone);
    }
  }

  private double hitShareOfVolume(Side side, Load load) {
    Blocks before = Blocks.ofVolume(side.cluster(), VOLUME);
    load.run();
    return Blocks.ofVolume(side.cluster(), VOLUME).since(before).hitShare();
  }

  private void through() {
    Side side = sides.getLast();
    settle(side);
    set(side, "write-through");
    long hot = shorter(settings.hotBytes()) / TierLoad.BLOCK_BYTES;
    measure(
        side,
        "overwrites, write-through",
        () -> {
          TierLoad.Seen seen =
              side.client().run(false, TierLoad.uniform(hot, 5), DEPTH, Long.MAX_VALUE, seconds());
          settle(side);
          return seen;
        });
  }

  private static void set(Side side, String mode) {
    if (Program.ask(
            "volume",
            "set",
            VOLUME,
            "--cache-mode",
            mode,
            "-o",
            "json",
            "--metadata",
            side.cluster().metadataAddresses())
        == null) {
      throw new CommandFailure("the volume's cache mode cannot be set to " + mode);
    }
  }

  private long shorter(long bytes) {
    return settings.shortForm() ? Math.min(SHORT_BYTES, bytes) : bytes;
  }

  private void measure(Side side, String name, Load load) {
    measure(side, name, TierLoad.BLOCK_BYTES, load);
  }

  private void measure(Side side, String name, int requestBytes, Load load) {
    Blocks before = Blocks.of(side.cluster());
    TierLoad.Seen seen = load.run();
    Blocks during = Blocks.of(side.cluster()).since(before);
    TierReport.Line line =
        new TierReport.Line(
            name, side.tier(), requestBytes, seen, during.tierShare(), during.hitShare());
    report.add(line);
    progress.accept(line.text());
  }

  /** What the nodes have counted, in blocks. */
  private record Blocks(double destaged, double written, double hit, double missed) {
    static Blocks of(RunningCluster cluster) {
      double[] sums = new double[4];
      for (Member member : cluster.members("storage")) {
        Metrics metrics = member.metrics();
        sums[0] += metrics.sum("cairn_storage_destage_blocks_total");
        sums[1] += metrics.sum("cairn_storage_written_bytes_total") / TierLoad.BLOCK_BYTES;
        sums[2] += metrics.sum("cairn_storage_read_cache_hit_blocks_total");
        sums[3] += metrics.sum("cairn_storage_read_cache_missed_blocks_total");
      }
      return new Blocks(sums[0], sums[1], sums[2], sums[3]);
    }

    /** Those of one volume; of its writes nothing is known. */
    static Blocks ofVolume(RunningCluster cluster, String volume) {
      String tag = "volume=\"" + volume + "\"";
      double[] sums = new double[2];
      for (Member member : cluster.members("storage")) {
        Metrics metrics = member.metrics();
        sums[0] += metrics.sum("cairn_storage_read_cache_volume_hit_blocks_total", tag);
        sums[1] += metrics.sum("cairn_storage_read_cache_volume_missed_blocks_total", tag);
      }
      return new Blocks(0, 0, sums[0], sums[1]);
    }

    Blocks since(Blocks before) {
      return new Blocks(
          destaged - before.destaged,
          written - before.written,
          hit - before.hit,
          missed - before.missed);
    }

    double hitShare() {
      return hit + missed == 0 ? 0 : hit / (hit + missed);
    }

    double tierShare() {
      return written == 0 ? 0 : destaged / written;
    }
  }

  private void settle(Side side) {
    if (!settings.shortForm()) {
      Destaged.await(side.cluster());
    }
  }

  @Override
  public void close() {
    while (!sides.isEmpty()) {
      sides.removeLast().close();
    }
  }
}
