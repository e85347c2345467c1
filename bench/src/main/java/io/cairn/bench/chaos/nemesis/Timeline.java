package io.cairn.bench.chaos.nemesis;

import java.util.ArrayList;
import java.util.List;

/** What the clients saw, second by second. */
final class Timeline {
  /**
   * One second of one volume.
   *
   * @param atSeconds its end, since the begin of the run.
   * @param rate requests answered per second since the one before.
   * @param p99Millis of them; 0 when there was none.
   * @param silentSeconds time since the last answer.
   */
  record Second(double atSeconds, double rate, double p99Millis, double silentSeconds) {}

  private final List<String> volumes;
  private final List<List<Second>> seconds = new ArrayList<>();
  private long beginNanos = System.nanoTime();

  Timeline(List<String> volumes) {
    this.volumes = List.copyOf(volumes);
    volumes.forEach(volume -> seconds.add(new ArrayList<>()));
  }

  /** What was before is not part of it. */
  void begin() {
    beginNanos = System.nanoTime();
  }

  List<String> volumes() {
    return volumes;
  }

  List<Second> of(int volume) {
    return seconds.get(volume);
  }

  void add(int volume, Second second) {
    seconds.get(volume).add(second);
  }

  /** Seconds since the begin. */
  double at(long nanos) {
    return (nanos - beginNanos) / 1e9;
  }

  /** Length so far in seconds; at least one. */
  double length() {
    double last = 1;
    for (List<Second> of : seconds) {
      last = of.isEmpty() ? last : Math.max(last, of.getLast().atSeconds());
    }
    return last;
  }
}
