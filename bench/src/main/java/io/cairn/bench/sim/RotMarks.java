package io.cairn.bench.sim;

import io.cairn.bench.sim.StoreModel.Chunk;
import io.cairn.bench.sim.StoreModel.Key;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which stored blocks rotted: what a certain record had written there. What is written later is
 * good, and what rotted comes back when a power loss takes that away.
 */
final class RotMarks {
  private final Map<Block, Long> lsns = new TreeMap<>();

  private record Block(Key key, int block) implements Comparable<Block> {
    @Override
    public int compareTo(Block other) {
      int byKey = key.compareTo(other.key);
      return byKey != 0 ? byKey : Integer.compare(block, other.block);
    }
  }

  /** What the chunk has there now rots. */
  void mark(Chunk chunk, int block) {
    lsns.put(new Block(chunk.key, block), chunk.lsns[block]);
  }

  /** Whether what the chunk has there now rotted. */
  boolean isMarked(Chunk chunk, int block) {
    Long lsn = lsns.get(new Block(chunk.key, block));
    return lsn != null && lsn == chunk.lsns[block];
  }

  /** All is on a device that is no more. */
  void clear() {
    lsns.clear();
  }
}
