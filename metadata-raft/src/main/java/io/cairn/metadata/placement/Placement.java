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
      if (hasRoom(candidate, request.chunkSizeBytes())) {
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

  /** Whether a node has room for a chunk of that size. */
  public static boolean hasRoom(Candidate node, long sizeBytes) {
    return node.freeBytes() >= sizeBytes + RESERVE_BYTES;
  }

  /**
   * How badly the replicas of one chunk lie: higher where more of them share a zone; with equally
   * many, where more share a rack; then a host. Two on one node share all.
   */
  public static long crowding(List<Candidate> nodes) {
    long zones = 0;
    long racks = 0;
    long hosts = 0;
    for (int i = 0; i < nodes.size(); i++) {
      for (int j = 0; j < i; j++) {
        Candidate a = nodes.get(i);
        Candidate b = nodes.get(j);
        boolean zone = a.zone().equals(b.zone());
        zones += zone ? 1 : 0;
        racks += zone && a.rack().equals(b.rack()) ? 1 : 0;
        hosts += a.hostLabel().equals(b.hostLabel()) ? 1 : 0;
      }
    }
    return zones << 32 | racks << 16 | hosts;
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
