package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.bench.sim.StoreModel.Chunk;
import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ShardStore;
import java.util.Arrays;
import org.agrona.collections.LongArrayList;

/** Reads everything that a store holds, and compares it with its model. */
final class FinalReads {
  private static final int BLOCKS = 64;

  private int underWay;

  boolean areDone() {
    return underWay == 0;
  }

  void read(SimStore store, ShardStore opened) {
    for (Chunk chunk : store.model().chunks()) {
      ChunkEntry entry = opened.find(chunk.volumeId(), chunk.layer(), chunk.index());
      underWay++;
      opened.readVersions(entry, 0, chunk.sizeBlocks, new Versions(chunk));
      for (int block = 0; block < chunk.sizeBlocks; block += BLOCKS) {
        underWay++;
        opened.read(entry, block, BLOCKS, new Blocks(store, chunk, block));
      }
    }
  }

  private final class Versions implements ShardStore.VersionsSink {
    private final Chunk chunk;

    Versions(Chunk chunk) {
      this.chunk = chunk;
    }

    @Override
    public void onVersions(LongArrayList values) {
      underWay--;
      if (!Arrays.equals(values.toLongArray(), chunk.versions)) {
        throw new InvariantViolation("I5", "other versions after a recovery: " + chunk.key);
      }
    }

    @Override
    public void onUnreadable(int block, String reason) {
      throw new InvariantViolation("I9", "no versions of " + chunk.key + ": " + reason);
    }
  }

  private final class Blocks implements ShardStore.ReadSink {
    private final SimStore store;
    private final Chunk chunk;
    private final int first;

    Blocks(SimStore store, Chunk chunk, int first) {
      this.store = store;
      this.chunk = chunk;
      this.first = first;
    }

    @Override
    public void onBlocks(int[] crcs, long[] versions, Payload payload) {
      underWay--;
      for (int i = 0; i < BLOCKS; i++) {
        byte[] bytes = new byte[chunk.blocks[first + i].length];
        payload.buffer().getBytes(payload.offset() + i * bytes.length, bytes);
        if (!Arrays.equals(bytes, chunk.blocks[first + i])) {
          throw new InvariantViolation(
              "I8", "other bytes after a recovery: block " + (first + i) + " of " + chunk.key);
        }
      }
    }

    @Override
    public void onUnreadable(int block, String reason) {
      underWay--;
      if (store.isSound(chunk, block)) {
        throw new InvariantViolation(
            "I8", "block " + block + " of " + chunk.key + " is unreadable: " + reason);
      }
    }
  }
}
