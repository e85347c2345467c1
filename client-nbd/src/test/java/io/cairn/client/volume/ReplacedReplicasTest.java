package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Replicas of nodes that leave or are away for too long, placed anew under a writer. */
class ReplacedReplicasTest {
  private static final int BLOCK = 4096;
  private static final int BLOCKS = 16;

  private final SessionWorld world = new SessionWorld(4, 3, 2);
  private VolumeSession session;
  private int written;

  @BeforeEach
  void attach() {
    session = world.attach("a");
    write();
    world.await(() -> world.record(0).inSyncCount() == 3);
  }

  /** One more write of one block, acknowledged. */
  private void write() {
    int number = written++;
    Answer answer =
        world.write(session, (long) number % BLOCKS * BLOCK, SessionWorld.bytes(BLOCK, number));
    world.await(() -> answer.done);
    assertTrue(answer.ok());
  }

  private void allIsThere() {
    for (int number = Math.max(0, written - BLOCKS); number < written; number++) {
      Answer read = world.read(session, (long) number % BLOCKS * BLOCK, BLOCK);
      world.await(() -> read.done);
      assertTrue(read.ok());
      assertArrayEquals(SessionWorld.bytes(BLOCK, number), read.bytes, "write " + number);
    }
  }

  private Set<Long> nodes() {
    Set<Long> nodes = new TreeSet<>();
    for (Replica replica : world.record(0).replicas()) {
      nodes.add(replica.nodeId());
    }
    return nodes;
  }

  private Node node(long nodeId) {
    return world.nodes.get((int) nodeId - 1);
  }

  /** The node that has none of the chunk's replicas. */
  private Node spare() {
    return world.nodes.stream().filter(n -> !nodes().contains(n.id)).findFirst().orElseThrow();
  }

  private void depart(long nodeId, Departure departure) {
    world.order(new Command.DrainNode(nodeId, departure));
  }

  /** A heartbeat's answer. */
  private void hears(Long... away) {
    session.onNodes(world.metadata.state().nodes(), List.of(away), List.of(), world.nowNanos);
  }

  private boolean isWholeWithout(long nodeId) {
    ChunkRecord record = world.record(0);
    return record.replicas().size() == 3 && record.inSyncCount() == 3 && !nodes().contains(nodeId);
  }

  @Test
  void aNodeThatLeavesGivesItsReplicaAwayWhileTheOwnerWritesAndNothingIsEverShort() {
    long leaving = world.record(0).replicas().getFirst().nodeId();
    depart(leaving, Departure.DRAINED);
    hears();
    for (int i = 0; i < 200 && !isWholeWithout(leaving); i++) {
      write();
      assertTrue(world.record(0).inSyncCount() >= 3, "short: " + world.record(0));
      world.run(10 * SessionWorld.MILLI);
    }
    assertTrue(isWholeWithout(leaving), world.record(0).toString());
    for (int i = 0; i < 40; i++) {
      write();
    }
    allIsThere();
    // The new ones hold it all by themselves.
    node(leaving).kill();
    allIsThere();
  }

  private void wishes(long from, long to) {
    session
        .mending()
        .onMovesWanted(List.of(new Reply.WantedMove("v", 0, 0, from, to)), world.nowNanos);
  }

  @Test
  void aReplicaThatIsWishedElsewhereMovesWhileTheOwnerWritesAndNothingIsEverShort() {
    long from = world.record(0).replicas().getFirst().nodeId();
    long to = spare().id;
    hears();
    wishes(from, to);
    for (int i = 0; i < 200 && !isWholeWithout(from); i++) {
      write();
      assertTrue(world.record(0).inSyncCount() >= 3, "short: " + world.record(0));
      world.run(10 * SessionWorld.MILLI);
    }
    assertTrue(isWholeWithout(from), world.record(0).toString());
    assertNull(world.record(0).movesFromNodeId());
    assertEquals(1, session.mending().movesBegun());
    node(from).kill();
    allIsThere();
  }

  @Test
  void aMoveWhoseNewNodeIsAwayForTooLongIsTakenBackAndTheOldReplicaStays() {
    Set<Long> before = nodes();
    long from = world.record(0).replicas().getFirst().nodeId();
    Node to = spare();
    hears();
    wishes(from, to.id);
    world.await(() -> world.record(0).movesFrom(from));
    to.kill();
    world.run(2 * SessionWorld.SECOND);
    assertTrue(world.record(0).movesFrom(from), "it may come back: " + world.record(0));
    write();
    hears(to.id);
    world.await(() -> world.record(0).replicas().size() == 3);
    assertEquals(before, nodes());
    assertEquals(3, world.record(0).inSyncCount());
    assertNull(world.record(0).movesFromNodeId());
    allIsThere();
  }

