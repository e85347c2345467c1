package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.LossQueries;
import io.cairn.metadata.machine.MetadataQueries;
import io.cairn.metadata.machine.Reach;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.storage.wire.MessageType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The in-sync replicas of a chunk are gone for good, and an operator goes on with what is left. */
class LostChunksTest {
  private static final int BLOCK = 4096;

  private final SessionWorld world = new SessionWorld(5, 3, 2);
  private VolumeSession session;
  private Node behind;
  private Node first;
  private Node second;

  private Node node(int place) {
    return world.nodes.get((int) world.record(0).replicas().get(place).nodeId() - 1);
  }

  private void write(int block, int content) {
    Answer answer = world.write(session, (long) block * BLOCK, SessionWorld.bytes(BLOCK, content));
    world.await(() -> answer.done);
    assertTrue(answer.ok());
  }

  private void holds(int block, byte[] content) {
    Answer read = world.read(session, (long) block * BLOCK, BLOCK);
    world.await(() -> read.done);
    assertTrue(read.ok());
    assertArrayEquals(content, read.bytes, "block " + block);
  }

  private void tellOfNodes() {
    session.onNodes(
        world.metadata.state().nodes(),
        List.of(),
        failed.stream().map(node -> new Reply.NodeShard(node, 0)).toList(),
        world.nowNanos);
  }

  private void lose(Node node) {
    node.kill();
    world.order(new Command.DrainNode(node.id, Departure.FORCED));
  }

  /** Block 0 is everywhere; block 1 only where it is in sync, and these nodes die for good. */
  private void twoAreLostAndOneIsBehind() {
    thirdMissesAWrite();
    lose(node(0));
    lose(node(1));
    behind.start();
  }

  /** At the one that is behind, if one is: others that are placed for the lost are seen as well. */
  private ReplicaLook awaitLook() {
    tellOfNodes();
    world.await(() -> looks().stream().anyMatch(this::isAwaited));
    return looks().stream().filter(this::isAwaited).findFirst().orElseThrow();
  }

  private boolean isAwaited(ReplicaLook look) {
    return behind == null || look.nodeId() == behind.id;
  }

  private void recover(long nodeId) {
    world.order(
        new Command.RecoverVolume(
            "vol",
            session.generation(),
            1,
            List.of(
                new Command.RecoverVolume.Choice(
                    0, 0, world.record(0).epoch(), nodeId, ReplicaCondition.COMPLETE, 0))));
  }

  private void goesOn(byte[] blockOne) {
    VolumeSession before = session;
    world.await(before::isOver);
    assertTrue(before.isFenced());
    session = world.attach("b");
    tellOfNodes();
    holds(0, SessionWorld.bytes(BLOCK, 10));
    holds(1, blockOne);
    write(2, 12);
    world.await(() -> isWhole(world.record(0)));
    holds(1, blockOne);
    holds(2, SessionWorld.bytes(BLOCK, 12));
  }

  private static boolean isWhole(ChunkRecord record) {
    return record.inSyncCount() == 3 && record.replicas().size() == 3;
  }

  private void thirdMissesAWrite() {
    session = world.attach("a");
    write(0, 10);
    behind = node(2);
    behind.kill();
    write(1, 11);
    world.await(() -> world.record(0).inSyncCount() == 2);
  }

  @Test
  void theReplicaThatIsBehindIsSeenAndGoesOnAndOthersCatchUpFromIt() {
    twoAreLostAndOneIsBehind();
    ReplicaLook look = awaitLook();
    assertEquals(behind.id, look.nodeId());
    assertEquals(ReplicaCondition.COMPLETE, look.condition());
    recover(behind.id);
    goesOn(new byte[BLOCK]);
  }

  @Test
  void anOwnerThatComesAfterTheLossSeesTheSame() {
    twoAreLostAndOneIsBehind();
    session.abandon(world.nowNanos);
    session = world.attach("c");
    assertEquals(behind.id, awaitLook().nodeId());
    recover(behind.id);
    goesOn(new byte[BLOCK]);
  }

