package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.storage.wire.CopyPace;
import org.junit.jupiter.api.Test;

/**
 * The pace at which a shard copies chunks is the gateway's, also after it was another for a while.
 */
class CopyPaceTest {
  private static final long RATE = 4L << 20;
  private static final int BLOCK = 4096;

  private final SessionWorld world = new SessionWorld(3, 3, 2);
  private final RepairRate rate = new RepairRate(2, RATE);
  private VolumeSession session;
  private int written;

  /** One write at the beginning of the chunk, acknowledged. */
  private void write(int chunk, int length) {
    Answer answer =
        world.write(
            session,
            (long) chunk * SessionWorld.CHUNK_BYTES,
            SessionWorld.bytes(length, ++written));
    world.await(() -> answer.done);
    assertTrue(answer.ok());
  }

  private boolean isWhole(int chunk) {
    return world.record(chunk).inSyncCount() == 3;
  }

  /** Many requests in the first second of copying, of which nobody knows how long they took. */
  private void makePause() {
    rate.mending(true, false, world.nowNanos);
    for (int i = 0; i < 200; i++) {
      rate.requestEnded(SessionWorld.MILLI, world.nowNanos);
    }
    rate.mending(true, false, world.nowNanos + SessionWorld.SECOND);
    assertEquals(0, rate.bytesPerSecond());
  }

  /** Nothing more is learnt for as long as the test goes on. */
  private void endPause() {
    for (int i = 2; rate.bytesPerSecond() == 0; i++) {
      rate.mending(true, false, world.nowNanos + i * 10 * SessionWorld.SECOND);
    }
    assertEquals(RATE, (long) rate.bytesPerSecond());
  }

  private void awaitPhase(int chunk, Node node, OwnedReplica.Phase phase) {
    world.await(
        () ->
            session.chunk(chunk).replicas().stream()
                .anyMatch(r -> r.node.link.nodeId == node.id && r.phase == phase));
  }

  @Test
  void aChunkThatBeginsInAPauseIsToldThePaceThatComesAfterIt() {
    // One after the other: the second begins when the shard was told of the pace of the first.
    world.pace = new CatchUpPace(1, rate);
    session = world.attach("a");
    Node behind = world.nodes.getLast();
    for (int chunk : new int[] {0, 1, 8}) {
      write(chunk, BLOCK);
      world.await(() -> isWhole(chunk));
    }
    behind.kill();
    for (int chunk : new int[] {0, 1}) {
      write(chunk, SessionWorld.CHUNK_BYTES);
      world.await(() -> !isWhole(chunk));
    }
    behind.start();
    awaitPhase(0, behind, OwnedReplica.Phase.CATCHING);
    awaitPhase(1, behind, OwnedReplica.Phase.OPENING);
    makePause();
    awaitPhase(1, behind, OwnedReplica.Phase.CATCHING);
    endPause();
    // At the pace of the pause it would take 16 seconds. Links on which requests go never fall
    // idle: no sign of life tells the shard of another pace.
    for (long end = world.nowNanos + SessionWorld.SECOND; world.nowNanos < end; ) {
      write(8, BLOCK);
      world.run(10 * SessionWorld.MILLI);
    }
    assertTrue(isWhole(1), world.record(1).toString());
    assertEquals(CopyPace.ofRate(RATE), world.pace.ofOneChunk());
  }
}
