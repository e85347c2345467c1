package io.cairn.metadata.placement;

import java.util.ArrayList;
import java.util.List;

/** Chooses nodes for a chunk's replicas, one after the other, by the rules in their order. */
public final class Placement {
  /**
   * A node keeps this much free when it takes a chunk: room for metadata and for what is coming.
   */
  static final long RESERVE_BYTES = 64L << 20;

  private static final List<PlacementRule> RULES =
      List.of(
          new PreferredHost(),
          new ZoneSpread(),
          new RackSpread(),
          new HostSpread(),
          new FreeSpaceWeight());

  private Placement() {}

  /**
   * The chosen nodes, in order; fewer than asked for when there are not enough. Never one node
   * twice.
   *
   * @param candidates live nodes, in any order; the result does not depend on it.
   */
  public static List<Long> choose(List<Candidate> candidates, PlacementRequest request) {
    return choose(List.of(), candidates, request);
  }

  /**
   * The nodes that go with some that are chosen already, so that together they are as many as asked
   * for; fewer when there are not enough.
   */
  public static List<Long> choose(
      List<Candidate> already, List<Candidate> candidates, PlacementRequest request) {
    List<Candidate> left = new ArrayList<>();
    for (Candidate candidate : candidates) {
      if (candidate.freeBytes() >= request.chunkSizeBytes() + RESERVE_BYTES) {
        left.add(candidate);
      }
    }
    List<Candidate> chosen = new ArrayList<>(already);
    while (chosen.size() < request.replicas() && !left.isEmpty()) {
      Candidate best = left.getFirst();
      for (Candidate candidate : left) {
        if (compare(candidate, best, chosen, request) < 0) {
          best = candidate;
        }
      }
      chosen.add(best);
      left.remove(best);
    }
    return chosen.stream().skip(already.size()).map(Candidate::nodeId).toList();
  }

  private static int compare(
      Candidate a, Candidate b, List<Candidate> chosen, PlacementRequest request) {
    for (PlacementRule rule : RULES) {
      int order = Double.compare(rule.cost(a, chosen, request), rule.cost(b, chosen, request));
      if (order != 0) {
        return order;
      }
    }
    return Long.compare(a.nodeId(), b.nodeId());
  }
}
