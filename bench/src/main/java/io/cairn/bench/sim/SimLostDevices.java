package io.cairn.bench.sim;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The devices of all in-sync replicas of a chunk fail while their nodes live on, and after a grace
 * time an operator goes on with what is left ({@link SimLostCopies} has the operator). Fault model:
 * others may be away at the same time, or in the middle of a catch-up; each device may be good
 * again at any time, with what it held, before somebody gave that up or after; or never.
 *
 * <p>Draws from a source of its own, so that a run without it is the same run as ever.
 */
final class SimLostDevices {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0x1057_00DE_000CL;

  /** One run in so many has it. */
  private static final int OUT_OF = 3;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimRandom random;
  private final boolean devices;
  private final boolean some;
  private long endNanos;

  /** The shards that are out. */
  private final Set<Reply.NodeShard> out = new LinkedHashSet<>();

  SimLostDevices(SimCluster cluster, SimFaults faults, long seed, boolean devices) {
    this.cluster = cluster;
    this.faults = faults;
    this.devices = devices;
    random = new SimRandom(seed ^ SALT);
    some = devices && random.oneIn(OUT_OF);
  }

  void begin(long faultsEndNanos) {
    if (!some) {
      return;
    }
    endNanos = faultsEndNanos;
    long atNanos = random.between(SECOND / 2, Math.max(SECOND, faultsEndNanos - SECOND));
    SimNode behind = null;
    // Somebody has to be behind for something to be left.
    if (!random.oneIn(4)) {
      SimNode node = cluster.nodes().get(random.below(cluster.nodes().size()));
      long early = random.between(SECOND / 10, 3 * SECOND);
      cluster.world().after(Math.max(0, atNanos - early), () -> faults.crash(node, false));
      behind = node;
    }
    failAfter(atNanos, behind);
  }

  private void failAfter(long nanos, SimNode behind) {
    cluster
        .world()
        .after(
            nanos,
            () -> {
              if (cluster.world().nowNanos() < endNanos && !fail(behind)) {
                failAfter(random.between(SECOND / 20, SECOND / 2), behind);
              }
            });
  }

  /**
   * False when it cannot be now.
   *
   * @param behind the node that is to have a replica that is out of sync, or null.
   */
  private boolean fail(SimNode behind) {
    List<ChunkRecord> chunks = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      ChunkRecord record = cluster.record(i);
      if (record != null && (behind == null || isSyncingOn(record, behind))) {
        chunks.add(record);
      }
    }
    if (chunks.isEmpty() || faults.hasRot()) {
      return false;
    }
    ChunkRecord chosen = chunks.get(random.below(chunks.size()));
    Set<SimNode> doomed = new LinkedHashSet<>();
    for (Replica replica : chosen.replicas()) {
      if (replica.state() == ReplicaState.IN_SYNC) {
        doomed.add(cluster.node(replica.nodeId()));
      }
    }
    long staying =
        cluster.nodes().stream()
            .filter(node -> !doomed.contains(node) && faults.staysWhole(node))
            .count();
    if (staying < cluster.volume().minInSync() || !doomed.stream().allMatch(faults::staysWhole)) {
      return false;
    }
    faults.losesCopies();
    for (SimNode node : doomed) {
      Reply.NodeShard failed = new Reply.NodeShard(node.nodeId, cluster.shardOf(chosen));
      cluster
          .world()
          .log(node.process.name() + ": a device of shard " + failed.shard() + " takes all copies");
      out.add(failed);
      node.out(failed.shard(), true);
      cluster.world().after(random.between(0, 2 * SECOND), () -> countsAsGone(failed));
      if (random.oneIn(2)) {
        cluster.world().after(random.between(SECOND / 2, 6 * SECOND), () -> isGoodAgain(failed));
      }
    }
    return true;
  }

  private static boolean isSyncingOn(ChunkRecord record, SimNode node) {
    return record.replicas().contains(new Replica(node.nodeId, ReplicaState.SYNCING));
  }

  private void countsAsGone(Reply.NodeShard failed) {
    if (out.contains(failed)) {
      cluster.awayShards().add(failed);
    }
  }

  private void isGoodAgain(Reply.NodeShard failed) {
    if (out.remove(failed)) {
      SimNode node = cluster.node(failed.nodeId());
      cluster
          .world()
          .log(node.process.name() + ": the device of shard " + failed.shard() + " is good");
      cluster.awayShards().remove(failed);
      node.out(failed.shard(), false);
    }
  }

  /**
   * What failed may stay so where enough others are whole, and no block needs what it held.
   *
   * @param lost whether nodes died for good.
   */
  void heal(boolean lost) {
    long whole = cluster.nodes().stream().filter(faults::staysWhole).count();
    boolean stays =
        !lost && !random.oneIn(3) && whole >= cluster.volume().replicas() && !hasRottenCopies();
    for (Reply.NodeShard failed : List.copyOf(out)) {
      if (stays) {
        countsAsGone(failed);
      } else {
        isGoodAgain(failed);
      }
    }
  }

  /**
   * Whether a chunk has nobody in sync to go on from, as long as devices stay as they are; also one
   * whose last whole copy was on a device that was replaced while a command was under way which
   * took the others out.
   */
  boolean isDue() {
    for (int i = 0; i < 32 && devices; i++) {
      ChunkRecord record = cluster.record(i);
      if (record != null
          && record.replicas().stream()
              .filter(replica -> replica.state() == ReplicaState.IN_SYNC)
              .noneMatch(replica -> goesOnFrom(replica.nodeId(), record))) {
        return true;
      }
    }
    return false;
  }

  private boolean goesOnFrom(long nodeId, ChunkRecord record) {
    boolean isOut = cluster.node(nodeId).out().contains(cluster.shardOf(record));
    return !isOut && cluster.hasOrNeverHad(nodeId, record);
  }

  private boolean hasRottenCopies() {
    for (int i = 0; i < 32; i++) {
      ChunkRecord record = cluster.record(i);
      for (Replica replica : record == null ? List.<Replica>of() : record.replicas()) {
        StoreModel.Chunk chunk = cluster.chunk(replica.nodeId(), i);
        for (int block = 0; chunk != null && block < chunk.sizeBlocks(); block++) {
          if (!cluster.storeOf(replica.nodeId(), i).isSound(chunk, block)) {
            return true;
          }
        }
      }
    }
    return false;
  }
}
