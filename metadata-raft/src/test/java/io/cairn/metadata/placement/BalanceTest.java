package io.cairn.metadata.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BalanceTest {
  private static final long GIB = 1L << 30;
  private static final long CHUNK = 64L << 20;

  private static Balance.Load load(long id, String zone, long chunks, long capacityBytes) {
    long used = chunks * CHUNK;
    Candidate node = new Candidate(id, zone, "r", "h" + id, capacityBytes - used);
    return new Balance.Load(node, used, capacityBytes);
  }

  private static Balance of(long... chunks) {
    List<Balance.Load> loads = new ArrayList<>();
    for (int i = 0; i < chunks.length; i++) {
      loads.add(load(i + 1, "z", chunks[i], 100 * GIB));
    }
    return new Balance(loads, CHUNK);
  }

  @Test
  void movesBeginAtTwiceTheDistanceAtWhichTheyEnd() {
    assertFalse(of(109, 100, 91).isUneven(false));
    assertTrue(of(111, 100, 89).isUneven(false));
    assertTrue(of(106, 100, 94).isUneven(true));
    assertFalse(of(105, 100, 95).isUneven(true));
  }

  @Test
  void aChunkOrTwoAreNoReasonToMove() {
    assertFalse(of(4, 2, 0).isUneven(false));
    assertTrue(of(5, 2, 0).isUneven(false));
    assertFalse(of(0, 0, 0).isUneven(false));
  }

  @Test
  void aShareIsByCapacity() {
    Balance even =
        new Balance(List.of(load(1, "z", 100, 100 * GIB), load(2, "z", 300, 300 * GIB)), CHUNK);
    assertFalse(even.isUneven(false));
    assertNull(even.best(Set.of(1L), CHUNK, true, node -> true));
  }

  @Test
  void theFullestOfAChunksNodesGivesToTheEmptiest() {
    Balance balance = of(100, 120, 90, 10);
    assertEquals(new Balance.Step(2, 4), balance.best(Set.of(1L, 2L), CHUNK, true, node -> true));
    assertNull(balance.best(Set.of(1L, 2L), CHUNK, false, node -> true));
    assertEquals(
        new Balance.Step(2, 4),
        balance
            .after(new Balance.Step(2, 4), CHUNK)
            .best(Set.of(1L, 2L), CHUNK, true, node -> true));
    assertEquals(100 - 100 * 10 / 80, balance.unevenPercent(), 1);
  }

  @Test
  void nothingIsMovedIntoAZoneThatHasOneAlready() {
    Balance balance =
        new Balance(
            List.of(
                load(1, "a", 100, 100 * GIB),
                load(2, "b", 100, 100 * GIB),
                load(3, "b", 0, 100 * GIB)),
            CHUNK);
    assertEquals(
        new Balance.Step(2, 3),
        balance.best(Set.of(1L, 2L), CHUNK, true, node -> true),
        "not from node 1");
  }

  @Test
  void aChunkWithTwoReplicasInOneZoneGivesOneToAnotherZoneWhateverTheShares() {
    Balance balance =
        new Balance(
            List.of(
                load(1, "a", 50, 100 * GIB),
                load(2, "a", 50, 100 * GIB),
                load(3, "b", 60, 100 * GIB)),
            CHUNK);
    Balance.Step step = balance.best(Set.of(1L, 2L), CHUNK, false, node -> true);
    assertEquals(3, step.toNodeId());
    assertNull(balance.best(Set.of(1L, 3L), CHUNK, false, node -> true));
  }

  @Test
  void aNodeWithoutRoomGetsNothingAndAChunkOfWhichANodeIsNotSeenIsLeftAlone() {
    List<Balance.Load> loads = new ArrayList<>();
    loads.add(load(1, "z", 100, 100 * GIB));
    Candidate full = new Candidate(2, "z", "r", "h2", 0);
    loads.add(new Balance.Load(full, 0, 100 * GIB));
    assertNull(new Balance(loads, CHUNK).best(Set.of(1L), CHUNK, true, node -> true));
    assertNull(of(100, 0).best(Set.of(1L, 7L), CHUNK, true, node -> true));
  }
}
