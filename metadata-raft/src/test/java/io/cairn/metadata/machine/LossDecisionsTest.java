package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Command.RecoverVolume.Choice;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is given up of a chunk, and only when all that held it is gone by an operator's word. */
class LossDecisionsTest {
  private static final long GIB = 1L << 30;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private final Set<Long> up = new TreeSet<>();
  private long number;

  /** Nodes that live and whose device is out of service for good. */
  private final Set<Long> failed = new TreeSet<>();

  private final Reach reach =
      new Reach() {
        @Override
        public boolean isUp(long nodeId) {
          return up.contains(nodeId);
        }

        @Override
        public List<Integer> shardsOut(long nodeId) {
          return failed.contains(nodeId) ? List.of(0) : List.of();
        }

        @Override
        public List<Integer> shardsAway(long nodeId) {
          return shardsOut(nodeId);
        }
      };

  /** The two replicas that are in sync, and the one that is behind. */
  private long first;

  private long second;
  private long behind;

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
                    100 * GIB,
                    failed.contains(node) ? List.of(0) : null)));
    return machine.apply(1, ++number, command, candidates);
  }

  @BeforeEach
  void twoOfThreeAreInSync() {
    apply(new Command.InitCluster(5));
    for (int i = 1; i <= 5; i++) {
      up.add((long) i);
      apply(
          new Command.RegisterNode(
              5, 0, 100 + i, "n" + i, "h", 7000, "z", "r", "h" + i, 100 * GIB, 1, 1));
    }
    apply(new Command.CreateVolume("v", 64 * GIB, 0, 3, 0, Durability.FLUSH));
    apply(new Command.AcquireVolume("v", "owner", 1, "h:1", -1));
    apply(new Command.AllocateChunks(1, 1, 0, List.of(0), ""));
    List<Replica> replicas = chunk().replicas();
    first = replicas.get(0).nodeId();
    second = replicas.get(1).nodeId();
    behind = replicas.get(2).nodeId();
    apply(
        new Command.UpdateReplicas(
            1,
            1,
            List.of(new Command.UpdateReplicas.Change(0, 0, 1, behind, ReplicaState.SYNCING))));
  }

  private ChunkRecord chunk() {
    return machine.state().chunk(1, 0, 0);
  }

  private void gone(long node) {
    up.remove(node);
    apply(new Command.DrainNode(node, Departure.FORCED));
  }

  private Reply recover(long node) {
    Choice choice =
        new Choice(0, 0, chunk().epoch(), node, ReplicaCondition.COMPLETE, node == 0 ? 0 : 77);
    long generation = machine.state().volume("v").generation();
    return apply(new Command.RecoverVolume("v", generation, 1234, List.of(choice)));
  }

  private ErrorCode refusal(Reply reply) {
    return assertInstanceOf(Reply.Refused.class, reply).code();
  }

  private Reply.LostChunk lost(List<ReplicaLook> looks) {
    Reply.Losses losses = (Reply.Losses) LossQueries.losses(machine.state(), "v", reach, looks);
    return losses.chunks().isEmpty() ? null : losses.chunks().getFirst();
  }

  private Reply.Volume shown(List<ReplicaLook> looks) {
    return (Reply.Volume) MetadataQueries.volume(machine.state(), "v", reach, looks);
  }

  private Choice choice(ReplicaCondition condition, long node, Long... shortNodes) {
    return new Choice(0, 0, chunk().epoch(), node, condition, 0, List.of(shortNodes));
  }

  private Reply recover(Choice choice) {
    long generation = machine.state().volume("v").generation();
    return apply(new Command.RecoverVolume("v", generation, 1234, List.of(choice)));
  }

  private ReplicaLook look(long node, ReplicaCondition condition, long version) {
    return new ReplicaLook(0, 0, chunk().epoch(), node, condition, version);
  }

  @Test
  void theReplicaThatIsLeftBecomesTheOnlyOneInSyncUnderANewGeneration() {
    gone(first);
    gone(second);
    long epoch = chunk().epoch();
    Reply.Volume recovered = assertInstanceOf(Reply.Volume.class, recover(behind));
    assertEquals(2, recovered.volume().generation());
    VolumeRecord.Owner owner = recovered.volume().owner();
    assertTrue(owner.maintenance() && !owner.quiet() && owner.instance() == 0, owner.toString());
    assertEquals(epoch + 1, chunk().epoch());
    assertEquals(
        List.of(
            new Replica(first, ReplicaState.SYNCING),
            new Replica(second, ReplicaState.SYNCING),
            new Replica(behind, ReplicaState.IN_SYNC)),
        chunk().replicas());
    assertEquals(List.of(first, second), chunk().loss().lostNodes());
    assertEquals(behind, chunk().loss().sourceNodeId());
    assertEquals(77, chunk().loss().version());
    Reply.Volume shown = shown(List.of());
    assertEquals(1, shown.losses().recoveredChunks());
    assertEquals(0, shown.losses().lostChunks());
    Reply late = apply(new Command.AllocateChunks(1, 1, 0, List.of(1), ""));
    assertEquals(ErrorCode.STALE_GENERATION, refusal(late), "whoever owned it is fenced");
  }

  @Test
  void nothingIsGivenUpWhileAnInSyncReplicaCouldComeBack() {
    gone(first);
    assertEquals(ErrorCode.IN_USE, refusal(recover(behind)), "the second one is up");
    up.remove(second);
    assertEquals(ErrorCode.IN_USE, refusal(recover(behind)), "nobody said that it is gone");
    apply(new Command.DrainNode(second, Departure.DRAINED));
    assertEquals(ErrorCode.IN_USE, refusal(recover(behind)), "one that is drained is not gone");
    apply(new Command.DrainNode(second, Departure.FORCED));
    up.add(first);
    assertEquals(ErrorCode.IN_USE, refusal(recover(behind)), "the first one came back");
    assertNull(chunk().loss());
    assertEquals(1, machine.state().volume("v").generation());
  }

  @Test
  void onlyWhatIsOnRecordAndCanBeReachedIsMadeCurrent() {
    gone(first);
    gone(second);
    assertEquals(ErrorCode.IN_USE, refusal(recover(0)), "a replica lives");
    long stranger = up.stream().filter(node -> node != behind).findFirst().orElseThrow();
    assertEquals(ErrorCode.INVALID, refusal(recover(stranger)));
    up.remove(behind);
    assertEquals(ErrorCode.NODES_DOWN, refusal(recover(behind)));
    assertEquals(ErrorCode.NODES_DOWN, refusal(recover(first)));
  }

  @Test
  void anEmptyReplicaIsPlacedWhereNobodyLives() {
    gone(first);
    gone(second);
    gone(behind);
    assertInstanceOf(Reply.Volume.class, recover(0));
    Replica placed = chunk().replicas().getLast();
    assertEquals(ReplicaState.IN_SYNC, placed.state());
    assertTrue(up.contains(placed.nodeId()));
    assertEquals(1, chunk().inSyncCount());
    assertEquals(placed.nodeId(), chunk().loss().sourceNodeId());
  }

  @Test
  void theGenerationAndTheEpochAreComparedAndItIsAllOrNothing() {
    gone(first);
    gone(second);
    apply(new Command.AllocateChunks(1, 1, 0, List.of(1), ""));
    Choice good = new Choice(0, 0, chunk().epoch(), behind, ReplicaCondition.COMPLETE, 1);
    Choice whole = new Choice(0, 1, 1, 3, ReplicaCondition.COMPLETE, 1);
    Choice old = new Choice(0, 0, chunk().epoch() - 1, behind, ReplicaCondition.COMPLETE, 1);
    assertEquals(
        ErrorCode.STALE_GENERATION,
        refusal(apply(new Command.RecoverVolume("v", 2, 1, List.of(good)))));
    assertEquals(
        ErrorCode.STALE_EPOCH, refusal(apply(new Command.RecoverVolume("v", 1, 1, List.of(old)))));
    assertInstanceOf(
        Reply.Refused.class, apply(new Command.RecoverVolume("v", 1, 1, List.of(good, whole))));
    assertInstanceOf(
        Reply.Refused.class, apply(new Command.RecoverVolume("v", 1, 1, List.of(good, good))));
    assertInstanceOf(Reply.Refused.class, apply(new Command.RecoverVolume("v", 1, 1, List.of())));
    assertInstanceOf(
        Reply.Refused.class, apply(new Command.RecoverVolume("none", 1, 1, List.of(good))));
    assertNull(chunk().loss());
  }

  @Test
  void lossesNameWhoIsGoneWhoMayComeBackAndWhatIsLeft() {
    assertNull(lost(List.of()));
    gone(first);
    assertNull(lost(List.of()), "the second one has everything");
    up.remove(second);
    assertEquals(List.of(second), lost(List.of()).mayReturnNodes());
    gone(second);
    Reply.LostChunk found = lost(List.of());
    assertEquals(List.of(first, second), found.lostNodes());
    assertEquals(List.of(behind), found.unseenNodes());
    found = lost(List.of(look(behind, ReplicaCondition.PARTIAL, 9)));
    assertTrue(found.unseenNodes().isEmpty() && found.mayReturnNodes().isEmpty());
    assertEquals(behind, found.living().getFirst().nodeId());
    ReplicaLook old = new ReplicaLook(0, 0, 1, behind, ReplicaCondition.COMPLETE, 9);
    assertEquals(List.of(behind), lost(List.of(old)).unseenNodes(), "of another epoch");
  }

  @Test
  void oneWithoutGapsIsBetterThanOneThatGoesFurther() {
    gone(first);
    gone(second);
    apply(
        new Command.PlaceReplicas(1, 1, 0, List.of(new Command.PlaceReplicas.Placing(0, 0, 2, 0))));
    long placed = chunk().replicas().getLast().nodeId();
    Reply.LostChunk found =
        lost(
            List.of(
                look(placed, ReplicaCondition.PARTIAL, 100),
                look(behind, ReplicaCondition.COMPLETE, 50)));
    assertEquals(behind, found.living().getFirst().nodeId());
    found =
        lost(
            List.of(
                look(placed, ReplicaCondition.PARTIAL, 100),
                look(behind, ReplicaCondition.EMPTY, 0)));
    assertEquals(placed, found.living().getFirst().nodeId());
  }

  @Test
  void anInSyncReplicaWithGapsDoesNotCountAsOneToGoOnFrom() {
    gone(first);
    assertNull(lost(List.of(look(second, ReplicaCondition.COMPLETE, 9))));
    Reply.LostChunk found = lost(List.of(look(second, ReplicaCondition.PARTIAL, 9)));
    assertEquals(List.of(first), found.lostNodes());
    assertInstanceOf(Reply.Volume.class, recover(second));
    assertEquals(1, chunk().inSyncCount());
  }

  @Test
  void inSyncReplicasThatWereSeenShortAreSetAsideThoughTheirNodesLive() {
    List<ReplicaLook> looks =
        List.of(look(first, ReplicaCondition.EMPTY, 0), look(second, ReplicaCondition.PARTIAL, 9));
    assertNull(lost(List.of()));
    assertEquals(List.of(behind), lost(looks).unseenNodes());
    looks = List.of(looks.get(0), looks.get(1), look(behind, ReplicaCondition.COMPLETE, 8));
    Reply.LostChunk found = lost(looks);
    assertEquals(List.of(first, second), found.shortNodes());
    assertTrue(found.mayBeGivenUp());
    assertEquals(1, shown(looks).losses().lostChunks());
    assertEquals(1, shown(looks).health().unavailable());
    Choice choice = found.bestChoice();
    assertEquals(behind, choice.nodeId());
    Command.RecoverVolume now = new Command.RecoverVolume("v", 1, 1, List.of(choice));
    assertNull(LossQueries.whoIsNotShort(machine.state(), now, up::contains, looks));
    assertEquals(
        "no gateway says now that the replica of chunk 0 on node "
            + first
            + " does not hold everything: look again",
        LossQueries.whoIsNotShort(machine.state(), now, up::contains, List.of()));
    assertEquals(ErrorCode.IN_USE, refusal(recover(choice)), "below level 3 nobody is set aside");
    apply(new Command.RaiseLevel(Release.LEVEL_OF_LOSSES));
    Choice oneOnly = choice(ReplicaCondition.COMPLETE, behind, first);
    assertEquals(ErrorCode.IN_USE, refusal(recover(oneOnly)), "the other one was not named");
    assertInstanceOf(Reply.Volume.class, recover(choice));
    assertEquals(
        List.of(
            new Replica(first, ReplicaState.SYNCING),
            new Replica(second, ReplicaState.SYNCING),
            new Replica(behind, ReplicaState.IN_SYNC)),
        chunk().replicas());
    assertTrue(chunk().loss().lostNodes().isEmpty());
  }

  @Test
  void whatIsOnFailedDevicesOfNodesThatLiveIsGivenUpUnlessOneIsGoodAgain() {
    apply(new Command.RaiseLevel(Release.level()));
    failed.addAll(List.of(first, second, behind));
    Reply.LostChunk found = lost(List.of());
    assertEquals(List.of(first, second), found.outNodes());
    assertEquals(List.of(first, second), found.shortNodes());
    assertEquals(1, shown(List.of()).losses().lostChunks());
    assertTrue(found.mayBeGivenUp());
    Choice choice = found.bestChoice();
    assertEquals(0, choice.nodeId(), "no replica can be reached");
    failed.remove(second);
    assertEquals(ErrorCode.IN_USE, refusal(recover(choice)));
    assertNull(lost(List.of()), "it serves again");
    failed.add(second);
    assertEquals(
        ErrorCode.NODES_DOWN,
        refusal(recover(choice(ReplicaCondition.COMPLETE, behind, first, second))));
    assertInstanceOf(Reply.Volume.class, recover(choice));
    assertEquals(1, chunk().inSyncCount());
    assertFalse(failed.contains(chunk().replicas().getLast().nodeId()));
  }

  @Test
  void aReplicaThatIsOnlyDownIsNotSetAsideAndItsReturnIsWaitedFor() {
    apply(new Command.RaiseLevel(Release.LEVEL_OF_LOSSES));
    up.remove(first);
    Reply.LostChunk found = lost(List.of(look(second, ReplicaCondition.EMPTY, 0)));
    assertEquals(List.of(first), found.mayReturnNodes());
    assertFalse(found.mayBeGivenUp());
    Choice hasty = choice(ReplicaCondition.COMPLETE, behind, first, second);
    assertEquals(ErrorCode.IN_USE, refusal(recover(hasty)));
    assertEquals(0, shown(List.of()).losses().lostChunks());
  }

  @Test
  void aChunkOfWhichNothingIsLeftIsAsYoungAsANewOne() {
    apply(new Command.RaiseLevel(Release.LEVEL_OF_LOSSES));
    apply(new Command.AllocateChunks(1, 1, 0, List.of(1, 2), ""));
    assertEquals(0, chunk().chunksBefore());
    assertEquals(3, chunksHad());
    gone(first);
    gone(second);
    assertInstanceOf(Reply.Volume.class, recover(choice(ReplicaCondition.EMPTY, behind)));
    assertEquals(3, chunk().chunksBefore(), "younger than any loss of a device before");
    assertEquals(4, chunksHad(), "and older than any that comes");
    apply(new Command.AcquireVolume("v", "owner", 2, "h:1", -1));
    long generation = machine.state().volume("v").generation();
    apply(new Command.AllocateChunks(1, generation, 0, List.of(3), ""));
    assertEquals(4, machine.state().chunk(1, 0, 3).chunksBefore());
  }

  private long chunksHad() {
    Reply.ChunkCounts counts = (Reply.ChunkCounts) MetadataQueries.chunkCounts(machine.state());
    return counts.volumes().getFirst().chunks();
  }

  @Test
  void goldenBytesStayAndARecordWithoutALossIsUnderstood() {
    gone(first);
    gone(second);
    recover(behind);
    String json = new String(Codec.encode(chunk()), StandardCharsets.UTF_8);
    assertTrue(
        json.contains(
            "\"loss\":{\"atMillis\":1234,\"condition\":\"COMPLETE\",\"epoch\":2,\"lostNodes\":["
                + first
                + ","
                + second
                + "],\"sourceNodeId\":"
                + behind
                + ",\"version\":77}"),
        json);
    Command command =
        new Command.RecoverVolume(
            "v", 3, 5, List.of(new Choice(0, 1, 2, 4, ReplicaCondition.EMPTY, 0)));
    assertEquals(
        "\u0001{\"is\":\"RecoverVolume\",\"atMillis\":5,\"choices\":[{\"condition\":\"EMPTY\","
            + "\"expectedEpoch\":2,\"index\":1,\"layer\":0,\"nodeId\":4,\"version\":0}],"
            + "\"generation\":3,\"name\":\"v\"}",
        new String(Codec.encode(command), StandardCharsets.UTF_8));
    Command setAside =
        new Command.RecoverVolume(
            "v", 3, 5, List.of(new Choice(0, 1, 2, 4, ReplicaCondition.EMPTY, 0, List.of(4L, 6L))));
    assertTrue(
        new String(Codec.encode(setAside), StandardCharsets.UTF_8)
            .contains("\"nodeId\":4,\"shortNodes\":[4,6],\"version\":0"));
    assertEquals(setAside, Codec.decode(Codec.encode(setAside), Command.class));
    ChunkRecord plain = new ChunkRecord(1, 0, 0, 1, List.of());
    assertFalse(new String(Codec.encode(plain), StandardCharsets.UTF_8).contains("loss"));
  }
}
