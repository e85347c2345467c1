package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.client.volume.ScrubPace;
import io.cairn.client.volume.ScrubSettings;
import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeScrub;
import java.util.ArrayList;
import java.util.List;

/**
 * Scrubs in one run: operators ask for them while faults happen, and in the end, when blocks have
 * rotted and writes were lost at rest, one must find and mend it all. Fault model of the end: of a
 * block one replica keeps what was acknowledged; each of the others may have a rotten copy, or, in
 * stores in memory, the block as it was before anybody wrote it.
 *
 * <p>Draws from a source of its own, so that a run without scrubs is the same run as ever.
 */
final class SimScrubs {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0x5C2B_0000_0001L;

  /** One run in so many has scrubs. */
  private static final int OUT_OF = 3;

  /** Tries to have a block rot before a scrub. */
  private static final int ROTS = 12;

  private final SimCluster cluster;
  private final SimRandom random;
  private final boolean some;

  SimScrubs(SimCluster cluster, long seed) {
    this.cluster = cluster;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(OUT_OF);
  }

  /** Whether the run has any. */
  boolean isEmpty() {
    return !some;
  }

  /** How gateways scrub. */
  ScrubSettings settings() {
    return new ScrubSettings(
        random.oneIn(2) ? 0 : random.between(200, 5_000),
        random.oneIn(2) ? 0 : random.between(500, 10_000),
        this::nowMillis,
        new ScrubPace(random.between(1 << 20, 256 << 20)));
  }

  /** The wall's clock. */
  long nowMillis() {
    return 1_000_000L + cluster.world().nowNanos() / 1_000_000L;
  }

  /**
   * Somebody asks for a scrub, now and then, when blocks that clients use have just rotted.
   *
   * @param rot has one copy of a block rot of which all the others are good.
   */
  void begin(long endNanos, Runnable rot) {
    if (some && cluster.world().nowNanos() < endNanos) {
      cluster
          .world()
          .after(
              random.between(SECOND / 50, random.oneIn(2) ? SECOND / 2 : 3 * SECOND),
              () -> {
                for (int i = 0; i < ROTS; i++) {
                  rot.run();
                }
                ask(!random.oneIn(4));
                begin(endNanos, rot);
              });
    }
  }

  private void ask(boolean deep) {
    cluster.metadata().operate(new Command.ScrubVolume(SimCluster.VOLUME, deep));
  }

  /** Blocks rot and writes are lost; then a deep scrub is asked for. */
  void damage(VolumeSession session, int chunkCount) {
    for (int index = 0; index < chunkCount; index++) {
      ChunkRecord record = cluster.record(index);
      for (int i = 0; record != null && i < 3; i++) {
        damage(record, random.oneIn(2) ? random.below(4) : random.below(256));
      }
    }
    ask(true);
    session.onRecord(cluster.volume(), cluster.world().nowNanos());
  }

  private void damage(ChunkRecord record, int block) {
    List<Long> holders = new ArrayList<>();
    for (Replica replica : record.replicas()) {
      if (replica.state() == ReplicaState.IN_SYNC) {
        holders.add(replica.nodeId());
      }
    }
    // One keeps it, and that one must have it.
    long keeps = holders.remove(random.below(holders.size()));
    StoreModel.Chunk kept = cluster.chunk(keeps, record.index());
    if (kept == null
        || kept.versions[block] == 0
        || !cluster.storeOf(keeps, record.index()).isSound(kept, block)) {
      return;
    }
    for (long nodeId : holders) {
      SimStore store = cluster.storeOf(nodeId, record.index());
      StoreModel.Chunk chunk = cluster.chunk(nodeId, record.index());
      boolean lost = random.oneIn(3) && store.loseWrite(chunk, block);
      boolean rots = !lost && random.oneIn(2) && store.rot(chunk, block);
      if (lost || rots) {
        cluster
            .world()
            .log(
                "n"
                    + nodeId
                    + ": block "
                    + block
                    + " of chunk "
                    + record.index()
                    + (lost ? " was never written" : " rots"));
      }
    }
  }

  /** What the scrub that was asked for has not done; null when it is done. */
  String notDone(VolumeSession session) {
    VolumeScrub scrubs = cluster.volume().scrubs();
    return scrubs.awaited()
        ? "scrub " + scrubs + " does not come to its end:\n" + session.describe()
        : null;
  }

  /** Every copy is good, and all know that. */
  void requireAllGood(int chunkCount) {
    for (int index = 0; index < chunkCount; index++) {
      ChunkRecord record = cluster.record(index);
      if (record == null) {
        continue;
      }
      if (!record.lastScrub().badBlocks().isEmpty()) {
        throw new InvariantViolation("scrub", "reported as lost what one replica had: " + record);
      }
      for (Replica replica : record.replicas()) {
        StoreModel.Chunk chunk = cluster.chunk(replica.nodeId(), index);
        boolean counts = replica.state() == ReplicaState.IN_SYNC;
        for (int block = 0; counts && block < chunk.sizeBlocks; block++) {
          if (!cluster.storeOf(replica.nodeId(), index).isSound(chunk, block)) {
            throw new InvariantViolation(
                "scrub", "block " + block + " is rotten after a deep scrub: " + record);
          }
        }
      }
    }
  }
}
