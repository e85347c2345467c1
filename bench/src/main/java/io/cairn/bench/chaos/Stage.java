package io.cairn.bench.chaos;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * What a scenario plays on: a cluster that is well, how long to take, and who hears what was seen.
 */
public final class Stage {
  /** The bound of the project for one fault of a storage node. */
  private static final double STALL_MAX_SECONDS = 4;

  /** For what has no bound of its own: long enough for a busy machine. */
  static final Duration LIMIT = Duration.ofSeconds(120);

  /** The volume of the recorded load. */
  static final String LOAD_VOLUME = "load";

  /** Its size. */
  static final long LOAD_VOLUME_BYTES = 256L << 20;

  /** The volume of fio. */
  static final String FIO_VOLUME = "fio";

  private static final int CHUNK_BLOCKS = 16 * 1024;

  /**
   * How much of everything.
   *
   * @param filledMebibytes what lies in fio's volume before a node is lost.
   * @param fioMebibytes what fio writes over and over.
   * @param outage how long a node is away, and metadata servers, and a process stopped.
   * @param rounds how often the short faults are repeated.
   * @param leaderChanges how often the metadata leader is killed, and how often stopped, for the
   *     statistics of what follows.
   */
  public record Scale(
      int filledMebibytes, int fioMebibytes, Duration outage, int rounds, int leaderChanges) {
    /** For every build. */
    public static final Scale SHORT = new Scale(192, 32, Duration.ofSeconds(8), 1, 1);

    /** As the project's acceptance says. */
    public static final Scale LONG = new Scale(1024, 128, Duration.ofSeconds(60), 5, 30);

    /** Whether bounds of the clock are held, which other programs on the machine could break. */
    boolean isLong() {
      return leaderChanges > 1;
    }
  }

  private final RunningCluster cluster;
  private final Path directory;
  private final Scale scale;
  private final Consumer<String> report;
  private final long seed;

  /**
   * A stage.
   *
   * @param directory for the files of tools.
   * @param report hears a line for each thing that was seen or measured.
   */
  public Stage(
      RunningCluster cluster, Path directory, Scale scale, long seed, Consumer<String> report) {
    this.cluster = cluster;
    this.directory = directory;
    this.scale = scale;
    this.seed = seed;
    this.report = report;
  }

  /** Names and sizes of the volumes that a cluster for this stage must have. */
  public static java.util.Map<String, String> volumes(Scale scale) {
    return java.util.Map.of(
        LOAD_VOLUME,
        (LOAD_VOLUME_BYTES >> 20) + "MiB",
        FIO_VOLUME,
        Math.max(256, scale.filledMebibytes()) + "MiB");
  }

  RunningCluster cluster() {
    return cluster;
  }

  Path directory() {
    return directory;
  }

  Scale scale() {
    return scale;
  }

  /** Says what happened. */
  void say(String format, Object... arguments) {
    report.accept(String.format(Locale.ROOT, format, arguments));
  }

  /** A load of 32 MiB over the border of two chunks, which has begun. */
  RecordedLoad load() {
    return loadOn(
        List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), cluster.nbdPort())));
  }

  /** The same on the first of the servers that serves the volume. */
  RecordedLoad loadOn(List<InetSocketAddress> servers) {
    RecordedLoad load =
        new RecordedLoad(
            servers,
            LOAD_VOLUME,
            new RecordedLoad.Settings(CHUNK_BLOCKS - 4096, 8192, 16, 500, seed));
    load.start().awaitProgress(200, LIMIT);
    // Until both chunks are made, requests wait for the metadata, which is not what is measured.
    load.forgetStall();
    return load;
  }

  /**
   * A connection that does nothing: while it is there the volume has an owner, who lets replicas
   * catch up also when the load is over.
   */
  NbdClient hold(String volume) {
    try {
      return NbdClient.connect(cluster.nbdPort(), volume);
    } catch (java.io.IOException e) {
      throw new ChaosFailure("the export " + volume + " is not served", e);
    }
  }

  /** fio on its volume, over and over for so long. */
  Fio fio(Duration time) {
    return Fio.during(directory, cluster.uri(FIO_VOLUME), scale.fioMebibytes() + "MiB", time);
  }

  /** Reports the longest request of this part, and holds it to the bound. */
  void checkStall(String during, double seconds) {
    say("longest stall, %s: %.2f s", during, seconds);
    if (seconds >= STALL_MAX_SECONDS) {
      throw new ChaosFailure(
          String.format(
              Locale.ROOT,
              "a request took %.2f s, %s; the bound is %.0f s",
              seconds,
              during,
              STALL_MAX_SECONDS));
    }
  }

  /** All volumes whole again, for the next scenario. */
  void awaitWhole() {
    cluster.awaitInSync(LOAD_VOLUME, LIMIT);
  }
}
