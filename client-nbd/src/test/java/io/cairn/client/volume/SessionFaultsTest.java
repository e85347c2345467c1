package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.storage.replication.MemoryStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Random faults under random requests, each run from one seed: what was acknowledged is there, what
 * was read stays read, replicas are equal in the end, and everything that was asked is answered.
 * Replay one seed with -Dcairn.session.seed=N.
 */
class SessionFaultsTest {
  private static final int BLOCKS = 24;
  private static final int BLOCK = 4096;

  /** What the one said long ago does not make the block lost. */
  @Test
  void aReadThatWaitsForAReplicaAsksTheOtherAnewBeforeItFails() {
    SessionWorld two = new SessionWorld(2, 2, 2);
    VolumeSession session = two.attach("a");
    Answer written = two.write(session, 0, SessionWorld.bytes(4096, 1));
    two.await(() -> written.done);
    Node first = two.nodes.get(0);
    Node second = two.nodes.get(1);
    first.store.rot(0, 0);
    second.kill();
    Answer read = two.read(session, 0, 4096);
    two.run(SessionWorld.SECOND);
    assertTrue(!read.done);
    // Mended, as by an overwrite.
    first.store.rot(0, 0);
    second.store.rot(0, 0);
    second.start();
    two.await(() -> read.done);
    assertTrue(read.ok());
    assertArrayEquals(SessionWorld.bytes(4096, 1), read.bytes);
  }

  @Test
  void randomFaultsKeepThePromises() {
    Long only = Long.getLong("cairn.session.seed");
    int runs = Integer.getInteger("cairn.session.runs", 100);
    for (long seed = only == null ? 1 : only; seed <= (only == null ? runs : only); seed++) {
      Run run = new Run(seed);
      try {
        run.run();
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError(
            "seed "
                + seed
                + ": replay with -Dcairn.session.seed="
                + seed
                + ": "
                + e
                + "\n"
                + run.session.describe(),
            e);
      }
    }
  }

  private static final class Pending {
    final int block;
    final long value;
    final Answer answer;
    final boolean isRead;
    final long floor;

    Pending(int block, long value, Answer answer, boolean isRead, long floor) {
      this.block = block;
      this.value = value;
      this.answer = answer;
      this.isRead = isRead;
      this.floor = floor;
    }
  }

  /**
   * One seed. Each block has one writer at a time whose values rise, so that a block's value must
   * never fall below what was acknowledged or read before.
   */
  private static final class Run {
    private final Random random;
    private final SessionWorld world;
    private final long[] floor = new long[BLOCKS];
    private final long[] next = new long[BLOCKS];
    private final boolean[] writing = new boolean[BLOCKS];
    private final List<Pending> pending = new ArrayList<>();
    private VolumeSession session;
    private int attaches;

    /**
     * What is not durable may die with its owner and all its holders: so a run has either power
     * losses or changes of the owner.
     */
    private final boolean losesPower;

    Run(long seed) {
      losesPower = (seed & 1) == 0;
      random = new Random(seed * 7919);
      world = seed % 5 == 0 ? new SessionWorld(3, 2, 1) : new SessionWorld(4, 3, 2);
    }

    private static byte[] content(int block, long value) {
      byte[] bytes = new byte[BLOCK];
      if (value > 0) {
        new Random(block * 1_000_003L + value).nextBytes(bytes);
        java.nio.ByteBuffer.wrap(bytes).putLong(0, value);
      }
      return bytes;
    }

    /** Blocks lie in several chunks, so that some share one and some do not. */
    private static long offset(int block) {
      return (block % 4) * (long) SessionWorld.CHUNK_BYTES + block / 4 * (long) BLOCK;
    }

    void run() {
      if (random.nextInt(3) == 0) {
        world.windowBytesMax = 3 * BLOCK;
      }
      session = world.attach("g0");
      for (int step = 0; step < 400; step++) {
        act();
        world.run(random.nextInt(20) == 0 ? 700 * SessionWorld.MILLI : random.nextInt(4_000_000));
        harvest();
      }
      for (Node node : world.nodes) {
        node.cut = false;
        node.resumeSync();
        if (!node.up) {
          node.start();
        }
      }
      world.metadataDown = false;
      world.await(
          () -> {
            harvest();
            return pending.isEmpty();
          });
      for (int block = 0; block < BLOCKS; block++) {
        readNow(block);
      }
      Answer flush = world.flush(session);
      world.await(() -> flush.done);
      assertTrue(flush.ok());
      world.await(this::allInSync);
      world.run(SessionWorld.SECOND);
      assertReplicasEqual();
    }

