package io.cairn.bench.load;

import io.cairn.bench.chaos.Ports;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Measures one scale on a new cluster: its points one after the other, writes and reads at each.
 * What they use is made before the first one, so that only what is counted differs between them.
 * Where connections are what there is more and more of, a disk in nbdkit's memory is asked over as
 * many, in turn with ours.
 */
final class ScaleRun implements AutoCloseable {
  private static final long MEBIBYTE = 1 << 20;
  private static final int BLOCK_BYTES = 4096;

  /** Spread over the chunks: more than the journals of a small cluster hold. */
  private static final int BLOCKS = 1 << 17;

  private static final int SHORT_BLOCKS = 1 << 12;

  /** Spread over the volumes. */
  private static final int VOLUME_BLOCKS = 1 << 14;

  /** For clients and replicas. */
  private static final long REGION_BYTES = 256 * MEBIBYTE;

  private static final long SHORT_REGION_BYTES = 16 * MEBIBYTE;

  /** Of a file system's free space, for chunks that are set aside with their whole size. */
  private static final double USABLE = 0.95;

  private static final Duration PREWRITE = Duration.ofMinutes(10);

  private final Scale scale;
  private final Path directory;
  private final long journalBytes;
  private final boolean shortForm;
  private final Matrix.Settings settings;
  private final Consumer<String> progress;
  private final FioRun fio;

  /** Null when there is none. */
  private NbdTarget peer;

  /**
   * A run.
   *
   * @param directory a new one, on the device to be measured.
   * @param journalBytes of each node.
   */
  ScaleRun(
      Scale scale,
      Path directory,
      long journalBytes,
      boolean shortForm,
      Matrix.Settings settings,
      Consumer<String> progress) {
    this.scale = scale;
    this.directory = directory;
    this.journalBytes = journalBytes;
    this.shortForm = shortForm;
    this.settings = settings;
    this.progress = progress;
    this.fio = new FioRun(directory);
  }

  /** The points that fit on the disk, the greatest of them, and the cluster that they are for. */
  private List<Integer> points() throws IOException {
    List<Integer> points = scale.points(shortForm);
    if (scale != Scale.CHUNKS) {
      return points;
    }
    long usable = (long) (Files.getFileStore(directory).getUsableSpace() * USABLE);
    List<Integer> fitting = new ArrayList<>();
    long setAside = 0;
    for (int count : points) {
      setAside += count * chunkBytes(count);
      if (setAside <= usable) {
        fitting.add(count);
      } else {
        progress.accept(count + " chunks do not fit on the file system; they are left out");
      }
    }
    return fitting;
  }

  private int blocks() {
    return shortForm ? SHORT_BLOCKS : BLOCKS;
  }

  /** A power of two from 1 MiB to 1 GiB that holds a chunk's share of the blocks. */
  private long chunkBytes(int count) {
    return Math.max(MEBIBYTE, (long) blocks() / count * BLOCK_BYTES);
  }

  /** Starts the cluster that the scale needs. */
  RunningCluster start() {
    Map<String, String> volumes = new LinkedHashMap<>();
    if (scale == Scale.VOLUMES) {
      for (int i = 1; i <= scale.points(shortForm).getLast(); i++) {
        volumes.put("v" + i, "64MiB");
      }
    } else {
      // The cluster is ready when its volumes are; those of the points have options of their own.
      volumes.put("ready", "64MiB");
    }
    return RunningCluster.start(
        new RunningCluster.Settings(
            directory.resolve("cluster"),
            true,
            scale.nodeCount(),
            volumes,
            List.of(Pauses.option(directory)),
            CairnTarget.options(journalBytes)));
  }

  /** Starts nbdkit, where it is installed and is something to compare with. */
  void startPeer() {
    if (scale != Scale.VOLUMES && scale != Scale.CLIENTS) {
      return;
    }
    try {
      // A thousand connections with its 16 threads each would measure its threads.
      peer = NbdTarget.nbdkitMemory(directory, Ports.free().base() + 1, peerBytes(), 1);
    } catch (RuntimeException e) {
      progress.accept("nbdkit is left out: " + e.getMessage());
    }
  }

  private long peerBytes() {
    return scale == Scale.VOLUMES ? (long) VOLUME_BLOCKS * BLOCK_BYTES : regionBytes();
  }

  @Override
  public void close() {
    if (peer != null) {
      peer.close();
    }
  }

  /** Measures all points. */
  List<Matrix.Result> run(RunningCluster cluster, Matrix.Around around) throws IOException {
    List<ScaleTarget> targets = new ArrayList<>();
    for (int count : points()) {
      targets.add(target(cluster, count));
    }
    List<Matrix.Result> results = new ArrayList<>();
    for (ScaleTarget target : targets) {
      for (Row row : scale.rows()) {
        results.add(new Matrix.Result(row, target, new ArrayList<>()));
        if (peer != null) {
          ScalePeer beside = new ScalePeer(peer, target.count(), peerBytes());
          results.add(new Matrix.Result(row, beside, new ArrayList<>()));
        }
      }
    }
    try (OwnClient ours = new OwnClient();
        OwnClient theirs = new OwnClient()) {
      prepare(targets, ours);
      for (int round = 1; round <= settings.repeat(); round++) {
        measure(results, round, ours, theirs, around);
      }
    }
    return results;
  }

