package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.metadata.model.ReplicaState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A session that mends a volume which nobody has attached, and an owner that comes in the middle of
 * it: one command takes the volume, and nobody waits for what is being copied.
 */
class MaintenanceGivesWayTest {
  private static final int CHUNKS = 4;

  /** Slow enough that nothing is whole before the owner comes. */
  private static final long RATE = 64 << 10;

  /** Some exchanges with the metadata and the nodes, of 2.0 and 0.2 ms here; a sync is 2 ms. */
  private static final long GIVE_WAY_NANOS = 30 * SessionWorld.MILLI;

  private final SessionWorld world = new SessionWorld(3, 3, 2);
  private final Node behind = world.nodes.getLast();
  private VolumeSession maintenance;

  /** All chunks were written while a node was away; it is back, and copies them slowly. */
  @BeforeEach
  void aSessionMends() {
    world.pace = new CatchUpPace(8, new RepairRate(2, RATE));
    VolumeSession first = world.attach("a");
    for (int round = 0; round < 2; round++) {
      for (int chunk = 0; chunk < CHUNKS; chunk++) {
        Answer answer = world.write(first, offset(chunk), contents(round, chunk));
        world.await(() -> answer.done);
        assertTrue(answer.ok());
      }
      if (round == 0) {
        behind.kill();
        world.await(() -> syncing() == CHUNKS);
      }
    }
    first.release(world.nowNanos);
    world.await(first::isOver);
    behind.start();
    maintenance = world.maintain("a");
    world.await(() -> catchingUp(maintenance) == CHUNKS);
    world.run(100 * SessionWorld.MILLI);
    assertEquals(CHUNKS, syncing());
  }

  private static long offset(int chunk) {
    return (long) chunk * SessionWorld.CHUNK_BYTES;
  }

  private static byte[] contents(int round, int chunk) {
    return SessionWorld.bytes(SessionWorld.CHUNK_BYTES, round * CHUNKS + chunk);
  }

  /** Chunks that have a replica out of sync on record. */
  private long syncing() {
    long found = 0;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      boolean whole =
          world.record(chunk).replicas().stream().allMatch(r -> r.state() == ReplicaState.IN_SYNC);
      found += whole ? 0 : 1;
    }
    return found;
  }

  private static long catchingUp(VolumeSession session) {
    return session.chunks().stream()
        .flatMap(chunk -> chunk.replicas().stream())
        .filter(replica -> replica.phase == OwnedReplica.Phase.CATCHING)
        .count();
  }

  private void takesTheVolumeAndReads(String gateway) {
    long commands = world.commandCount();
    long beginNanos = world.nowNanos;
    VolumeSession owner = world.attach(gateway);
    Answer read = world.read(owner, offset(1), 4096);
    Answer write = world.write(owner, offset(2), contents(2, 2));
    world.await(() -> read.done && write.done);
    assertTrue(read.ok() && write.ok());
    assertTrue(world.nowNanos - beginNanos < GIVE_WAY_NANOS, world.nowNanos - beginNanos + " ns");
    assertEquals(1, world.commandCount() - commands);
    assertEquals(CHUNKS, syncing());
    assertArrayEquals(java.util.Arrays.copyOf(contents(1, 1), 4096), read.bytes);
    world.await(() -> syncing() == 0);
    assertFalse(owner.isOver());
  }

  @Test
  void anOwnerOnAnotherGatewayIsServedByOneCommandWhileChunksAreCopied() {
    takesTheVolumeAndReads("b");
    assertTrue(maintenance.isFenced());
  }

  @Test
  void anOwnerOnTheSameGatewayIsServedByOneCommandWhileChunksAreCopied() {
    maintenance.abandon(world.nowNanos);
    takesTheVolumeAndReads("a");
  }
}
