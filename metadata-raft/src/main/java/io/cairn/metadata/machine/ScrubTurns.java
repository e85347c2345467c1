package io.cairn.metadata.machine;

import io.cairn.metadata.command.Query;
import java.util.Map;
import java.util.TreeMap;

/**
 * When volumes are scrubbed that nobody has attached: those whose last time is too long ago, once
 * they have been at rest for a while. So one that moves from host to host is left alone, and a
 * gateway that took one and could not scrub it is not asked again at once. What is known of the
 * rest is soft state of the leader: a new one counts from when it first looks. Not thread-safe.
 */
public final class ScrubTurns {
  private static final long MILLI_NANOS = 1_000_000L;

  private record Rest(ReplicaCounts.Tenure tenure, long sinceNanos) {}

  private final Map<Long, Rest> rests = new TreeMap<>();

  /**
   * Whether it is the volume's turn.
   *
   * @param wanted what the gateway that asks takes for too long ago; null for never.
   */
  public boolean isDue(
      ReplicaCounts counts, long volumeId, Query.ScrubWanted wanted, long nowNanos) {
    if (rests.size() > counts.volumes().size()) {
      rests.keySet().retainAll(counts.volumes());
    }
    ReplicaCounts.Tenure tenure = counts.tenure(volumeId);
    Rest rest = rests.get(volumeId);
    if (rest == null || !rest.tenure().equals(tenure)) {
      rest = new Rest(tenure, nowNanos);
      rests.put(volumeId, rest);
    }
    return wanted != null
        && nowNanos - rest.sinceNanos() >= wanted.restMillis() * MILLI_NANOS
        && counts.isScrubDue(volumeId, wanted);
  }
}
