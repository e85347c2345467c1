package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.placement.Placement;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Which replicas a leader wishes to be moved, what becomes of the wishes, and that they end. */
class RebalancingTest {
  private static final long MIB = 1L << 20;
  private static final long CAPACITY = 10_000 * MIB;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private final Map<Long, Candidate> up = new TreeMap<>();
  private final Rebalancing rebalancing = new Rebalancing();
  private long number;

  /** Capacity of the shards of a node that lacks some; -1 while that is not known. */
  private long servingBytes = -1;

  private int shards = 1;

  private long nowNanos;

  private Reply apply(Command command) {
    return machine.apply(1, ++number, command, candidates());
  }

  private List<Candidate> candidates() {
    return List.copyOf(up.values());
  }

  private void join(long id, String zone, long capacityBytes) {
    apply(
        new Command.RegisterNode(
            5, 0, 100 + id, "n" + id, "h", 7000, zone, "r", "h" + id, capacityBytes, shards, 1));
    up.put(id, new Candidate(id, zone, "r", "h" + id, capacityBytes));
  }

  /** Nodes 1 to N in so many zones, and a volume of so many chunks of 1 MiB, owned. */
  private void cluster(int nodes, int zones, int replicas, int chunks) {
    apply(new Command.InitCluster(5));
    for (int i = 1; i <= nodes; i++) {
      join(i, "z" + i % zones, CAPACITY);
    }
    apply(
        new Command.CreateVolume(
            "v", 4096 * MIB, (int) MIB, replicas, replicas == 1 ? 1 : 2, Durability.FLUSH));
    apply(new Command.AcquireVolume("v", "owner", 1, "h:1", -1));
    for (int i = 0; i < chunks; i++) {
      apply(new Command.AllocateChunks(1, 1, 0, List.of(i), ""));
    }
  }

  private ChunkRecord chunk(int index) {
    return machine.state().chunk(1, 0, index);
  }

  private List<Reply.WantedMove> look() {
    nowNanos += Rebalancing.PERIOD_NANOS;
    return rebalancing.look(machine.state(), candidates(), id -> servingBytes, nowNanos);
  }

  private ErrorCode begin(Reply.WantedMove move) {
    return begin(move.index(), move.fromNodeId(), move.toNodeId());
  }

  private ErrorCode begin(int index, long from, long to) {
    Command.MoveReplicas.Move move =
        new Command.MoveReplicas.Move(0, index, chunk(index).epoch(), from, to);
    Reply reply = apply(new Command.MoveReplicas(1, 1, List.of(move)));
    return ((Reply.ReplicasPlaced) reply).outcomes().getFirst().code();
  }

  private void update(int index, long node, ReplicaState state) {
    Command.UpdateReplicas.Change change =
        new Command.UpdateReplicas.Change(0, index, chunk(index).epoch(), node, state);
    Reply reply = apply(new Command.UpdateReplicas(1, 1, List.of(change)));
    assertNull(((Reply.ReplicasUpdated) reply).outcomes().getFirst().code());
  }

  private ErrorCode place(int index, long taken) {
    Command.PlaceReplicas.Placing placing =
        new Command.PlaceReplicas.Placing(0, index, chunk(index).epoch(), taken);
    Reply reply = apply(new Command.PlaceReplicas(1, 1, 0, List.of(placing)));
    return ((Reply.ReplicasPlaced) reply).outcomes().getFirst().code();
  }

  /** What the owner does after a move has begun. */
  private void end(Reply.WantedMove move) {
    update(move.index(), move.toNodeId(), ReplicaState.IN_SYNC);
    update(move.index(), move.fromNodeId(), ReplicaState.SYNCING);
    assertNull(place(move.index(), move.fromNodeId()));
  }

  /** Moves until nothing is wished for; returns the moves. */
  private int settle() {
    int moves = 0;
    int idle = 0;
    while (idle < 4) {
      List<Reply.WantedMove> wishes = look();
      for (Reply.WantedMove move : wishes) {
        long crowded = crowding(move.index());
        assertNull(begin(move), move.toString());
        end(move);
        assertTrue(crowding(move.index()) <= crowded, move.toString());
        assertEquals(3, chunk(move.index()).inSyncCount());
        moves++;
      }
      idle = wishes.isEmpty() ? idle + 1 : 0;
      assertTrue(moves < 10_000, "it never ends");
    }
    return moves;
  }