  /** One round; with volumes there is one only, as they are attached more and more of. */
  private void measure(
      List<Matrix.Result> results,
      int round,
      OwnClient ours,
      OwnClient theirs,
      Matrix.Around around)
      throws IOException {
    for (Matrix.Result result : results) {
      if (scale == Scale.VOLUMES && round > 1) {
        return;
      }
      ScalePoint target = (ScalePoint) result.target();
      OwnClient client = target instanceof ScalePeer ? theirs : ours;
      if (scale == Scale.VOLUMES) {
        attach(target, result.row(), client);
      }
      boolean first = round == 1 && result == results.getFirst();
      int warmUpSeconds = settings.warmUpSeconds() * (first ? 3 : 1);
      if (warmUpSeconds > 0) {
        load(target, result.row(), client, warmUpSeconds);
      }
      int samples = scale == Scale.VOLUMES ? settings.repeat() : 1;
      for (int i = 0; i < samples; i++) {
        if (settings.settle()) {
          Matrix.settle(List.of(target), progress);
        }
        progress.accept(
            String.format(
                "%s %s %s: %d/%d",
                result.row().name(), scale.title(), target.name(), round + i, settings.repeat()));
        result
            .samples()
            .add(
                around.measure(
                    result.row(),
                    target,
                    () ->
                        Meter.measure(
                            target,
                            result.row(),
                            () -> load(target, result.row(), client, settings.seconds()))));
      }
    }
  }

  private Served load(ScalePoint target, Row row, OwnClient client, int seconds) {
    return scale == Scale.VOLUMES
        ? client.closed(row, target.sizeBytes(), seconds)
        : fio.load(target, row, target.sizeBytes(), seconds);
  }

  private long regionBytes() {
    return shortForm ? SHORT_REGION_BYTES : REGION_BYTES;
  }

  private ScaleTarget target(RunningCluster cluster, int count) {
    long regionBytes = regionBytes();
    return switch (scale) {
      case CHUNKS -> {
        long chunkBytes = chunkBytes(count);
        String name = "chunks-" + count;
        create(cluster, name, count * chunkBytes, "--chunk-size", chunkBytes / MEBIBYTE + "MiB");
        long strideBytes = chunkBytes / Math.max(1, blocks() / count);
        yield new ScaleTarget(cluster, count, name, count * chunkBytes, strideBytes, 1);
      }
      case VOLUMES -> {
        long sizeBytes = (long) VOLUME_BLOCKS / count * BLOCK_BYTES;
        yield new ScaleTarget(cluster, count, "v1", sizeBytes, BLOCK_BYTES, 1);
      }
      case CLIENTS -> {
        if (count == scale.points(shortForm).getFirst()) {
          create(cluster, "clients", regionBytes);
        }
        yield new ScaleTarget(cluster, count, "clients", regionBytes, BLOCK_BYTES, count);
      }
      case REPLICAS -> {
        String name = "replicas-" + count;
        create(cluster, name, regionBytes, "--replicas", Integer.toString(count));
        yield new ScaleTarget(cluster, count, name, regionBytes, BLOCK_BYTES, 1);
      }
    };
  }

  private static void create(
      RunningCluster cluster, String name, long sizeBytes, String... options) {
    List<String> words =
        new ArrayList<>(List.of("volume", "create", name, "--size", sizeBytes / MEBIBYTE + "MiB"));
    words.addAll(List.of(options));
    words.addAll(List.of("-o", "json", "--metadata", cluster.metadataAddresses()));
    if (Program.ask(words.toArray(String[]::new)) == null) {
      throw new CommandFailure("the volume '" + name + "' could not be made");
    }
  }

  /** Writes every block that will be used. */
  private void prepare(List<ScaleTarget> targets, OwnClient client) {
    if (scale == Scale.VOLUMES) {
      return;
    }
    List<String> written = new ArrayList<>();
    for (ScaleTarget target : targets) {
      if (!written.contains(target.volume())) {
        // Stays connected: else each measurement would be of chunks that are opened first.
        client.connect(new NbdAddress(target.cluster().nbdPort(), target.volume()));
        long begin = System.nanoTime();
        fio.run(target.prewriteArguments(), PREWRITE);
        written.add(target.volume());
        progress.accept(
            String.format(
                "prewrite %s: %.1f s", target.volume(), (System.nanoTime() - begin) / 1e9));
      }
    }
  }

  /** Connects up to that number of times, to a volume each, and writes what will be used. */
  private void attach(ScalePoint target, Row row, OwnClient client) {
    int before = client.connections();
    for (int i = before + 1; i <= target.count(); i++) {
      client.connect(
          target instanceof ScaleTarget ours
              ? new NbdAddress(ours.cluster().nbdPort(), "v" + i)
              : target.address(row).orElseThrow());
    }
    if (client.connections() > before && target instanceof ScaleTarget) {
      client.prewrite(target.sizeBytes(), before, scale.rows().getFirst());
      progress.accept(client.connections() + " volumes are attached");
    }
  }
}