  @Test
  void theNextOwnerEndsAMove() {
    long from = world.record(0).replicas().getFirst().nodeId();
    hears();
    wishes(from, spare().id);
    world.await(() -> world.record(0).movesFrom(from));
    session = world.attach("b");
    hears();
    write();
    world.await(() -> isWholeWithout(from));
    allIsThere();
  }

  @Test
  void aNodeThatIsAwayForTooLongIsReplacedAndWhatItHoldsLaterIsSurplus() {
    long away = world.record(0).replicas().getFirst().nodeId();
    node(away).kill();
    write();
    world.await(() -> world.record(0).inSyncCount() == 2);
    hears(away);
    world.await(() -> isWholeWithout(away));
    write();
    node(away).start();
    hears();
    world.run(2 * SessionWorld.SECOND);
    assertTrue(isWholeWithout(away));
    allIsThere();
  }

  /** A heartbeat's answer: the only shard of each of these nodes is out of service for long. */
  private void hearsOfShards(Long... nodes) {
    session.onNodes(
        world.metadata.state().nodes(),
        List.of(),
        Arrays.stream(nodes).map(node -> new Reply.NodeShard(node, 0)).toList(),
        world.nowNanos);
  }

  @Test
  void aShardThatIsOutOfServiceForTooLongIsReplacedThoughItsNodeLives() {
    long away = world.record(0).replicas().getFirst().nodeId();
    node(away).out(true);
    write();
    world.await(() -> world.record(0).inSyncCount() == 2);
    hearsOfShards();
    world.run(2 * SessionWorld.SECOND);
    assertTrue(nodes().contains(away), "it may be good again: " + world.record(0));
    hearsOfShards(away);
    world.await(() -> isWholeWithout(away));
    write();
    node(away).out(false);
    hearsOfShards();
    world.run(2 * SessionWorld.SECOND);
    assertTrue(isWholeWithout(away));
    allIsThere();
  }

  @Test
  void aShardThatIsGoodAgainWhileItIsReplacedMakesTheNewReplicaSurplus() {
    long away = world.record(0).replicas().getFirst().nodeId();
    Set<Long> before = nodes();
    Node spare = spare();
    spare.cut = true;
    node(away).out(true);
    write();
    world.await(() -> world.record(0).inSyncCount() == 2);
    hearsOfShards(away);
    world.await(() -> nodes().size() == 4);
    node(away).out(false);
    hearsOfShards();
    world.await(() -> world.record(0).inSyncCount() == 3 && nodes().equals(before));
    spare.cut = false;
    write();
    allIsThere();
  }

  @Test
  void whatNobodyCanTakeIsNotAskedForAgainAndAgain() {
    long away = world.record(0).replicas().getFirst().nodeId();
    node(away).out(true);
    spare().out(true);
    write();
    world.await(() -> world.record(0).inSyncCount() == 2);
    hearsOfShards(away, spare().id);
    world.run(SessionWorld.SECOND);
    long commands = world.commandCount();
    world.run(5 * SessionWorld.SECOND);
    assertEquals(commands, world.commandCount());
    assertTrue(!session.mending().isPlacing());
    spare().out(false);
    hearsOfShards(away);
    world.await(() -> isWholeWithout(away));
    allIsThere();
  }

  @Test
  void aNodeThatComesBackWhileItIsReplacedMakesTheNewReplicaSurplus() {
    long away = world.record(0).replicas().getFirst().nodeId();
    Set<Long> before = nodes();
    Node spare = spare();
    spare.cut = true;
    node(away).kill();
    write();
    world.await(() -> world.record(0).inSyncCount() == 2);
    hears(away);
    world.await(() -> nodes().size() == 4);
    node(away).start();
    hears();
    world.await(() -> world.record(0).inSyncCount() == 3 && nodes().equals(before));
    spare.cut = false;
    write();
    allIsThere();
  }

