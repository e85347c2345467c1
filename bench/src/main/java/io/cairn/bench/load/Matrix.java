package io.cairn.bench.load;

import io.cairn.bench.chaos.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Runs rows on targets, one measurement at a time: all targets once, then again, so that what
 * changes on the machine meanwhile changes for all of them.
 */
final class Matrix {
  private static final Duration SETTLE_STEP = Duration.ofMillis(500);
  private static final Duration SETTLE_LIMIT = Duration.ofSeconds(20);
  private static final double SETTLED_SHARE = 0.06;

  private final Client client;
  private final long regionBytes;
  private final int pacedIops;
  private final List<Target> targets;
  private final Settings settings;
  private final Consumer<String> progress;

  /**
   * How long and how often.
   *
   * @param warmUpSeconds of each row before its first measurement; 0 for none.
   * @param settle whether to wait before each measurement until what the one before has left behind
   *     is done.
   */
  record Settings(int seconds, int repeat, int warmUpSeconds, boolean settle) {}

  /** What one row gave on one target. */
  record Result(Row row, Target target, List<Sample> samples) {}

  /**
   * A matrix within a part of each target.
   *
   * @param regionBytes from the target's begin.
   * @param pacedIops rate of paced rows.
   */
  Matrix(
      Client client,
      long regionBytes,
      int pacedIops,
      List<Target> targets,
      Settings settings,
      Consumer<String> progress) {
    this.client = client;
    this.regionBytes = regionBytes;
    this.pacedIops = pacedIops;
    this.targets = targets;
    this.settings = settings;
    this.progress = progress;
  }

  /** Something that happens around measurements, like a profile. */
  interface Around {
    /** Runs the measurement. */
    Sample measure(Row row, Target target, java.util.function.Supplier<Sample> measurement)
        throws IOException;
  }

  /** Writes what will be read. */
  void prewrite(List<Row> rows) {
    for (Target target : targets) {
      rows.stream()
          .filter(target::can)
          .map(row -> row.form() == Row.Form.PACED ? Row.Form.CLOSED : row.form())
          .distinct()
          .forEach(
              form -> {
                progress.accept("prewrite " + target.name());
                client.prewrite(target, form, regionBytes);
              });
    }
  }

  /** Measures. */
  List<Result> run(List<Row> rows, Around around) throws IOException {
    List<Result> results = new ArrayList<>();
    for (Row row : rows) {
      Map<Target, List<Sample>> samples = new LinkedHashMap<>();
      targets.stream().filter(t -> t.can(row)).forEach(t -> samples.put(t, new ArrayList<>()));
      if (settings.warmUpSeconds() > 0) {
        samples.keySet().forEach(target -> measure(target, row, settings.warmUpSeconds()));
      }
      for (int round = 1; round <= settings.repeat(); round++) {
        for (Map.Entry<Target, List<Sample>> entry : samples.entrySet()) {
          settle();
          progress.accept(
              row.name() + " " + entry.getKey().name() + " " + round + "/" + settings.repeat());
          entry
              .getValue()
              .add(
                  around.measure(
                      row, entry.getKey(), () -> measure(entry.getKey(), row, settings.seconds())));
        }
      }
      samples.forEach((target, list) -> results.add(new Result(row, target, list)));
    }
    return results;
  }

  private Sample measure(Target target, Row row, int seconds) {
    if (row.form() != Row.Form.PACED) {
      return Meter.measure(target, row, () -> client.load(target, row, regionBytes, seconds));
    }
    try (OwnClient own = new OwnClient()) {
      own.connect(target.address(row).orElseThrow());
      return Meter.measure(target, row, () -> own.paced(row, regionBytes, pacedIops, seconds));
    }
  }

  /** Destaging and the like go on after a load: they must not be counted as another's. */
  private void settle() {
    if (settings.settle()) {
      settle(targets, progress);
    }
  }

  /** Waits until the targets' servers do next to nothing; says so when that does not come. */
  static void settle(List<? extends Target> targets, Consumer<String> progress) {
    long begin = System.nanoTime();
    double share = 1;
    while (share > SETTLED_SHARE && System.nanoTime() - begin < SETTLE_LIMIT.toNanos()) {
      long before = nanosOf(targets);
      long from = System.nanoTime();
      Await.pass(SETTLE_STEP);
      share = (double) (nanosOf(targets) - before) / (System.nanoTime() - from);
    }
    if (share > SETTLED_SHARE) {
      progress.accept(
          String.format("not settled: the targets still use %.0f %% of a core", share * 100));
    }
  }

  private static long nanosOf(List<? extends Target> targets) {
    Row any = Row.parse(Row.DEFAULT.getFirst());
    return targets.stream().mapToLong(t -> ProcessorTime.ofNanos(t.servers(any))).sum();
  }
}
