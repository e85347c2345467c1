package io.cairn.bench.sim.coverage;

import java.util.Objects;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts the transitions of this process. One for all, as the classes that a {@link
 * RecordingLoader} has loaded know no other way to it. Any thread.
 */
public final class Transitions {
  private static final ConcurrentSkipListMap<String, LongAdder> SEEN =
      new ConcurrentSkipListMap<>();

  private Transitions() {}

  /**
   * A state was assigned; what is the same as before counts for nothing. Called by instrumented
   * code.
   *
   * @param before null for the first state of its owner.
   * @param now not null.
   * @param field such as VolumeSession.state.
   */
  public static void assigned(Object before, Object now, String field) {
    if (before != null && before != now) {
      seen(field + " " + before + " " + now);
    }
  }

  /** A transition by its name: words of letters, digits and points. */
  public static void seen(String transition) {
    SEEN.computeIfAbsent(Objects.requireNonNull(transition), name -> new LongAdder()).increment();
  }

  /** How often each was seen so far, a copy. */
  static SortedMap<String, Long> counts() {
    ConcurrentSkipListMap<String, Long> counts = new ConcurrentSkipListMap<>();
    SEEN.forEach((name, count) -> counts.put(name, count.sum()));
    return counts;
  }
}
