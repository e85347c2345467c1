package io.cairn.client.volume;

import static io.cairn.client.volume.SessionWorld.CHUNK_BYTES;
import static io.cairn.client.volume.SessionWorld.MILLI;
import static io.cairn.client.volume.SessionWorld.SECOND;
import static io.cairn.client.volume.SessionWorld.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.storage.replication.MemoryStore;
import org.junit.jupiter.api.Test;

class VolumeSessionTest {
  private SessionWorld world = new SessionWorld(3, 3, 2);

  private void done(Answer answer) {
    world.await(() -> answer.done);
    assertTrue(answer.ok(), () -> "failed with " + answer.failure);
  }

  private void assertReads(VolumeSession session, long offset, byte[] expected) {
    Answer read = world.read(session, offset, expected.length);
    done(read);
    assertArrayEquals(expected, read.bytes);
  }

  private void assertReplicasEqual(int index) {
    for (Node node : world.nodes) {
      MemoryStore.Chunk first = world.nodes.get(0).store.chunk(index);
      MemoryStore.Chunk chunk = node.store.chunk(index);
      assertArrayEquals(first.versions, chunk.versions);
      assertEquals(first.lastVersion, chunk.lastVersion);
      assertFalse(chunk.syncing);
    }
  }

  @Test
  void whatWasWrittenIsReadAtAnyOffsetAndAcrossChunks() {
    VolumeSession session = world.attach("a");
    byte[] data = bytes(3 * CHUNK_BYTES, 1);
    done(world.write(session, CHUNK_BYTES - 777, data));
    assertReads(session, CHUNK_BYTES - 777, data);
    assertReads(session, 40L * CHUNK_BYTES, new byte[12345]);
  }

  @Test
  void partialWritesToOneBlockAtTheSameTimeAllCount() {
    VolumeSession session = world.attach("a");
    byte[] expected = new byte[4096];
    Answer[] answers = new Answer[8];
    for (int i = 0; i < 8; i++) {
      byte[] part = bytes(512, i);
      System.arraycopy(part, 0, expected, 512 * i, 512);
      answers[i] = world.write(session, 512L * i, part);
    }
    for (Answer answer : answers) {
      done(answer);
    }
    assertReads(session, 0, expected);
  }

