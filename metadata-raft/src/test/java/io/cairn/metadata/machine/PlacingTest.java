package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Command.PlaceReplicas.Placing;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Where replicas are placed anew, which may be taken away, and which nodes may leave. */
class PlacingTest {
  private static final long GIB = 1L << 30;
  private static final int SHARDS = 3;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private final Set<Long> up = new TreeSet<>();
  private long number;

  /** The node of which a shard is out of service, and the shard. */
  private long shortNode;

  private int shardOut;

  /** Nothing, as the leader says before all servers know which chunks it can take. */
  private long shortNodeFreeBytes;

  private Reply apply(Command command) {
    List<Candidate> candidates = new ArrayList<>();
    up.forEach(
        node ->
            candidates.add(
                new Candidate(
                    node,
                    "z",
                    "r",
                    "h" + node,
                    node == shortNode ? shortNodeFreeBytes : 100 * GIB,
                    node == shortNode ? List.of(shardOut) : null)));
    return machine.apply(1, ++number, command, candidates);
  }

  /** Nodes 1 to N, and a volume of so many chunks, owned in generation 1. */
  private void cluster(int nodes, int replicas, int chunks) {
    apply(new Command.InitCluster(5));
    for (int i = 1; i <= nodes; i++) {
      up.add((long) i);
      apply(
          new Command.RegisterNode(
              5, 0, 100 + i, "n" + i, "h", 7000, "z", "r", "h" + i, 100 * GIB, SHARDS, 1));
    }
    apply(new Command.CreateVolume("v", 64 * GIB, 0, replicas, 0, Durability.FLUSH));
    apply(new Command.AcquireVolume("v", "owner", 1, "h:1", -1));
    for (int i = 0; i < chunks; i++) {
      apply(new Command.AllocateChunks(1, 1, 0, List.of(i), ""));
    }
  }

  private ChunkRecord chunk(int index) {
    return machine.state().chunk(1, 0, index);
  }

  private Set<Long> nodesOf(int index) {
    Set<Long> nodes = new TreeSet<>();
    chunk(index).replicas().forEach(replica -> nodes.add(replica.nodeId()));
    return nodes;
  }

  private Reply.ReplicasUpdated.Outcome place(int catchingUp, int index, long takenNodeId) {
    Placing placing = new Placing(0, index, chunk(index).epoch(), takenNodeId);
    Reply reply = apply(new Command.PlaceReplicas(1, 1, catchingUp, List.of(placing)));
    return assertInstanceOf(Reply.ReplicasPlaced.class, reply).outcomes().getFirst();
  }

  private ErrorCode moved(int index, long nodeId, ReplicaState state) {
    Command.UpdateReplicas.Change change =
        new Command.UpdateReplicas.Change(0, index, chunk(index).epoch(), nodeId, state);
    Reply reply = apply(new Command.UpdateReplicas(1, 1, List.of(change)));
    return ((Reply.ReplicasUpdated) reply).outcomes().getFirst().code();
  }

  private ErrorCode drained(long nodeId, Departure departure) {
    Reply reply = apply(new Command.DrainNode(nodeId, departure));
    return reply instanceof Reply.Refused refused ? refused.code() : null;
  }

  @Test
  void aNewReplicaIsOutOfSyncOnANodeThatHasNoneAndStays() {
    cluster(5, 3, 1);
    long leaving = chunk(0).replicas().getFirst().nodeId();
    Set<Long> before = nodesOf(0);
    assertNull(drained(leaving, Departure.DRAINED));
    Reply.ReplicasUpdated.Outcome outcome = place(0, 0, 0);
    assertNull(outcome.code());
    Replica added = outcome.chunk().replicas().getLast();
    assertEquals(ReplicaState.SYNCING, added.state());
    assertTrue(!before.contains(added.nodeId()), before + " " + added);
    assertEquals(3, outcome.chunk().inSyncCount());
    assertEquals(ErrorCode.NO_PLACEMENT, place(0, 0, 0).code(), "it has its places now");
  }

  @Test
  void aReplicaOnAShardThatIsOutOfServiceDoesNotCountOnceAllServersKnowThat() {
    cluster(4, 3, 1);
    shortNode = chunk(0).replicas().getFirst().nodeId();
    shardOut = Shards.shardOf(1, 0, 0, SHARDS);
    assertEquals(ErrorCode.NO_PLACEMENT, place(0, 0, 0).code(), "a cluster of level 1");
    apply(new Command.RaiseLevel(Release.LEVEL_OF_SHARDS));
    shardOut = (shardOut + 1) % SHARDS;
    assertEquals(ErrorCode.NO_PLACEMENT, place(0, 0, 0).code(), "another of its shards");
    shardOut = Shards.shardOf(1, 0, 0, SHARDS);
    assertNull(place(0, 0, 0).code());
    assertEquals(Set.of(1L, 2L, 3L, 4L), nodesOf(0));
    assertEquals(ErrorCode.NO_PLACEMENT, place(0, 0, 0).code(), "it has its places now");
    long added = chunk(0).replicas().getLast().nodeId();
    assertEquals(1L, machine.state().counts().replicasByShard(shortNode).get(shardOut));
    assertNull(moved(0, added, ReplicaState.IN_SYNC));
    assertNull(moved(0, shortNode, ReplicaState.SYNCING));
    assertNull(place(0, 0, shortNode).code());
    assertEquals(List.of(0L, 0L, 0L), machine.state().counts().replicasByShard(shortNode));
  }

