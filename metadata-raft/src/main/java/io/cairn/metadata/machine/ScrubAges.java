package io.cairn.metadata.machine;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.model.ChunkScrub;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * When the chunks of one volume were scrubbed last, rounded up to ten seconds, so that millions of
 * them are few numbers. Derived from the state, never stored.
 */
final class ScrubAges {
  private static final long STEP_MILLIS = 10_000;

  private final NavigableMap<Long, Long> light = new TreeMap<>();
  private final NavigableMap<Long, Long> deep = new TreeMap<>();

  /** A chunk comes (1) or goes (-1). */
  void add(ChunkScrub scrub, int sign) {
    add(light, scrub.lightMillis(), sign);
    add(deep, scrub.deepMillis(), sign);
  }

  private static void add(NavigableMap<Long, Long> counts, long millis, int sign) {
    counts.merge(
        Math.ceilDiv(millis, STEP_MILLIS) * STEP_MILLIS,
        (long) sign,
        (a, b) -> a + b == 0 ? null : (Long) (a + b));
  }

  /** Whether a chunk's checksums were compared, or its data, before the time that is asked for. */
  boolean isSomeDue(Query.ScrubWanted wanted) {
    return isSomeOutside(light, wanted.lightBeforeMillis(), wanted.notAfterMillis())
        || isSomeOutside(deep, wanted.deepBeforeMillis(), wanted.notAfterMillis());
  }

  private static boolean isSomeOutside(
      NavigableMap<Long, Long> counts, long leastMillis, long mostMillis) {
    return leastMillis > 0
        && !counts.isEmpty()
        && (counts.firstKey() < leastMillis || mostMillis > 0 && counts.lastKey() > mostMillis);
  }
}