    private void readNow(int block) {
      Answer read = world.read(session, offset(block), BLOCK);
      world.await(() -> read.done);
      assertTrue(read.ok(), () -> "read failed with " + read.failure);
      check(block, read.bytes, floor[block]);
    }

    private boolean allInSync() {
      for (int index = 0; index < 4; index++) {
        if (world.record(index) != null
            && world.record(index).inSyncCount() < world.record(index).replicas().size()) {
          return false;
        }
      }
      return true;
    }

    private void assertReplicasEqual() {
      for (int index = 0; index < 4; index++) {
        MemoryStore.Chunk first = null;
        for (Node node : world.nodes) {
          MemoryStore.Chunk chunk = node.store.chunk(index);
          int at = index;
          if (chunk == null
              || world.record(index).replicas().stream().noneMatch(r -> r.nodeId() == node.id)) {
            continue;
          }
          if (first == null) {
            first = chunk;
          }
          assertEquals(first.lastVersion, chunk.lastVersion, () -> "chunk " + at);
          assertArrayEquals(first.versions, chunk.versions, () -> "chunk " + at);
          for (int i = 0; i < chunk.blocks.length; i++) {
            assertArrayEquals(first.blocks[i], chunk.blocks[i]);
          }
        }
      }
    }

    private void act() {
      int block = random.nextInt(BLOCKS);
      switch (random.nextInt(40)) {
        case 0 -> {
          Node node = node();
          if (node.up) {
            node.kill();
          }
        }
        case 1 -> {
          Node node = node();
          if (node.up && losesPower) {
            node.losePower();
          }
        }
        case 2, 3, 4 -> {
          for (Node node : world.nodes) {
            if (!node.up) {
              node.start();
            }
            node.cut = false;
          }
        }
        case 5 -> node().cut = true;
        case 6 -> {
          Node node = node();
          node.cut = false;
          node.resumeSync();
        }
        case 7 -> node().syncPaused = true;
        case 8 -> world.nodes.forEach(Node::resumeSync);
        case 9 -> world.metadataDown = random.nextInt(3) == 0;
        case 10 -> attachAgain();
        case 11 -> pending.add(new Pending(block, 0, world.flush(session), false, 0));
        case 12, 13, 14, 15, 16, 17, 18, 19 -> {
          // Earlier owners are asked as well: they may refuse, but never tell what is no longer so.
          VolumeSession asked =
              random.nextInt(4) == 0
                  ? world.sessions.get(random.nextInt(world.sessions.size()))
                  : session;
          Answer read = world.read(asked, offset(block), BLOCK);
          pending.add(new Pending(block, 0, read, true, floor[block]));
        }
        default -> {
          if (!writing[block]) {
            writing[block] = true;
            long value = ++next[block];
            Answer write =
                world.write(session, offset(block), content(block, value), random.nextInt(10) == 0);
            pending.add(new Pending(block, value, write, false, 0));
          }
        }
      }
    }

    private Node node() {
      return world.nodes.get(random.nextInt(world.nodes.size()));
    }

    private void attachAgain() {
      if (losesPower || world.metadataDown || random.nextInt(3) != 0) {
        return;
      }
      // What the last owner did not acknowledge may or may not be there: its values stay possible.
      session = world.attach("g" + ++attaches);
    }

    private void harvest() {
      for (Pending p : List.copyOf(pending)) {
        if (!p.answer.done) {
          continue;
        }
        pending.remove(p);
        if (p.value > 0) {
          writing[p.block] = false;
        }
        if (p.answer.failure != null) {
          assertEquals(VolumeIo.Failure.FENCED, p.answer.failure);
        } else if (p.isRead) {
          check(p.block, p.answer.bytes, p.floor);
        } else {
          floor[p.block] = Math.max(floor[p.block], p.value);
        }
      }
    }

    private void check(int block, byte[] bytes, long atLeast) {
      long value = java.nio.ByteBuffer.wrap(bytes).getLong(0);
      assertTrue(
          value >= atLeast && value <= next[block],
          () -> "block " + block + " reads " + value + ", but " + atLeast + " was there before");
      assertArrayEquals(content(block, value), bytes);
      floor[block] = Math.max(floor[block], value);
    }
  }
}
