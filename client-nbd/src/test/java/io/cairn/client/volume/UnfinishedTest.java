package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.storage.replication.MemoryStore;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Replicas that are in sync on record only, as their owner died while it made them equal. */
class UnfinishedTest {
  private static final int BLOCK = 4096;
  private static final int CHUNKS = 3;

  private final SessionWorld world = new SessionWorld(3, 3, 2);
  private final Node half = world.nodes.getLast();

  @BeforeEach
  void aDeadOwnerLeavesReplicasUnfinished() {
    VolumeSession first = world.attach("a");
    for (int index = 0; index < CHUNKS; index++) {
      Answer written =
          world.write(
              first, (long) index * SessionWorld.CHUNK_BYTES, SessionWorld.bytes(BLOCK, index));
      world.await(() -> written.done);
      assertTrue(written.ok());
    }
    first.abandon(world.nowNanos);
    for (int index = 0; index < CHUNKS; index++) {
      if (index != 1) {
        MemoryStore.Chunk chunk = half.store.chunk(index);
        half.store.appendSyncBegin(chunk, first.generation(), chunk.lastVersion());
      }
    }
  }

  private long unfinished() {
    long found = 0;
    for (int index = 0; index < CHUNKS; index++) {
      boolean inSync =
          world.record(index).replicas().stream()
              .allMatch(replica -> replica.state() == ReplicaState.IN_SYNC);
      assertTrue(inSync, world.record(index).toString());
      found += half.store.chunk(index).syncing() ? 1 : 0;
    }
    return found;
  }

  private void allIsThere(VolumeSession session) {
    for (int index = 0; index < CHUNKS; index++) {
      Answer read = world.read(session, (long) index * SessionWorld.CHUNK_BYTES, BLOCK);
      world.await(() -> read.done);
      assertArrayEquals(SessionWorld.bytes(BLOCK, index), read.bytes);
    }
  }

  @Test
  void theNextOwnerFinishesThemThoughNobodyAsksForTheirChunks() {
    VolumeSession next = world.attach("b");
    world.await(() -> unfinished() == 0);
    world.await(() -> !next.mending().isFinishing());
    assertEquals(OwnedChunk.State.CLOSED, next.chunk(1).state(), "nothing is wrong with it");
    allIsThere(next);
  }

  @Test
  void aMaintenanceSessionIsNotDoneBeforeNodesWereAskedAndTheyAreFinished() {
    VolumeSession next = world.maintain("b");
    assertTrue(next.mending().isFinishing());
    world.await(
        () -> {
          boolean done = !next.mending().isFinishing();
          assertFalse(done && unfinished() > 0);
          return done;
        });
    assertEquals(0, unfinished());
  }

  @Test
  void aNodeThatComesBackIsAskedThen() {
    half.kill();
    VolumeSession next = world.attach("b");
    world.run(100 * SessionWorld.MILLI);
    assertEquals(2, unfinished());
    half.start();
    world.await(() -> unfinished() == 0);
  }
}
