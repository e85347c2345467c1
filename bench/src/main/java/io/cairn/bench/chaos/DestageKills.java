package io.cairn.bench.chaos;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;

/**
 * SIGKILL of a storage process in the middle of a destage, at random points, again and again: one
 * node, one copy, so that nobody else has what it loses, under a recorded load that proves each
 * block's history. The journal is small and the capacity tier slow, so that the node destages
 * nearly all the time and its tail moves with each run.
 */
public final class DestageKills {
  private static final String VOLUME = "kills";
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** More than the journal, so that most of what is read has been destaged. */
  private static final int BLOCKS = 8192;

  private static final int DEPTH = 16;
  private static final int PAUSE_MICROS = 300;

  /** Of a run, which takes about a second: somewhere in it, or in the one that follows it. */
  private static final int DELAY_MILLIS_MAX = 700;

  private static final Map<String, String> OPTIONS =
      Map.of(
          "CAIRN_STORAGE_JOURNAL_SIZE", "16MiB",
          "CAIRN_STORAGE_JOURNAL_SEGMENT", "4MiB",
          "CAIRN_STORAGE_READ_CACHE_SIZE", "4MiB",
          "CAIRN_STORAGE_BENCHMARK_CAPACITY_IOPS", "1000",
          "CAIRN_STORAGE_BENCHMARK_CAPACITY_BANDWIDTH", "100MiB");

  private final Path directory;
  private final int kills;
  private final Random random;
  private final Consumer<String> report;

  /**
   * A run.
   *
   * @param directory a new one, which stays.
   * @param kills how many, from 1.
   * @param seed of the points and of the load's draws.
   * @param report hears what was done.
   */
  public DestageKills(Path directory, int kills, long seed, Consumer<String> report) {
    this.directory = directory;
    this.kills = kills;
    this.random = new Random(seed);
    this.report = report;
  }

  /**
   * Plays it.
   *
   * @throws RuntimeException saying what was lost, torn or stale, or that the node did not come
   *     back.
   */
  public void play() {
    try (RunningCluster cluster =
            RunningCluster.start(
                new RunningCluster.Settings(
                    directory, true, 1, Map.of(VOLUME, "64MiB"), List.of(), OPTIONS));
        RecordedLoad load =
            new RecordedLoad(
                cluster.nbdPort(),
                VOLUME,
                new RecordedLoad.Settings(0, BLOCKS, DEPTH, PAUSE_MICROS, random.nextLong()))) {
      load.start().awaitProgress(200, LIMIT);
      Member node = cluster.member("storage-1");
      int inTheMiddle = 0;
      double longest = 0;
      for (int kill = 1; kill <= kills; kill++) {
        inTheMiddle += killWhileItDestages(node) ? 1 : 0;
        load.forgetStall();
        node.restart();
        // What was acknowledged before is read all the time: it must be as it was.
        load.awaitProgress(500, LIMIT);
        longest = Math.max(longest, load.stallSeconds());
        if (kill % 10 == 0 || kill == kills) {
          report.accept(
              String.format(
                  Locale.ROOT,
                  "%d kills, %d of them in a destage; longest wait of a client %.1f s",
                  kill,
                  inTheMiddle,
                  longest));
        }
      }
      if (inTheMiddle < kills / 2) {
        throw new ChaosFailure("only " + inTheMiddle + " of " + kills + " kills met a destage");
      }
      report.accept(load.finish());
    }
  }

  /** Whether a run was under way at its last look at the node before it was dead. */
  private boolean killWhileItDestages(Member node) {
    Await.until(node.name() + " destages", LIMIT, () -> destages(node), node::logTail);
    Await.pass(Duration.ofMillis(random.nextInt(DELAY_MILLIS_MAX)));
    boolean destages = destages(node);
    node.kill();
    return destages;
  }

  private static boolean destages(Member node) {
    return node.metrics().sum("cairn_storage_destage_running") > 0;
  }
}
