package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.model.Departure;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A replica catches up from others of which some cannot read some blocks. */
class UnreadableSourcesTest {
  private static final int BLOCK = 4096;
  private static final int BLOCKS = 8;

  private final SessionWorld world = new SessionWorld(3, 3, 2);
  private VolumeSession session;
  private Node first;
  private Node second;
  private Node joiner;

  /** Eight blocks are everywhere and durable; then one node loses its device. */
  private void oneBeginsAnew() {
    session = world.attach("a");
    for (int block = 0; block < BLOCKS; block++) {
      write(block, 10 + block);
    }
    Answer flush = world.flush(session);
    world.await(() -> flush.done);
    first = world.nodes.get(0);
    second = world.nodes.get(1);
    joiner = world.nodes.get(2);
    joiner.replaceDevice();
    world.await(() -> world.record(0).inSyncCount() == 2);
  }

  private void write(int block, int content) {
    Answer answer = world.write(session, (long) block * BLOCK, SessionWorld.bytes(BLOCK, content));
    world.await(() -> answer.done);
    assertTrue(answer.ok());
  }

  private void holds(int block) {
    Answer read = world.read(session, (long) block * BLOCK, BLOCK);
    world.await(() -> read.done);
    assertTrue(read.ok(), "block " + block);
    assertArrayEquals(SessionWorld.bytes(BLOCK, 10 + block), read.bytes, "block " + block);
  }

  private boolean isGood(Node node, int block) {
    return node.store.sound(node.store.chunk(0), block);
  }

  @Test
  void eachSourceHasAnotherBadBlockAndTheNewReplicaGetsBoth() {
    oneBeginsAnew();
    first.store.rot(0, 1);
    second.store.rot(0, 2);
    joiner.start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    for (int block = 0; block < BLOCKS; block++) {
      assertTrue(isGood(joiner, block), "block " + block);
      holds(block);
    }
  }

  @Test
  void whileTheChunkOpensTheOtherSourceIsAskedAsWell() {
    oneBeginsAnew();
    session.abandon(world.nowNanos);
    joiner.start();
    session = world.attach("b");
    world.await(() -> world.record(0).inSyncCount() == 3);
    session.abandon(world.nowNanos);
    joiner.replaceDevice();
    joiner.start();
    first.store.rot(0, 1);
    second.store.rot(0, 2);
    session = world.attach("c");
    for (int block = 0; block < BLOCKS; block++) {
      holds(block);
      assertTrue(isGood(joiner, block), "block " + block);
    }
  }

  @Test
  void aBlockThatNobodyCanReadIsAnErrorByItselfAndHoldsUpNothing() {
    oneBeginsAnew();
    first.store.rot(0, 1);
    second.store.rot(0, 1);
    joiner.start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    assertEquals(
        first.store.chunk(0).versions[1], joiner.store.chunk(0).versions[1], "nothing older");
    Answer read = world.read(session, BLOCK, BLOCK);
    world.await(() -> read.done);
    assertFalse(read.ok());
    for (int block = 0; block < BLOCKS; block++) {
      if (block != 1) {
        holds(block);
      }
    }
    world.await(() -> session.counters().badBlocks() == 1);
    write(1, 11);
    holds(1);
    world.run(SessionWorld.SECOND);
    assertTrue(isGood(first, 1) && isGood(second, 1) && isGood(joiner, 1));
  }

  /** It was away for a moment, and alone has a good copy of block 1 when it has caught up. */
  private void onlyOneHasItThatWasAway() {
    oneBeginsAnew();
    joiner.start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    joiner.kill();
    write(2, 12);
    world.await(() -> world.record(0).inSyncCount() == 2);
  }

  private void othersRot() {
    first.store.rot(0, 1);
    second.store.rot(0, 1);
  }

  @Test
  void whoIsInSyncWithoutTheOwnersKnowledgeIsAskedBeforeTheClientHearsOfAnError() {
    onlyOneHasItThatWasAway();
    world.commandAnswersLost = true;
    joiner.start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    othersRot();
    holds(1);
  }

  @Test
  void whoCaughtUpWhileTheMetadataIsAwayIsAskedBeforeTheClientHearsOfAnError() {
    onlyOneHasItThatWasAway();
    world.metadataDown = true;
    joiner.start();
    world.run(3 * SessionWorld.SECOND);
    othersRot();
    holds(1);
    assertEquals(2, world.record(0).inSyncCount());
  }

  @Test
  void whoMayBeInSyncAndCannotBeReachedIsWaitedFor() {
    onlyOneHasItThatWasAway();
    world.commandAnswersLost = true;
    joiner.start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    othersRot();
    joiner.kill();
    Answer read = world.read(session, BLOCK, BLOCK);
    world.run(5 * SessionWorld.SECOND);
    assertFalse(read.done);
    joiner.start();
    world.await(() -> read.done);
    assertTrue(read.ok());
  }

  /** The next owner does not reach one of two that cannot read a block, the one before no other. */
  @Test
  void thatNobodyCanReadABlockIsNotSaidWithoutALeaseAsTheNextOwnerMayHaveMendedIt() {
    SessionWorld pair = new SessionWorld(2, 2, 1);
    session = pair.attach("a");
    Answer written = pair.write(session, 0, SessionWorld.bytes(BLOCK, 10));
    Answer flushed = pair.flush(session);
    pair.await(() -> written.done && flushed.done);
    Node mended = pair.nodes.get(0);
    Node leftBehind = pair.nodes.get(1);
    mended.store.rot(0, 0);
    leftBehind.store.rot(0, 0);
    Answer read = pair.read(session, 0, BLOCK);
    // Both have said so once, and are asked a second time: one says it again.
    pair.run(450_000);
    leftBehind.cut = true;
    pair.run(SessionWorld.SECOND);
    pair.cut("a", mended);
    pair.cut("b", leftBehind);
    pair.cutFromMetadata = "a";
    VolumeSession next = pair.attach("b");
    Answer mending = pair.write(next, 0, SessionWorld.bytes(BLOCK, 11));
    pair.await(() -> mending.done);
    assertTrue(mending.ok());
    // Now the other says it again, too.
    leftBehind.cut = false;
    pair.run(10 * SessionWorld.SECOND);
    assertFalse(read.done);
    pair.cutFromMetadata = "";
    pair.await(() -> read.done);
    assertEquals(VolumeIo.Failure.FENCED, read.failure);
  }

  @Test
  void whoeverMayComeBackIsWaitedForAsItMayHaveTheBlock() {
    oneBeginsAnew();
    first.store.rot(0, 1);
    second.kill();
    joiner.start();
    world.run(40 * SessionWorld.SECOND);
    assertEquals(2, world.record(0).inSyncCount());
    second.start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    assertTrue(isGood(joiner, 1));
    holds(1);
  }

  @Test
  void whoIsGoneForGoodIsNotWaitedFor() {
    oneBeginsAnew();
    first.store.rot(0, 1);
    second.kill();
    world.order(new Command.DrainNode(second.id, Departure.FORCED));
    joiner.start();
    session.onNodes(world.metadata.state().nodes(), List.of(), List.of(), world.nowNanos);
    world.await(() -> world.record(0).inSyncCount() == 2 && world.record(0).replicas().size() == 2);
    assertFalse(isGood(joiner, 1));
    holds(0);
    write(1, 11);
    holds(1);
  }
}