  @Test
  void aReplicaThatHadJustCaughtUpWhenTheOthersWereLostIsSeenAsWhole() {
    thirdMissesAWrite();
    Node first = node(0);
    Node second = node(1);
    first.kill();
    session.abandon(world.nowNanos);
    session = world.attach("c");
    opens();
    behind.start();
    world.run(SessionWorld.SECOND);
    // It catches up as the first one seems lost, which comes back and is not compared yet.
    behind.syncPaused = true;
    world.run(3 * SessionWorld.SECOND);
    first.deafTo = MessageType.OPEN;
    first.start();
    world.run(SessionWorld.SECOND / 2);
    behind.resumeSync();
    world.run(SessionWorld.SECOND / 4);
    assertEquals(2, world.record(0).inSyncCount());
    lose(first);
    lose(second);
    ReplicaLook look = awaitLook();
    assertEquals(behind.id, look.nodeId());
    assertEquals(ReplicaCondition.COMPLETE, look.condition());
    recover(behind.id);
    goesOn(SessionWorld.bytes(BLOCK, 11));
  }

  @Test
  void aReplicaThatWasCatchingUpStandsWithItsGapsUnderAVersionOfItsOwn() {
    thirdMissesAWrite();
    Node first = node(0);
    Node second = node(1);
    // It begins to catch up, and nobody answers it.
    first.deafTo = MessageType.VERSIONS;
    second.deafTo = MessageType.VERSIONS;
    behind.start();
    world.run(2 * SessionWorld.SECOND);
    lose(first);
    lose(second);
    ReplicaLook look = awaitLook();
    assertEquals(ReplicaCondition.PARTIAL, look.condition());
    recover(behind.id);
    goesOn(new byte[BLOCK]);
    // One of the lost comes back all the same, at the version that the gaps had: it is compared.
    first.deafTo = 0;
    world.order(new Command.DrainNode(first.id, null));
    first.start();
    tellOfNodes();
    world.run(3 * SessionWorld.SECOND);
    holds(1, new byte[BLOCK]);
  }

  @Test
  void aChunkThatNobodyHasComesBackAsZeroes() {
    session = world.attach("a");
    write(0, 10);
    // Else the owner itself still had what was written.
    Answer flush = world.flush(session);
    world.await(() -> flush.done);
    world.run(SessionWorld.SECOND);
    List<Replica> replicas = world.record(0).replicas();
    for (Replica replica : replicas) {
      lose(world.nodes.get((int) replica.nodeId() - 1));
    }
    // The owner places new replicas, for which there is nobody to catch up from.
    ReplicaLook look = awaitLook();
    assertEquals(ReplicaCondition.EMPTY, look.condition());
    recover(look.nodeId());
    world.await(session::isOver);
    session = world.attach("b");
    tellOfNodes();
    holds(0, new byte[BLOCK]);
    write(0, 13);
    world.await(() -> world.record(0).inSyncCount() == 2 && world.record(0).replicas().size() == 2);
    holds(0, SessionWorld.bytes(BLOCK, 13));
  }

  @Test
  void nothingIsLostWhileTheNodesMayComeBack() {
    session = world.attach("a");
    write(0, 10);
    node(0).kill();
    node(1).kill();
    node(2).kill();
    tellOfNodes();
    world.run(5 * SessionWorld.SECOND);
    assertTrue(session.mending().looksAtLostChunks(world.nowNanos).isEmpty());
    assertTrue(!session.isOver());
    world.nodes.stream().filter(node -> !node.up).toList().forEach(Node::start);
    holds(0, SessionWorld.bytes(BLOCK, 10));
  }

  /** What an operator is told, and does with it. */
  private void recoverWhatIsLeft(ReplicaCondition best) {
    tellOfNodes();
    world.await(() -> losses().size() == 1 && losses().getFirst().mayBeGivenUp());
    Reply.LostChunk lost = losses().getFirst();
    assertEquals(best, lost.living().getFirst().condition());
    assertEquals(1, shown().losses().lostChunks());
    assertEquals(1, shown().health().unavailable());
    world.order(
        new Command.RecoverVolume("vol", session.generation(), 1, List.of(lost.bestChoice())));
    world.await(session::isOver);
    session = world.attach("b");
    tellOfNodes();
  }

  private List<Reply.LostChunk> losses() {
    Reply reply = LossQueries.losses(world.metadata.state(), "vol", reach, looks());
    return ((Reply.Losses) reply).chunks();
  }

  private Reply.Volume shown() {
    return (Reply.Volume) MetadataQueries.volume(world.metadata.state(), "vol", reach, looks());
  }