  @Test
  void aNewReplicaThatLosesPowerBeforeItIsInSyncBeginsAgain() {
    long leaving = world.record(0).replicas().getFirst().nodeId();
    Node spare = spare();
    spare.syncPaused = true;
    depart(leaving, Departure.DRAINED);
    hears();
    world.await(() -> nodes().contains(spare.id));
    write();
    world.run(SessionWorld.SECOND);
    assertEquals(ReplicaState.SYNCING, world.record(0).replicas().getLast().state());
    spare.losePower();
    write();
    spare.syncPaused = false;
    spare.start();
    world.await(() -> isWholeWithout(leaving));
    allIsThere();
  }

  @Test
  void lostAnswersOfTheMetadataPlaceNothingTwice() {
    long leaving = world.record(0).replicas().getFirst().nodeId();
    depart(leaving, Departure.DRAINED);
    world.commandAnswersLost = true;
    hears();
    world.await(() -> nodes().size() == 4);
    world.run(2 * SessionWorld.SECOND);
    assertEquals(4, nodes().size());
    assertTrue(session.mending().isPlacing());
    write();
    world.commandAnswersLost = false;
    world.await(() -> isWholeWithout(leaving));
    allIsThere();
  }

  @Test
  void anotherOwnerInTheMiddleGoesOnWithWhatIsOnRecord() {
    long leaving = world.record(0).replicas().getFirst().nodeId();
    Node spare = spare();
    spare.cut = true;
    depart(leaving, Departure.DRAINED);
    hears();
    world.await(() -> nodes().size() == 4);
    VolumeSession old = session;
    session = world.attach("b");
    spare.cut = false;
    write();
    hears();
    world.await(() -> isWholeWithout(leaving));
    assertTrue(old.isOver());
    allIsThere();
  }

  @Test
  void aDrainThatIsTakenBackLeavesThreeReplicas() {
    long leaving = world.record(0).replicas().getFirst().nodeId();
    depart(leaving, Departure.DRAINED);
    hears();
    world.await(() -> nodes().size() == 4);
    depart(leaving, null);
    hears();
    world.await(() -> nodes().size() == 3 && world.record(0).inSyncCount() == 3);
    world.run(SessionWorld.SECOND);
    assertTrue(!session.mending().isPlacing());
    write();
    allIsThere();
  }

  @Test
  void aDeadNodeThatIsForcedOutLeavesAsManyAsThereAreNodes() {
    long away = world.record(0).replicas().getFirst().nodeId();
    Node spare = spare();
    spare.kill();
    node(away).kill();
    write();
    world.await(() -> world.record(0).inSyncCount() == 2);
    depart(spare.id, Departure.FORCED);
    depart(away, Departure.FORCED);
    hears();
    world.await(() -> nodes().size() == 2);
    write();
    spare.start();
    depart(spare.id, null);
    hears();
    world.await(() -> isWholeWithout(away));
    allIsThere();
  }

  private void keep(int replicas) {
    world.order(new Command.SetVolume("vol", replicas, 0));
    session.onRecord(world.metadata.state().volume("vol"), world.nowNanos);
  }

  @Test
  void aVolumeKeepsMoreReplicasAndFewerUnderAWriter() {
    hears();
    for (int replicas : new int[] {4, 2, 1, 3}) {
      keep(replicas);
      for (int i = 0; i < 200 && nodes().size() != replicas; i++) {
        write();
        world.run(10 * SessionWorld.MILLI);
      }
      world.await(() -> world.record(0).inSyncCount() == replicas);
      assertEquals(replicas, nodes().size());
      write();
      allIsThere();
    }
  }

  @Test
  void anOwnerThatDidNotHearThatFewerAreKeptHearsItFromTheMetadata() {
    long drained = spare().id;
    depart(drained, Departure.DRAINED);
    hears();
    keep(2);
    world.await(() -> nodes().size() == 2);
    world.order(new Command.SetVolume("vol", 3, 0));
    depart(drained, null);
    long leaving = world.record(0).replicas().getFirst().nodeId();
    depart(leaving, Departure.DRAINED);
    hears();
    world.await(() -> nodes().size() == 3 && world.record(0).inSyncCount() == 3);
  }

  @Test
  void replicasThatComeAndGoKeepTheirBitsApart() {
    for (int round = 0; round < 3 * ChunkReplicas.BITS; round++) {
      long leaving = world.record(0).replicas().getFirst().nodeId();
      depart(leaving, Departure.DRAINED);
      hears();
      write();
      world.await(() -> isWholeWithout(leaving));
      depart(leaving, null);
      hears();
      write();
    }
    allIsThere();
  }
}
