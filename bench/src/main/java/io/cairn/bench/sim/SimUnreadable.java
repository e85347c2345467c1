package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.storage.wire.Crc32c;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Blocks that rot on some replicas or on all of them, whatever the others hold: also on the sources
 * of a catch-up, one block here and another there, and while it runs. Fault model: a few blocks of
 * the first chunks, which clients use as well, and which nobody may be able to read for a while; a
 * write mends them. Reading one is an error only while no replica in sync has a good copy, and for
 * that block only; whoever catches up is brought into sync all the same.
 *
 * <p>Draws from a source of its own, so that a run without it is the same run as ever.
 */
final class SimUnreadable {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0x0BAD_0000_0007L;

  /** One run in so many has such blocks. */
  private static final int OUT_OF = 3;

  private static final int CHUNKS = 3;
  private static final int FIRST_BLOCK = 20;
  private static final int BLOCKS = 6;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimRandom random;
  private final boolean some;

  /**
   * Blocks of the volume that rotted, and when each was last seen without a good copy in sync: also
   * those of which one copy rotted for another reason, and the others went with their nodes.
   */
  private final Map<Integer, Long> struck = new TreeMap<>();

  private boolean healed;

  /**
   * Draws whether the run has any.
   *
   * @param devices only where devices fail for good as well.
   */
  SimUnreadable(SimCluster cluster, SimFaults faults, long seed, boolean devices) {
    this.cluster = cluster;
    this.faults = faults;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(OUT_OF) && devices;
  }

  /** Blocks of the volume that clients are to use more than others; none where nothing rots. */
  int[] blocks() {
    int[] blocks = new int[some ? CHUNKS * BLOCKS : 0];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = i / BLOCKS * chunkBlocks() + FIRST_BLOCK + i % BLOCKS;
    }
    return blocks;
  }

  private static int chunkBlocks() {
    return SimCluster.CHUNK_BYTES / 4096;
  }

  void begin(long endNanos) {
    if (some) {
      cluster.metadata().onApplied(this::look);
      cluster.onRot(
          (index, block) -> struck.putIfAbsent(index * chunkBlocks() + block, Long.MIN_VALUE));
      strikeAfter(endNanos);
    }
  }

  private void strikeAfter(long endNanos) {
    cluster
        .world()
        .after(
            random.between(SECOND / 50, random.oneIn(2) ? SECOND / 5 : SECOND),
            () -> {
              if (!healed && cluster.world().nowNanos() < endNanos) {
                strike();
                strikeAfter(endNanos);
              }
            });
  }

  /** Destroys copies of one block. */
  private void strike() {
    ChunkRecord record = cluster.record(random.below(CHUNKS));
    int block = FIRST_BLOCK + random.below(BLOCKS);
    boolean everywhere = random.oneIn(3);
    int victims = 1 + random.below(2);
    if (record == null || faults.hasLost()) {
      return;
    }
    List<Long> holders = new ArrayList<>();
    for (Replica replica : record.replicas()) {
      holders.add(replica.nodeId());
    }
    if (!everywhere) {
      while (holders.size() > victims) {
        holders.remove(random.below(holders.size()));
      }
    }
    for (long nodeId : holders) {
      StoreModel.Chunk chunk = cluster.chunk(nodeId, record.index());
      SimStore store = cluster.storeOf(nodeId, record.index());
      boolean written =
          chunk != null
              && chunk.versions[block] != 0
              && chunk.crcs[block] != Crc32c.ZERO_BLOCK
              && store.isSound(chunk, block)
              && chunk.lsns[block] <= store.durableLsn();
      if (written) {
        cluster.rot(nodeId, record.index(), block);
      }
    }
    look();
  }

  /** Notes which blocks have no good copy in sync now. */
  private void look() {
    begins(0, Integer.MAX_VALUE);
  }

  private boolean isReadable(int volumeBlock) {
    return isReadable(
        cluster, cluster.record(volumeBlock / chunkBlocks()), volumeBlock % chunkBlocks());
  }

  /** Whether somebody in sync has a good copy of the chunk's block. */
  static boolean isReadable(SimCluster cluster, ChunkRecord record, int block) {
    for (Replica replica : record.replicas()) {
      if (replica.state() == ReplicaState.IN_SYNC
          && isSound(cluster, replica.nodeId(), record, block)) {
        return true;
      }
    }
    return false;
  }

  /** A request for these blocks begins. */
  void begins(int firstBlock, int count) {
    struck.replaceAll(
        (block, last) ->
            block >= firstBlock && block - firstBlock < count && !isReadable(block)
                ? (Long) cluster.world().nowNanos()
                : last);
  }

  /**
   * Whether a request that began then and ends now could find no good copy of one of its blocks.
   */
  boolean mayBeUnreadable(int firstBlock, int count, long beginNanos) {
    look();
    for (int block = firstBlock; block < firstBlock + count; block++) {
      if (struck.getOrDefault(block, Long.MIN_VALUE) >= beginNanos) {
        return true;
      }
    }
    return false;
  }

  /** Who has a good copy of blocks of the volume, and who has not, for people. */
  String describe(int firstBlock, int count) {
    StringBuilder text = new StringBuilder();
    for (int block = firstBlock; block < firstBlock + count; block++) {
      ChunkRecord record = cluster.record(block / chunkBlocks());
      text.append("\n  block ").append(block % chunkBlocks());
      text.append(" of chunk ").append(block / chunkBlocks()).append(" epoch ");
      text.append(record == null ? 0 : record.epoch());
      for (Replica replica : record == null ? List.<Replica>of() : record.replicas()) {
        text.append("; node ").append(replica.nodeId()).append(' ').append(replica.state());
        boolean good = isSound(cluster, replica.nodeId(), record, block % chunkBlocks());
        text.append(good ? " good" : " bad");
      }
    }
    return text.toString();
  }

  /** Nothing rots any more; what did stays so. */
  void heal() {
    healed = true;
  }

  /** Blocks of which somebody in sync has a bad copy, but those that scrubs are to mend. */
  Set<Integer> toMend() {
    Set<Integer> bad = new TreeSet<>();
    for (int volumeBlock : struck.keySet()) {
      if (volumeBlock % chunkBlocks() < FIRST_BLOCK && isReadable(volumeBlock)) {
        continue;
      }
      ChunkRecord record = cluster.record(volumeBlock / chunkBlocks());
      for (Replica replica : record.replicas()) {
        if (replica.state() == ReplicaState.IN_SYNC
            && !isSound(cluster, replica.nodeId(), record, volumeBlock % chunkBlocks())) {
          bad.add(volumeBlock);
        }
      }
    }
    return bad;
  }

  /** Nothing of what rotted is left. */
  void requireAllGood() {
    if (!toMend().isEmpty()) {
      throw new InvariantViolation("I8", "written, and still unreadable: " + toMend());
    }
  }

  private static boolean isSound(SimCluster cluster, long nodeId, ChunkRecord record, int block) {
    StoreModel.Chunk chunk = cluster.chunk(nodeId, record.index());
    return chunk == null || cluster.storeOf(nodeId, record.index()).isSound(chunk, block);
  }
}