  private List<ReplicaLook> looks() {
    return session.mending().looksAtLostChunks(world.nowNanos);
  }

  /** Nodes whose devices have been out of service for too long. */
  private final List<Long> failed = new ArrayList<>();

  private final Reach reach =
      new Reach() {
        @Override
        public boolean isUp(long nodeId) {
          return world.nodes.get((int) nodeId - 1).up;
        }

        @Override
        public List<Integer> shardsOut(long nodeId) {
          return world.nodes.get((int) nodeId - 1).out ? List.of(0) : List.of();
        }

        @Override
        public List<Integer> shardsAway(long nodeId) {
          return failed.contains(nodeId) ? shardsOut(nodeId) : List.of();
        }
      };

  /** Block 1 is in sync on two nodes only, which live, and their devices fail. */
  private void bothInSyncAreOnFailedDevices() {
    thirdMissesAWrite();
    // Else the owner itself still had what was written.
    Answer flush = world.flush(session);
    world.await(() -> flush.done);
    world.run(SessionWorld.SECOND);
    first = node(0);
    second = node(1);
    first.out(true);
    second.out(true);
    behind.start();
    tellOfNodes();
    world.run(5 * SessionWorld.SECOND);
  }

  private void hearsThatBothAreGone() {
    failed.addAll(List.of(first.id, second.id));
    tellOfNodes();
  }

  @Test
  void theLastInSyncAreOnFailedDevicesOfNodesThatLive() {
    bothInSyncAreOnFailedDevices();
    assertEquals(1, shown().health().unavailable());
    assertEquals(0, shown().losses().lostChunks(), "the devices may come back");
    assertEquals(Set.of(first.id, second.id), Set.copyOf(losses().getFirst().mayReturnNodes()));
    assertEquals(Set.of(first.id, second.id), Set.copyOf(losses().getFirst().outNodes()));
    Answer read = world.read(session, BLOCK, BLOCK);
    world.run(5 * SessionWorld.SECOND);
    assertTrue(!read.done, "nobody invents anything");
    hearsThatBothAreGone();
    recoverWhatIsLeft(ReplicaCondition.COMPLETE);
    holds(0, SessionWorld.bytes(BLOCK, 10));
    holds(1, new byte[BLOCK]);
    write(2, 12);
    world.await(() -> isWhole(world.record(0)));
    // One of them is good again after all: it stands for nothing any more.
    first.out(false);
    failed.clear();
    tellOfNodes();
    world.run(3 * SessionWorld.SECOND);
    holds(1, new byte[BLOCK]);
    holds(2, SessionWorld.bytes(BLOCK, 12));
  }

  @Test
  void aFailedDeviceThatIsGoodAgainIsGoneOnFromWhateverWasSeenMeanwhile() {
    bothInSyncAreOnFailedDevices();
    hearsThatBothAreGone();
    world.await(() -> losses().size() == 1 && losses().getFirst().mayBeGivenUp());
    Command.RecoverVolume late =
        new Command.RecoverVolume(
            "vol", session.generation(), 1, List.of(losses().getFirst().bestChoice()));
    first.out(false);
    failed.clear();
    assertTrue(LossQueries.whoIsNotShort(world.metadata.state(), late, reach, looks()) != null);
    second.out(false);
    tellOfNodes();
    holds(1, SessionWorld.bytes(BLOCK, 11));
    write(2, 12);
    world.await(() -> isWhole(world.record(0)));
    assertEquals(0, losses().size());
  }

  /** It would serve, and take writes, on replicas that nobody counts any more. */
  @Test
  void anOwnerThatCannotHearOfTheDecisionDoesNotGoOnFromWhatWasGivenUp() {
    bothInSyncAreOnFailedDevices();
    hearsThatBothAreGone();
    world.await(() -> losses().size() == 1 && losses().getFirst().mayBeGivenUp());
    VolumeSession old = session;
    world.cutFromMetadata = "a";
    world.order(
        new Command.RecoverVolume(
            "vol", old.generation(), 1, List.of(losses().getFirst().bestChoice())));
    first.out(false);
    second.out(false);
    failed.clear();
    Answer read = world.read(old, BLOCK, BLOCK);
    Answer write = world.write(old, 3 * BLOCK, SessionWorld.bytes(BLOCK, 14));
    world.run(5 * SessionWorld.SECOND);
    assertTrue(!read.done && !write.done);
    world.cutFromMetadata = "";
    world.await(old::isOver);
    assertTrue(old.isFenced());
    session = world.attach("b");
    tellOfNodes();
    holds(1, new byte[BLOCK]);
    holds(3, new byte[BLOCK]);
  }