  @Test
  void aNodeThatLacksAShardTakesWhatBelongsToItsOthersOnceAllServersKnowThat() {
    cluster(3, 3, 0);
    shortNode = 2;
    shardOut = Shards.shardOf(1, 0, 0, SHARDS);
    int other = 1;
    while (Shards.shardOf(1, 0, other, SHARDS) == shardOut) {
      other++;
    }
    apply(new Command.RaiseLevel(Release.LEVEL_OF_SERVING_SHARDS));
    shortNodeFreeBytes = 100 * GIB;
    apply(new Command.AllocateChunks(1, 1, 0, List.of(0, other), ""));
    assertEquals(Set.of(1L, 3L), nodesOf(0));
    assertEquals(Set.of(1L, 2L, 3L), nodesOf(other));
    assertEquals(ErrorCode.NO_PLACEMENT, place(0, 0, 0).code(), "its shard there is out");
    up.add(4L);
    apply(new Command.RegisterNode(5, 0, 104, "n4", "h", 7000, "z", "r", "h4", GIB, SHARDS, 1));
    up.remove(3L);
    assertNull(place(0, 0, 0).code());
    assertEquals(Set.of(1L, 3L, 4L), nodesOf(0));
    drained(1, Departure.DRAINED);
    up.add(3L);
    shortNode = 4;
    assertNull(place(0, other, 0).code());
    assertEquals(Set.of(1L, 2L, 3L, 4L), nodesOf(other));
  }

  @Test
  void nothingIsMovedToAShardThatIsOutOfService() {
    cluster(4, 3, 1);
    apply(new Command.RaiseLevel(Release.LEVEL_OF_SERVING_SHARDS));
    Set<Long> free = new TreeSet<>(Set.of(1L, 2L, 3L, 4L));
    free.removeAll(nodesOf(0));
    shortNode = free.iterator().next();
    shortNodeFreeBytes = 100 * GIB;
    shardOut = Shards.shardOf(1, 0, 0, SHARDS);
    assertEquals(ErrorCode.NO_PLACEMENT, movedTo(shortNode));
    shardOut = (shardOut + 1) % SHARDS;
    assertNull(movedTo(shortNode));
  }

  private ErrorCode movedTo(long nodeId) {
    long from = nodesOf(0).iterator().next();
    Command.MoveReplicas.Move move =
        new Command.MoveReplicas.Move(0, 0, chunk(0).epoch(), from, nodeId);
    Reply reply = apply(new Command.MoveReplicas(1, 1, List.of(move)));
    return ((Reply.ReplicasPlaced) reply).outcomes().getFirst().code();
  }

  @Test
  void nothingIsPlacedWhereEnoughStay() {
    cluster(5, 3, 1);
    assertEquals(ErrorCode.NO_PLACEMENT, place(0, 0, 0).code());
  }

  @Test
  void aReplicaGoesOnlyWhenItIsOutOfSyncAndEnoughOthersAreInSync() {
    cluster(4, 3, 1);
    long leaving = chunk(0).replicas().getFirst().nodeId();
    drained(leaving, Departure.DRAINED);
    assertEquals(ErrorCode.BELOW_MIN_IN_SYNC, place(0, 0, leaving).code());
    long added = place(0, 0, 0).chunk().replicas().getLast().nodeId();
    assertNull(moved(0, leaving, ReplicaState.SYNCING));
    assertEquals(ErrorCode.BELOW_MIN_IN_SYNC, place(0, 0, leaving).code(), "two are in sync");
    assertNull(moved(0, added, ReplicaState.IN_SYNC));
    assertNull(place(0, 0, leaving).code());
    assertTrue(!nodesOf(0).contains(leaving));
    assertEquals(0, machine.state().counts().replicasOn(leaving));
    assertInstanceOf(Reply.Ok.class, apply(new Command.RemoveNode(leaving)));
  }

  @Test
  void theEpochAndTheGenerationAreCompared() {
    cluster(4, 3, 1);
    drained(1, Departure.DRAINED);
    Placing old = new Placing(0, 0, chunk(0).epoch() + 1, 0);
    Reply.ReplicasPlaced placed =
        (Reply.ReplicasPlaced) apply(new Command.PlaceReplicas(1, 1, 0, List.of(old)));
    assertEquals(ErrorCode.STALE_EPOCH, placed.outcomes().getFirst().code());
    apply(new Command.AcquireVolume("v", "other", 2, "h:2", -1));
    Reply late = apply(new Command.PlaceReplicas(1, 1, 0, List.of(old)));
    assertEquals(ErrorCode.STALE_GENERATION, ((Reply.Refused) late).code());
  }