  private long crowding(int index) {
    return Placement.crowding(
        chunk(index).replicas().stream().map(replica -> up.get(replica.nodeId())).toList());
  }

  private long replicasOn(long node) {
    return machine.state().counts().replicasOn(node);
  }

  @Test
  void aNewNodeGetsItsShareAndThenNothingMovesAnyMore() {
    cluster(4, 4, 3, 100);
    settle();
    join(5, "z9", CAPACITY);
    int moves = settle();
    assertTrue(replicasOn(5) >= 57 && replicasOn(5) <= 60, "has " + replicasOn(5) + " of 300");
    assertTrue(moves <= replicasOn(5) + 5, "hardly one between the others: " + moves);
    assertFalse(rebalancing.status(machine.state()).moving());
  }

  @Test
  void aNodeThatLostADeviceGetsItsShareByWhatIsLeftAndOnlyForShardsThatServe() {
    shards = 2;
    cluster(4, 4, 3, 100);
    apply(new Command.RaiseLevel(Release.LEVEL_OF_SERVING_SHARDS));
    settle();
    join(5, "z9", CAPACITY);
    up.put(5L, new Candidate(5, "z9", "r", "h5", CAPACITY / 2, List.of(0)));
    servingBytes = CAPACITY / 2;
    settle();
    assertEquals(0, machine.state().counts().replicasOn(5, List.of(0)));
    assertTrue(replicasOn(5) >= 31 && replicasOn(5) <= 36, "has " + replicasOn(5) + " of 300");
    assertFalse(rebalancing.status(machine.state()).moving());
    // The device was replaced, and the node has registered anew.
    up.put(5L, new Candidate(5, "z9", "r", "h5", CAPACITY));
    settle();
    assertTrue(replicasOn(5) >= 57 && replicasOn(5) <= 60, "has " + replicasOn(5) + " of 300");
  }

  @Test
  void randomClustersSettleWithinTheBoundAndStaySettled() {
    for (int seed = 0; seed < 12; seed++) {
      Random random = new Random(seed);
      RebalancingTest test = new RebalancingTest();
      int nodes = 4 + random.nextInt(4);
      test.cluster(nodes, 1, 3, 40 + random.nextInt(60));
      for (int added = 0; added < 1 + random.nextInt(3); added++) {
        test.join(nodes + 1 + added, "z0", CAPACITY * (1 + random.nextInt(2)));
        test.settle();
      }
      long capacity = 0;
      long replicas = 0;
      for (Candidate node : test.up.values()) {
        capacity += test.machine.state().node(node.nodeId()).capacityBytes();
        replicas += test.replicasOn(node.nodeId());
      }
      for (Candidate node : test.up.values()) {
        double share =
            1.0 * replicas * test.machine.state().node(node.nodeId()).capacityBytes() / capacity;
        double distance = Math.abs(test.replicasOn(node.nodeId()) - share);
        assertTrue(distance <= Math.max(2, 0.1 * share), "seed " + seed + ": " + distance);
      }
      assertEquals(0, test.settle(), "seed " + seed);
    }
  }

  @Test
  void chunksThatShareAZoneSpreadWhenThereIsAnotherOne() {
    cluster(4, 2, 3, 30);
    settle();
    join(5, "z9", CAPACITY);
    settle();
    for (int i = 0; i < 30; i++) {
      assertEquals(0, crowding(i) >> 32, chunk(i).toString());
    }
  }

  @Test
  void nothingIsWishedForWhileSomethingIsToBeMended() {
    cluster(4, 4, 3, 100);
    join(5, "z9", CAPACITY);
    assertFalse(look().isEmpty());
    Candidate down = up.remove(1L);
    assertTrue(look().isEmpty(), "a node is down");
    up.put(1L, down);
    assertFalse(look().isEmpty());
    update(3, chunk(3).replicas().getFirst().nodeId(), ReplicaState.SYNCING);
    assertTrue(look().isEmpty(), "a replica catches up");
    update(3, chunk(3).replicas().getFirst().nodeId(), ReplicaState.IN_SYNC);
    apply(new Command.DrainNode(2, Departure.DRAINED));
    assertTrue(look().isEmpty(), "a node is to leave");
  }

