package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a node may give back: what is whole without it, and nothing else. */
class StrayQueriesTest {
  private static final long GIB = 1L << 30;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  @BeforeEach
  void fourNodesAndAVolumeOfThreeReplicas() {
    apply(new Command.InitCluster(5));
    for (int i = 1; i <= 4; i++) {
      apply(
          new Command.RegisterNode(
              5, 0, 100 + i, "n" + i, "h", 7000, "z", "r", "h" + i, 100 * GIB, 1, 1));
    }
    apply(new Command.CreateVolume("v", 64 * GIB, 0, 3, 0, Durability.FLUSH));
  }

  private void apply(Command command) {
    machine.apply(1, ++number, command, List.of());
  }

  private static List<Replica> inSync(long... nodes) {
    List<Replica> replicas = new ArrayList<>();
    for (long node : nodes) {
      replicas.add(new Replica(node, ReplicaState.IN_SYNC));
    }
    return replicas;
  }

  private static List<Replica> and(List<Replica> replicas, long syncingNode) {
    List<Replica> all = new ArrayList<>(replicas);
    all.add(new Replica(syncingNode, ReplicaState.SYNCING));
    return all;
  }

  private void stored(List<Replica> replicas, Long movesFrom) {
    machine
        .state()
        .replay(
            new Event.ChunkStored(new ChunkRecord(1, 0, 0, 7, replicas, null, null, movesFrom)));
  }

  private int strays(long clusterId, long nodeId, long volumeId) {
    Query.HeldChunk held = new Query.HeldChunk(volumeId, 0, 0);
    Reply reply =
        StrayQueries.strays(machine.state(), new Query.GetStrays(clusterId, nodeId, List.of(held)));
    if (reply instanceof Reply.Refused) {
      return -1;
    }
    List<Query.HeldChunk> strays = assertInstanceOf(Reply.Strays.class, reply).chunks();
    assertEquals(strays.isEmpty() ? List.of() : List.of(held), strays);
    return strays.size();
  }

  @Test
  void whatIsWholeOnOtherNodes() {
    stored(inSync(1, 2, 3), null);
    assertEquals(1, strays(5, 4, 1));
  }

  @Test
  void notWhatTheNodeHasOnRecordInWhateverState() {
    stored(inSync(1, 2, 4), null);
    assertEquals(0, strays(5, 4, 1));
    stored(and(inSync(1, 2, 3), 4), 1L);
    assertEquals(0, strays(5, 4, 1));
  }

  @Test
  void notWhatSomebodyMayMissYet() {
    stored(inSync(1, 2), null);
    assertEquals(0, strays(5, 4, 1), "one is missing");
    stored(and(inSync(1, 2), 3), null);
    assertEquals(0, strays(5, 4, 1), "one is catching up");
    stored(inSync(1, 2, 3), 1L);
    assertEquals(0, strays(5, 4, 1), "one is on its way");
  }

  @Test
  void notWhatTheseServersDoNotKnow() {
    stored(inSync(1, 2, 3), null);
    assertEquals(0, strays(5, 4, 2), "no such volume");
    assertEquals(-1, strays(6, 4, 1), "another cluster's node");
    assertEquals(-1, strays(5, 9, 1), "no such node");
  }

  @Test
  void notTooManyAtOnce() {
    List<Query.HeldChunk> many =
        IntStream.rangeClosed(0, Query.GetStrays.HELD_MAX)
            .mapToObj(i -> new Query.HeldChunk(1, 0, i))
            .toList();
    assertInstanceOf(
        Reply.Refused.class, StrayQueries.strays(machine.state(), new Query.GetStrays(5, 4, many)));
  }
}