  @Test
  void onlySoManyCatchUpAtOneTimeUnlessAVolumeWouldStandStill() {
    cluster(4, 3, PlacingDecisions.CATCHING_UP_MAX + 1);
    drained(1, Departure.DRAINED);
    List<Integer> due = new ArrayList<>();
    for (int i = 0; i <= PlacingDecisions.CATCHING_UP_MAX; i++) {
      if (nodesOf(i).contains(1L)) {
        due.add(i);
      } else {
        // As if it had been away.
        moved(i, nodesOf(i).iterator().next(), ReplicaState.SYNCING);
      }
    }
    int free = PlacingDecisions.CATCHING_UP_MAX - (PlacingDecisions.CATCHING_UP_MAX + 1) % 32;
    int placed = 0;
    for (int index : due) {
      placed += place(1, index, 0).code() == null ? 1 : 0;
    }
    assertTrue(placed < due.size() && placed <= free, placed + " of " + due.size());
    int last = due.getLast();
    assertEquals(ErrorCode.BUSY, place(1, last, 0).code());
    assertNull(place(0, last, 0).code());
  }

  @Test
  void aDrainThatCouldNotEndIsRefusedUnlessItIsForced() {
    cluster(3, 3, 1);
    assertEquals(ErrorCode.NO_PLACEMENT, drained(1, Departure.DRAINED));
    assertNull(machine.state().node(1).departure());
    assertNull(drained(1, Departure.FORCED));
    assertEquals(Departure.FORCED, machine.state().node(1).departure());
    assertNull(moved(0, 1, ReplicaState.SYNCING));
    assertNull(place(0, 0, 1).code());
    assertEquals(Set.of(2L, 3L), nodesOf(0));
  }

  @Test
  void whatIsToLeaveGetsNoNewChunksAndKeepsThatOverARestart() {
    cluster(4, 3, 0);
    drained(2, Departure.DRAINED);
    apply(new Command.RegisterNode(5, 0, 102, "n2", "h", 7000, "z", "r", "h2", 100 * GIB, 1, 2));
    for (int i = 0; i < 8; i++) {
      apply(new Command.AllocateChunks(1, 1, 0, List.of(i), ""));
      assertTrue(!nodesOf(i).contains(2L));
    }
    assertNull(drained(2, null));
    assertNull(machine.state().node(2).departure());
  }

  private ErrorCode set(int replicas, int minInSync) {
    Reply reply = apply(new Command.SetVolume("v", replicas, minInSync));
    return reply instanceof Reply.Refused refused ? refused.code() : null;
  }

  @Test
  void theNumberOfReplicasIsChangedAndWritesNeedWhatIsUsualForIt() {
    cluster(4, 3, 1);
    assertEquals(List.of(), machine.state().counts().misshapen());
    assertNull(set(4, 0));
    assertEquals(3, machine.state().volume("v").minInSync());
    assertEquals(List.of(1L), machine.state().counts().misshapen());
    assertNull(place(0, 0, 0).code());
    assertEquals(List.of(), machine.state().counts().misshapen());
    assertNull(set(2, 2));
    assertNull(set(1, 0));
    assertEquals(1, machine.state().volume("v").minInSync(), "never more than there are");
    assertEquals(List.of(1L), machine.state().counts().misshapen());
  }

  @Test
  void aNumberOfReplicasThatCannotBeIsRefused() {
    cluster(4, 3, 1);
    assertEquals(ErrorCode.INVALID, set(6, 0));
    assertEquals(ErrorCode.INVALID, set(2, 3));
    drained(4, Departure.DRAINED);
    assertEquals(ErrorCode.NO_PLACEMENT, set(4, 0));
    assertEquals(
        ErrorCode.NOT_FOUND, ((Reply.Refused) apply(new Command.SetVolume("nope", 2, 0))).code());
    assertEquals(3, machine.state().volume("v").replicas());
  }

  @Test
  void aReplicaTooManyGoesOnceItIsOutOfSync() {
    cluster(4, 3, 1);
    set(2, 0);
    long surplus = chunk(0).replicas().getFirst().nodeId();
    assertEquals(ErrorCode.BELOW_MIN_IN_SYNC, place(0, 0, surplus).code());
    assertNull(moved(0, surplus, ReplicaState.SYNCING));
    assertNull(place(0, 0, surplus).code());
    assertEquals(2, nodesOf(0).size());
  }

  @Test
  void aNodeThatAnOlderReleaseStoredStays() {
    cluster(1, 1, 0);
    NodeRecord leaving = machine.state().node(1).leaving(Departure.DRAINED);
    byte[] bytes = Codec.encode(leaving);
    String text = new String(bytes, 1, bytes.length - 1, StandardCharsets.UTF_8);
    assertEquals(leaving, Codec.decode(bytes, NodeRecord.class));
    byte[] older = text.replace(",\"departure\":\"DRAINED\"", "").getBytes(StandardCharsets.UTF_8);
    byte[] whole = new byte[older.length + 1];
    whole[0] = bytes[0];
    System.arraycopy(older, 0, whole, 1, older.length);
    assertTrue(older.length < text.length(), text);
    assertEquals(leaving.leaving(null), Codec.decode(whole, NodeRecord.class));
  }
}