  /** The same where nobody has told the old owner that anything is out of service. */
  @Test
  void anOwnerThatOnlyFoundNobodyInSyncDoesNotGoOnEither() {
    bothInSyncAreOnFailedDevices();
    VolumeSession old = session;
    world.cutFromMetadata = "a";
    Answer before = world.read(old, BLOCK, BLOCK);
    world.run(5 * SessionWorld.SECOND);
    first.out(false);
    second.out(false);
    world.run(5 * SessionWorld.SECOND);
    assertTrue(!before.done, "the metadata cannot be asked whether anybody was chosen");
    world.cutFromMetadata = "";
    world.await(() -> before.done);
    assertArrayEquals(SessionWorld.bytes(BLOCK, 11), before.bytes);
  }

  @Test
  void allDevicesHaveFailedAndNothingIsLeft() {
    session = world.attach("a");
    write(0, 10);
    Answer flush = world.flush(session);
    world.await(() -> flush.done);
    world.run(SessionWorld.SECOND);
    for (Replica replica : world.record(0).replicas()) {
      world.nodes.get((int) replica.nodeId() - 1).out(true);
      failed.add(replica.nodeId());
    }
    // The owner places new replicas, for which there is nobody to catch up from.
    awaitLook();
    recoverWhatIsLeft(ReplicaCondition.EMPTY);
    holds(0, new byte[BLOCK]);
    write(0, 13);
    holds(0, SessionWorld.bytes(BLOCK, 13));
  }

  /** The session asks for the chunk, so that somebody looks at it. */
  private void opens() {
    world.read(session, 0, BLOCK);
  }

  @Test
  void whatIsLeftIsAShardThatBeganAnewAndItBeginsAnewWithIt() {
    twoAreLostAndOneIsBehind();
    behind.replaceDevice();
    behind.start();
    recoverWhatIsLeft(ReplicaCondition.EMPTY);
    holds(0, new byte[BLOCK]);
    write(2, 12);
    world.await(() -> isWhole(world.record(0)));
    holds(2, SessionWorld.bytes(BLOCK, 12));
  }

  @Test
  void whatBeganAnewIsLostAgainWhenItsDeviceIsReplacedAgain() {
    whatIsLeftIsAShardThatBeganAnewAndItBeginsAnewWithIt();
    Answer flush = world.flush(session);
    world.await(() -> flush.done);
    session.abandon(world.nowNanos);
    List<Replica> replicas = world.record(0).replicas();
    Node kept = world.nodes.get((int) replicas.get(0).nodeId() - 1);
    for (Replica replica : replicas) {
      Node node = world.nodes.get((int) replica.nodeId() - 1);
      if (node != kept) {
        node.replaceDevice();
        node.start();
      }
    }
    kept.kill();
    session = world.attach("c");
    tellOfNodes();
    Answer read = world.read(session, 2 * BLOCK, BLOCK);
    world.run(5 * SessionWorld.SECOND);
    assertTrue(!read.done, "an empty device does not stand for a chunk that has contents");
    kept.start();
    world.await(() -> read.done);
    assertArrayEquals(SessionWorld.bytes(BLOCK, 12), read.bytes);
    world.await(() -> isWhole(world.record(0)));
  }

  @Test
  void oneInSyncIsGoneForGoodAndTheOthersBeganAnewOnEmptyDevices() {
    session = world.attach("a");
    write(0, 10);
    session.abandon(world.nowNanos);
    Node first = node(0);
    Node second = node(1);
    Node third = node(2);
    lose(first);
    second.replaceDevice();
    third.replaceDevice();
    second.start();
    third.start();
    session = world.attach("a2");
    opens();
    recoverWhatIsLeft(ReplicaCondition.EMPTY);
    holds(0, new byte[BLOCK]);
    write(2, 12);
    world.await(() -> isWhole(world.record(0)));
  }

