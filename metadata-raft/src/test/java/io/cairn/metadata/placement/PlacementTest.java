package io.cairn.metadata.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PlacementTest {
  private static final long GIB = 1L << 30;

  @Test
  void replicasOfAChunkLieInDistinctZonesWhenThereAreEnough() {
    List<Candidate> nodes = nodes(9, 3, 100 * GIB);
    for (int index = 0; index < 500; index++) {
      Set<String> zones = new HashSet<>();
      for (long node : Placement.choose(nodes, request(index, 3, ""))) {
        zones.add("z" + node % 3);
      }
      assertEquals(3, zones.size());
    }
  }

  @Test
  void withTooFewZonesTheyShareButNeverOneNode() {
    List<Long> chosen = Placement.choose(nodes(3, 1, 100 * GIB), request(0, 3, ""));
    assertEquals(3, new HashSet<>(chosen).size());
    assertEquals(2, Placement.choose(nodes(2, 1, 100 * GIB), request(0, 3, "")).size());
  }

  @Test
  void nodesGetChunksInProportionToTheirRoom() {
    List<Candidate> nodes = new ArrayList<>(nodes(4, 4, 100 * GIB));
    nodes.set(0, new Candidate(1, "z1", "r", "h1", 300 * GIB));
    Map<Long, Integer> counts = new TreeMap<>();
    for (int index = 0; index < 6000; index++) {
      counts.merge(Placement.choose(nodes, request(index, 1, "")).getFirst(), 1, Integer::sum);
    }
    assertTrue(counts.get(1L) > 2700 && counts.get(1L) < 3300, counts.toString());
    assertTrue(counts.get(2L) > 800 && counts.get(2L) < 1200, counts.toString());
  }

  @Test
  void aFullNodeGetsNothingAndThePreferredHostGetsTheFirst() {
    List<Candidate> nodes = new ArrayList<>(nodes(5, 5, 100 * GIB));
    nodes.set(1, new Candidate(2, "z2", "r", "h2", 100 << 20));
    for (int index = 0; index < 100; index++) {
      List<Long> chosen = Placement.choose(nodes, request(index, 3, "h4"));
      assertEquals(4L, chosen.getFirst());
      assertTrue(!chosen.contains(2L));
    }
  }

  @Test
  void theOrderOfTheCandidatesDoesNotMatter() {
    List<Candidate> nodes = nodes(7, 3, 100 * GIB);
    for (int index = 0; index < 100; index++) {
      assertEquals(
          Placement.choose(nodes, request(index, 3, "")),
          Placement.choose(nodes.reversed(), request(index, 3, "")));
    }
  }

  private static PlacementRequest request(int index, int replicas, String host) {
    return new PlacementRequest(1, 0, index, 64 << 20, replicas, host);
  }

  private static List<Candidate> nodes(int count, int zones, long free) {
    List<Candidate> nodes = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      nodes.add(new Candidate(i, "z" + i % zones, "r", "h" + i, free));
    }
    return nodes;
  }
}