  @Test
  void aReplicaThatIsSilentLeavesTheSetBeforeAWriteWithoutItIsAcknowledged() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(1).cut = true;
    Answer write = world.write(session, 0, bytes(4096, 2));
    world.run(300 * MILLI);
    assertFalse(write.done);
    done(write);
    assertEquals(2, world.record(0).inSyncCount());
    assertReads(session, 0, bytes(4096, 2));
  }

  @Test
  void aReplicaWhoseProcessHasEndedIsNotWaitedFor() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(1).kill();
    Answer write = world.write(session, 0, bytes(4096, 2));
    world.run(100 * MILLI);
    assertTrue(write.done);
    assertEquals(2, world.record(0).inSyncCount());
    assertReads(session, 0, bytes(4096, 2));
  }

  /** As when all nodes of a cluster start at the same time, and one of them a little later. */
  @Test
  void aNodeThatHasNotServedThisOwnerYetHasItsTime() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    world.nodes.get(1).kill();
    VolumeSession session = world.attach("b");
    Answer write = world.write(session, 0, bytes(4096, 2));
    world.run(300 * MILLI);
    assertFalse(write.done);
    assertEquals(3, world.record(0).inSyncCount());
    world.nodes.get(1).start();
    done(write);
    assertEquals(3, world.record(0).inSyncCount());
  }

  @Test
  void belowMinInSyncWritesWaitAndReadsGoOn() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(1).kill();
    world.nodes.get(2).kill();
    Answer write = world.write(session, 8192, bytes(4096, 2));
    world.run(10 * SECOND);
    assertFalse(write.done);
    assertReads(session, 0, bytes(4096, 1));
    world.nodes.get(1).start();
    done(write);
    world.nodes.get(2).start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    world.run(SECOND);
    assertReplicasEqual(0);
  }

  @Test
  void aSessionMendsFromWhenAReplicaIsBackUntilItIsInSync() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(65536, 1)));
    world.nodes.get(1).kill();
    done(world.write(session, 0, bytes(65536, 2)));
    assertEquals(2, world.record(0).inSyncCount());
    assertFalse(session.mending().isMending(), "who is away cannot be mended");
    world.nodes.get(1).start();
    boolean[] mended = new boolean[1];
    world.await(
        () -> {
          mended[0] |= session.mending().isMending();
          return world.record(0).inSyncCount() == 3;
        });
    assertTrue(mended[0]);
    world.run(SECOND);
    assertFalse(session.mending().isMending());
  }

  @Test
  void aHungReplicaIsDemotedAndCatchesUpUnderWrites() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(65536, 1)));
    world.nodes.get(2).cut = true;
    done(world.write(session, 4096, bytes(65536, 2)));
    assertEquals(2, world.record(0).inSyncCount());
    for (int i = 0; i < 50; i++) {
      done(world.write(session, 4096L * i, bytes(8192, i)));
    }
    world.nodes.get(2).cut = false;
    int[] written = new int[1];
    world.await(
        () -> {
          if (written[0]++ % 20 == 0) {
            world.write(session, 4096L * (written[0] % 200), bytes(4096, written[0]));
          }
          return world.record(0).inSyncCount() == 3;
        });
    done(world.flush(session));
    world.run(SECOND);
    assertReplicasEqual(0);
  }

  @Test
  void aLinkThatComesBackInTimeIsResumedWithoutADemotion() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    long epoch = world.record(0).epoch();
    Node node = world.nodes.get(1);
    Answer write = world.write(session, 0, bytes(4096, 2));
    node.kill();
    node.start();
    done(write);
    done(world.flush(session));
    assertEquals(epoch, world.record(0).epoch());
    assertReplicasEqual(0);
  }

  @Test
  void aPowerLossOfAllNodesLosesNothingAcknowledgedWhileTheGatewayLives() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 0)));
    done(world.flush(session));
    for (Node node : world.nodes) {
      node.syncPaused = true;
    }
    for (int i = 0; i < 10; i++) {
      done(world.write(session, 4096L * i, bytes(4096, 100 + i)));
    }
    for (Node node : world.nodes) {
      node.losePower();
      node.syncPaused = false;
      node.start();
    }
    done(world.flush(session));
    for (int i = 0; i < 10; i++) {
      assertReads(session, 4096L * i, bytes(4096, 100 + i));
    }
    assertReplicasEqual(0);
  }

  @Test
  void anotherOwnerRollsALongerPrefixForwardBeforeItServes() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    world.nodes.get(1).deafTo = SessionWorld.WRITES;
    world.nodes.get(2).deafTo = SessionWorld.WRITES;
    Answer half = world.write(first, 0, bytes(4096, 2));
    world.run(10 * MILLI);
    assertFalse(half.done);
    VolumeSession second = world.attach("b");
    world.nodes.get(1).deafTo = 0;
    world.nodes.get(2).deafTo = 0;
    assertReads(second, 0, bytes(4096, 2));
    assertReplicasEqual(0);
    world.await(() -> half.done);
    assertEquals(VolumeIo.Failure.FENCED, half.failure);
    assertTrue(first.isFenced());
    assertEquals(3, world.record(0).inSyncCount());
  }

  @Test
  void aFencedOwnerNeverServesAStaleReadNorDemotesAnyone() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    world.nodes.get(0).cut = true;
    world.nodes.get(1).cut = true;
    VolumeSession second = world.attach("b");
    world.nodes.get(0).cut = false;
    world.nodes.get(1).cut = false;
    done(world.write(second, 0, bytes(4096, 2)));
    Answer stale = world.read(first, 0, 4096);
    world.await(() -> stale.done);
    assertEquals(VolumeIo.Failure.FENCED, stale.failure);
    world.run(5 * SECOND);
    assertReads(second, 0, bytes(4096, 2));
    assertEquals(3, world.record(0).inSyncCount());
  }

  @Test
  void readsOfWhatIsNotAllocatedNeedALease() {
    VolumeSession first = world.attach("a");
    world.run(10 * SECOND);
    VolumeSession second = world.attach("b");
    done(world.write(second, 0, bytes(4096, 1)));
    Answer stale = world.read(first, 0, 4096);
    world.await(() -> stale.done);
    assertEquals(VolumeIo.Failure.FENCED, stale.failure);
  }

  @Test
  void anOwnerThatReachesOnlyAReplicaThatWasNotFencedDoesNotReadFromIt() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    world.cut("a", world.nodes.get(0));
    world.cut("a", world.nodes.get(1));
    world.cut("b", world.nodes.get(2));
    VolumeSession second = world.attach("b");
    done(world.write(second, 0, bytes(4096, 2)));
    Answer stale = world.read(first, 0, 4096);
    world.run(10 * SECOND);
    assertTrue(!stale.done || stale.failure == VolumeIo.Failure.FENCED);
    assertReads(second, 0, bytes(4096, 2));
  }

  @Test
  void aReplicaThatLostAWriteWithItsPowerCountsAgainOnlyWhenItHoldsItAgain() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    done(world.flush(session));
    Node lossy = world.nodes.get(1);
    Node slow = world.nodes.get(2);
    lossy.syncPaused = true;
    slow.deafTo = SessionWorld.WRITES;
    Answer write = world.write(session, 0, bytes(4096, 2));
    world.run(10 * MILLI);
    lossy.losePower();
    lossy.syncPaused = false;
    lossy.deafTo = SessionWorld.WRITES;
    lossy.start();
    world.run(200 * MILLI);
    slow.deafTo = 0;
    slow.kill();
    slow.start();
    world.run(300 * MILLI);
    assertFalse(write.done);
    lossy.deafTo = 0;
    lossy.kill();
    lossy.start();
    done(write);
    assertReplicasEqual(0);
  }

  @Test
  void aFlushCoversEveryCompletedWrite() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(2).syncPaused = true;
    done(world.write(session, 4096, bytes(4096, 2)));
    Answer flush = world.flush(session);
    world.run(SECOND);
    assertFalse(flush.done);
    world.nodes.get(2).resumeSync();
    done(flush);
    for (Node node : world.nodes) {
      node.losePower();
      assertEquals(2, node.store.chunk(0).lastVersion & 0xFF);
    }
  }

  @Test
  void aForcedUnitAccessWriteIsDurableOnEveryReplicaWhenAnswered() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(1).syncPaused = true;
    Answer write = world.write(session, 0, bytes(4096, 2), true);
    world.run(SECOND);
    assertFalse(write.done);
    world.nodes.get(1).resumeSync();
    done(write);
    for (Node node : world.nodes) {
      node.losePower();
      assertEquals(2, node.store.chunk(0).lastVersion & 0xFF);
    }
  }

  @Test
  void aRottenBlockIsServedByAnotherReplicaAndRepaired() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(3 * 4096, 1)));
    MemoryStore store = world.nodes.get(1).store;
    store.rot(0, 1);
    for (int i = 0; i < 3; i++) {
      assertReads(session, 0, bytes(3 * 4096, 1));
    }
    world.await(() -> store.sound(store.chunk(0), 1));
  }

  /** The first owner may still read the replica that the second took out of the set. */
  @Test
  void anOwnerTwoGenerationsBackDoesNotReadWhatTheThirdOverwrites() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    world.cut("a", world.nodes.get(0));
    world.cut("a", world.nodes.get(1));
    world.cut("b", world.nodes.get(2));
    world.cut("c", world.nodes.get(2));
    VolumeSession second = world.attach("b");
    world.write(second, 0, bytes(4096, 2));
    world.await(() -> world.record(0).inSyncCount() == 2);
    second.abandon(world.nowNanos);
    VolumeSession third = world.attach("c");
    Answer write = world.write(third, 0, bytes(4096, 3));
    world.run(SECOND);
    assertFalse(write.done);
    done(write);
  }

  /** The replica of which the owner does not know that it is in the set is all that is fenced. */
  @Test
  void anOwnerThatMissedTheAnswerToAPromotionDoesNotReadWithoutThePromoted() {
    world = new SessionWorld(2, 2, 1);
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    Node promoted = world.nodes.get(0);
    promoted.kill();
    world.await(() -> world.record(0).inSyncCount() == 1);
    world.run(SECOND);
    world.commandAnswersLost = true;
    promoted.start();
    world.await(() -> world.record(0).inSyncCount() == 2);
    world.cutFromMetadata = "a";
    world.commandAnswersLost = false;
    world.cut("a", promoted);
    world.cut("b", world.nodes.get(1));
    VolumeSession second = world.attach("b");
    done(world.write(second, 0, bytes(4096, 2)));
    Answer stale = world.read(first, 0, 4096);
    world.run(10 * SECOND);
    assertFalse(stale.done);
    world.cutFromMetadata = "";
    world.await(() -> stale.done);
    assertEquals(VolumeIo.Failure.FENCED, stale.failure);
  }

  /** Who releases at once says with it that nobody else is left, and so waits for old leases. */
  @Test
  void aReleaseRightAfterATakeOverWaitsForTheLeaseOfTheOwnerBefore() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    VolumeSession second = world.attach("b");
    second.release(world.nowNanos);
    world.run(SECOND);
    assertFalse(second.isOver());
    world.await(second::isOver);
    assertFalse(second.isFenced());
  }

  @Test
  void metadataIsNotNeededForIo() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.metadataDown = true;
    world.run(10 * SECOND);
    done(world.write(session, 4096, bytes(4096, 2)));
    assertReads(session, 0, bytes(4096, 1));
  }

  @Test
  void trimmedBlocksReadAsZeroesAndCleanReleaseHandsOverAtOnce() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(5 * 4096, 1)));
    done(world.zero(first, 100, 3 * 4096));
    first.release(world.nowNanos);
    world.await(first::isOver);
    assertFalse(first.isFenced());
    VolumeSession second = world.attach("b");
    byte[] expected = bytes(5 * 4096, 1);
    java.util.Arrays.fill(expected, 100, 100 + 3 * 4096, (byte) 0);
    assertReads(second, 0, expected);
  }
}