  @Test
  void aNodeTakesPartInOneMoveAtATime() {
    cluster(5, 5, 3, 100);
    join(6, "z9", CAPACITY);
    List<Reply.WantedMove> wishes = look();
    assertEquals(Rebalancing.WISHES_MAX, wishes.size());
    assertTrue(wishes.stream().allMatch(move -> move.toNodeId() == 6), wishes.toString());
    assertNull(begin(wishes.getFirst()));
    for (int i = 0; i < 100; i++) {
      long from = chunk(i).replicas().getFirst().nodeId();
      if (i != wishes.getFirst().index()) {
        assertEquals(ErrorCode.BUSY, begin(i, from, 6));
      }
    }
    assertEquals(1, rebalancing.status(machine.state()).moves());
  }

  @Test
  void theOldReplicaLeavesOnlyWhenAsManyOthersAsWantedAreInSync() {
    cluster(4, 4, 3, 1);
    long from = chunk(0).replicas().getFirst().nodeId();
    long to = 10 - chunk(0).replicas().stream().mapToLong(Replica::nodeId).sum();
    assertNull(begin(0, from, to));
    assertEquals(3, chunk(0).inSyncCount());
    assertTrue(chunk(0).movesFrom(from));
    update(0, from, ReplicaState.SYNCING);
    assertEquals(ErrorCode.BELOW_MIN_IN_SYNC, place(0, from), "two are in sync");
    update(0, to, ReplicaState.IN_SYNC);
    assertNull(place(0, from));
    assertNull(chunk(0).movesFromNodeId());
    assertEquals(0, machine.state().counts().moving());
  }

  @Test
  void aMoveThatComesToNothingEndsWithTheOldReplicaInPlace() {
    cluster(4, 4, 3, 1);
    long from = chunk(0).replicas().getFirst().nodeId();
    long to = 10 - chunk(0).replicas().stream().mapToLong(Replica::nodeId).sum();
    assertNull(begin(0, from, to));
    assertNull(place(0, 0), "its owner finds that one is lacking");
    assertNull(chunk(0).movesFromNodeId());
    assertNull(place(0, to), "the new one is one too many now");
    assertEquals(3, chunk(0).inSyncCount());
    assertTrue(chunk(0).replicas().contains(new Replica(from, ReplicaState.IN_SYNC)));
  }

  @Test
  void wishesThatAreLongPastAreRefused() {
    cluster(5, 5, 3, 1);
    List<Long> free = new ArrayList<>(List.of(1L, 2L, 3L, 4L, 5L));
    chunk(0).replicas().forEach(replica -> free.remove(replica.nodeId()));
    long from = chunk(0).replicas().getFirst().nodeId();
    assertEquals(ErrorCode.NO_PLACEMENT, begin(0, free.get(0), free.get(1)), "it has none there");
    assertEquals(
        ErrorCode.NO_PLACEMENT, begin(0, from, chunk(0).replicas().getLast().nodeId()), "has one");
    Candidate down = up.remove(free.get(0));
    assertEquals(ErrorCode.NO_PLACEMENT, begin(0, from, free.get(0)), "down");
    up.put(free.get(0), new Candidate(free.get(0), down.zone(), "r", down.hostLabel(), 0));
    assertEquals(ErrorCode.NO_PLACEMENT, begin(0, from, free.get(0)), "full");
    apply(new Command.DrainNode(free.get(1), Departure.DRAINED));
    assertEquals(ErrorCode.NO_PLACEMENT, begin(0, from, free.get(1)), "to leave");
    Reply stale =
        apply(
            new Command.MoveReplicas(
                1, 9, List.of(new Command.MoveReplicas.Move(0, 0, 1, from, free.get(0)))));
    assertEquals(ErrorCode.STALE_GENERATION, assertInstanceOf(Reply.Refused.class, stale).code());
    update(0, from, ReplicaState.SYNCING);
    assertEquals(ErrorCode.BUSY, begin(0, from, free.get(0)), "not whole");
  }
}
