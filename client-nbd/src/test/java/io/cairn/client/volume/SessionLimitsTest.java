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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is bounded, what times out, and what can be known of a volume. */
class SessionLimitsTest {
  private final SessionWorld world = new SessionWorld(3, 3, 2);

  private void done(Answer answer) {
    world.await(() -> answer.done);
    assertTrue(answer.ok(), () -> "failed with " + answer.failure);
  }

  private String extents(VolumeSession session, long offset, long length) {
    Answer answer = world.extents(session, offset, length);
    done(answer);
    return answer.text;
  }

  @Test
  void extentsAreKnownByTheBlockAndAcrossChunks() {
    VolumeSession session = world.attach("a");
    assertEquals("512h", extents(session, 0, 2 * CHUNK_BYTES));
    done(world.write(session, 3 * 4096, bytes(2 * 4096, 1)));
    done(world.write(session, CHUNK_BYTES - 4096, bytes(8192, 1)));
    done(world.zero(session, 4 * 4096, 4096));
    assertEquals("3h 1d 251h 2d 255h", extents(session, 0, 2 * CHUNK_BYTES));
    assertEquals("1h 1d", extents(session, 2 * 4096, 2 * 4096));
    assertEquals("256h", extents(session, 9L * CHUNK_BYTES, CHUNK_BYTES));
  }