  @Test
  void allDevicesWereReplacedAndNobodyIsGone() {
    session = world.attach("a");
    write(0, 10);
    session.abandon(world.nowNanos);
    List<Node> holders = List.of(node(0), node(1), node(2));
    holders.forEach(Node::replaceDevice);
    holders.forEach(Node::start);
    session = world.attach("a2");
    opens();
    recoverWhatIsLeft(ReplicaCondition.EMPTY);
    holds(0, new byte[BLOCK]);
    write(2, 12);
    world.await(() -> isWhole(world.record(0)));
  }

  @Test
  void theLongestIsLostWhileTheOthersInSyncCatchUpFromIt() {
    session = world.attach("a");
    write(0, 10);
    Node first = node(0);
    Node second = node(1);
    Node third = node(2);
    second.deafTo = SessionWorld.WRITES;
    third.deafTo = SessionWorld.WRITES;
    world.write(session, BLOCK, SessionWorld.bytes(BLOCK, 11));
    world.run(100 * SessionWorld.MILLI);
    session.abandon(world.nowNanos);
    second.deafTo = 0;
    third.deafTo = 0;
    first.deafTo = MessageType.VERSIONS;
    session = world.attach("a2");
    opens();
    world.run(SessionWorld.SECOND);
    lose(first);
    recoverWhatIsLeft(ReplicaCondition.PARTIAL);
    holds(0, SessionWorld.bytes(BLOCK, 10));
    holds(1, new byte[BLOCK]);
    write(2, 12);
    world.await(() -> isWhole(world.record(0)));
  }

  @Test
  void theOnlyOneInSyncLosesItsDeviceWhileItsOwnerLives() {
    SessionWorld pairs = new SessionWorld(2, 2, 1);
    session = pairs.attach("a");
    Answer first = pairs.write(session, 0, SessionWorld.bytes(BLOCK, 10));
    pairs.await(() -> first.done);
    Node left = pairs.nodes.get(0);
    Node kept = pairs.nodes.get(1);
    left.kill();
    Answer second = pairs.write(session, BLOCK, SessionWorld.bytes(BLOCK, 11));
    Answer flush = pairs.flush(session);
    pairs.await(() -> second.done && flush.done);
    pairs.run(SessionWorld.SECOND);
    kept.replaceDevice();
    kept.start();
    left.start();
    pairs.await(() -> session.mending().looksAtLostChunks(pairs.nowNanos).size() == 2);
    List<ReplicaLook> seen = session.mending().looksAtLostChunks(pairs.nowNanos);
    Reply losses = LossQueries.losses(pairs.metadata.state(), "vol", node -> true, seen);
    Reply.LostChunk lost = ((Reply.Losses) losses).chunks().getFirst();
    assertEquals(left.id, lost.living().getFirst().nodeId());
    assertEquals(List.of(kept.id), lost.shortNodes());
    pairs.order(
        new Command.RecoverVolume("vol", session.generation(), 1, List.of(lost.bestChoice())));
    pairs.await(session::isOver);
    session = pairs.attach("b");
    Answer read = pairs.read(session, 0, BLOCK);
    pairs.await(() -> read.done);
    assertArrayEquals(SessionWorld.bytes(BLOCK, 10), read.bytes);
    pairs.await(() -> pairs.record(0).inSyncCount() == 2);
  }

  @Test
  void chunksThatAreLostDoNotHoldUpTheOthers() {
    session = world.attach("a");
    for (int chunk = 0; chunk < 20; chunk++) {
      write(chunk * (SessionWorld.CHUNK_BYTES / BLOCK), 20 + chunk);
    }
    Node first = node(0);
    Node second = node(1);
    Node third = node(2);
    third.kill();
    write(0, 11);
    world.await(() -> world.record(0).inSyncCount() == 2);
    lose(first);
    lose(second);
    third.start();
    tellOfNodes();
    world.await(
        () -> {
          for (int chunk = 0; chunk < 20; chunk++) {
            ChunkRecord record = world.record(chunk);
            boolean isLost =
                record.replicas().stream()
                    .filter(r -> r.state() == ReplicaState.IN_SYNC)
                    .allMatch(r -> r.nodeId() == first.id || r.nodeId() == second.id);
            if (!isLost && !isWhole(record)) {
              return false;
            }
          }
          return true;
        });
  }
}