  @Test
  void extentsGoOnWithOneReplicaAndAStaleOwnerGivesNone() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    world.nodes.get(0).kill();
    world.nodes.get(1).kill();
    assertEquals("1d 255h", extents(first, 0, CHUNK_BYTES));
    world.nodes.get(0).start();
    world.nodes.get(1).start();
    VolumeSession second = world.attach("b");
    done(world.write(second, 4096, bytes(4096, 1)));
    Answer stale = world.extents(first, 0, CHUNK_BYTES);
    world.await(() -> stale.done);
    assertEquals(VolumeIo.Failure.FENCED, stale.failure);
  }

  @Test
  void aRequestFailsAfterItsTimeoutAndTheVolumeServesOnLater() {
    world.requestTimeoutNanos = 3 * SECOND;
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(1).kill();
    world.nodes.get(2).kill();
    Answer write = world.write(session, 4096, bytes(4096, 2));
    Answer partial = world.write(session, 8192 + 5, bytes(100, 2));
    Answer unopened = world.write(session, CHUNK_BYTES + 7, bytes(8192, 3));
    world.run(2 * SECOND);
    assertFalse(write.done);
    world.run(2 * SECOND);
    assertEquals(VolumeIo.Failure.TIMED_OUT, write.failure);
    assertEquals(VolumeIo.Failure.TIMED_OUT, partial.failure);
    // The nodes are away: that is no lack of room.
    assertEquals(VolumeIo.Failure.TIMED_OUT, unopened.failure);
    assertEquals(3, session.counters().timeouts());
    assertTrue(session.counters().longestStallNanos() >= 3 * SECOND);
    world.nodes.get(1).start();
    world.nodes.get(2).start();
    done(world.write(session, 0, bytes(3 * 4096, 4)));
    Answer read = world.read(session, 0, 3 * 4096);
    done(read);
    assertArrayEquals(bytes(3 * 4096, 4), read.bytes);
  }

  @Test
  void aWriteThatLacksRoomForItsChunkFailsAsSuchAndSaysWhatItWaitsFor() {
    world.requestTimeoutNanos = 3 * SECOND;
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.freeBytes = 1L << 20;
    Answer write = world.write(session, CHUNK_BYTES, bytes(4096, 2));
    world.run(SECOND);
    assertTrue(session.waitReason().contains("free is on node 1 1MiB"), session.waitReason());
    world.run(3 * SECOND);
    assertEquals(VolumeIo.Failure.NO_SPACE, write.failure);
  }

  @Test
  void whatAWriteWaitsForNamesTheNodesThatAreAway() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(1).kill();
    world.nodes.get(2).kill();
    Answer write = world.write(session, 0, bytes(4096, 2));
    world.run(4 * SECOND);
    String away = "chunk 0 waits: node 2 cannot be reached, node 3 cannot be reached";
    assertEquals(away, session.waitReason());
    world.nodes.get(1).start();
    done(write);
  }

  @Test
  void theWindowIsBoundedByEntriesToo() {
    world.windowEntriesMax = 4;
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    done(world.flush(session));
    world.nodes.get(1).syncPaused = true;
    List<Answer> writes = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      writes.add(world.write(session, 4096L * i, bytes(4096, i)));
    }
    world.run(SECOND);
    assertEquals(4, writes.stream().filter(write -> write.done).count());
    assertTrue(session.windowBytes() <= 4 * 4096);
    world.nodes.get(1).resumeSync();
    writes.forEach(this::done);
  }

  @Test
  void aJoinerThatHoldsTheWindowBackIsPutOffAndCaughtUpLater() {
    world.windowBytesMax = 8 * 4096;
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    Node joiner = world.nodes.get(2);
    joiner.kill();
    done(world.write(session, 0, bytes(4096, 2)));
    assertEquals(2, world.record(0).inSyncCount());
    joiner.start();
    world.await(() -> session.describe().contains("CATCHING"));
    joiner.syncPaused = true;
    List<Answer> writes = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      writes.add(world.write(session, 4096L * i, bytes(4096, i)));
    }
    long begin = world.nowNanos;
    writes.forEach(this::done);
    assertTrue(world.nowNanos - begin < 3 * SECOND, session::describe);
    assertTrue(session.counters().heldBack() > 0);
    joiner.resumeSync();
    world.await(() -> world.record(0).inSyncCount() == 3);
  }

  /** A proposal of something else is under way for long, and the joiner's device is slow. */
  @Test
  void aReplicaIsNotTakenInBeforeItHasDurableWhatAFlushPromised() {
    SessionWorld four = new SessionWorld(4, 3, 2);
    VolumeSession session = four.attach("a");
    for (int chunk = 0; chunk < 8; chunk++) {
      Answer write = four.write(session, (long) chunk * CHUNK_BYTES, bytes(4096, chunk));
      four.await(() -> write.done);
    }
    Node other =
        four.nodes.stream()
            .filter(n -> four.record(0).replicas().stream().noneMatch(r -> r.nodeId() == n.id))
            .findFirst()
            .orElseThrow();
    Node joiner = four.nodes.get((int) four.record(0).replicas().getLast().nodeId() - 1);
    joiner.kill();
    four.await(() -> four.record(0).inSyncCount() == 2);
    four.run(SECOND);
    four.metadataDown = true;
    other.kill();
    four.run(3 * SECOND);
    joiner.start();
    four.run(3 * SECOND);
    joiner.syncPaused = true;
    Answer write = four.write(session, 0, bytes(4096, 9));
    four.await(() -> write.done);
    Answer flush = four.flush(session);
    four.await(() -> flush.done);
    four.metadataDown = false;
    four.run(SECOND);
    assertEquals(2, four.record(0).inSyncCount(), session::describe);
    joiner.resumeSync();
    four.await(() -> four.record(0).inSyncCount() == 3);
  }

  /** Its device is slower than the others', and writers never rest. */
  @Test
  void aReplicaThatIsAlwaysBehindWithItsDeviceIsTakenInAllTheSame() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    Node joiner = world.nodes.get(2);
    joiner.kill();
    world.await(() -> world.record(0).inSyncCount() == 2);
    joiner.start();
    joiner.syncNanos = 9 * MILLI;
    Answer[] under = new Answer[4];
    for (int i = 0; world.record(0).inSyncCount() < 3; i++) {
      assertTrue(i < 20_000, session::describe);
      int slot = i % under.length;
      if (under[slot] == null || under[slot].done) {
        under[slot] = world.write(session, 4096L * slot, bytes(4096, i), true);
      }
      world.run(MILLI / 4);
    }
  }

  @Test
  void anOwnerThatMissedTheAnswerToAnAllocationAsksTheMetadataAboutWhatIsNotAllocated() {
    VolumeSession first = world.attach("a");
    done(world.write(first, 0, bytes(4096, 1)));
    world.run(10 * SECOND);
    world.commandAnswersLost = true;
    Answer lost = world.write(first, 8L * CHUNK_BYTES, bytes(4096, 1));
    world.run(100 * MILLI);
    assertFalse(lost.done);
    world.run(3 * SECOND);
    world.metadataDown = true;
    Answer read = world.read(first, 20L * CHUNK_BYTES, 4096);
    world.run(5 * SECOND);
    assertFalse(read.done);
    world.metadataDown = false;
    world.commandAnswersLost = false;
    done(read);
    done(lost);
  }

  @Test
  void aReleaseIsTakenBackWhileWritesStillSettle() {
    VolumeSession session = world.attach("a");
    done(world.write(session, 0, bytes(4096, 1)));
    world.nodes.get(1).syncPaused = true;
    done(world.write(session, 0, bytes(4096, 2)));
    session.release(world.nowNanos);
    world.run(SECOND);
    assertFalse(session.isOver());
    assertTrue(session.keep(world.nowNanos));
    world.nodes.get(1).resumeSync();
    done(world.write(session, 0, bytes(4096, 3)));
    assertEquals(1, session.generation());
  }

  @Test
  void aSequentialWriterWaitsForEverFewerAllocations() {
    VolumeSession session = world.attach("a");
    long before = world.commandCount();
    for (int chunk = 0; chunk < 64; chunk++) {
      done(world.write(session, (long) chunk * CHUNK_BYTES, bytes(4096, chunk)));
    }
    // Chunk 0, then 1 and 4 more, 6 and 8 more, 15 and 16 more, 32 and the rest.
    assertEquals(5, world.commandCount() - before);
  }

  @Test
  void aWriterThatJumpsGetsFewChunksAheadAgain() {
    VolumeSession session = world.attach("a");
    for (int chunk = 0; chunk < 16; chunk++) {
      done(world.write(session, (long) chunk * CHUNK_BYTES, bytes(4096, chunk)));
    }
    long before = world.commandCount();
    // The first one has nothing before it; the second one and 4 more, then 8.
    for (int chunk = 40; chunk < 55; chunk++) {
      done(world.write(session, (long) chunk * CHUNK_BYTES, bytes(4096, chunk)));
    }
    assertEquals(3, world.commandCount() - before);
  }
}
