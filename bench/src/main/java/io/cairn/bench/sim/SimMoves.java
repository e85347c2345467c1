package io.cairn.bench.sim;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.Rebalancing;
import io.cairn.metadata.model.ChunkRecord;
import java.util.List;

/**
 * Replicas are moved though their nodes stay: as the metadata's leader plans it, beginning with a
 * node that joins late and is empty; or wildly, between any two nodes, also where it makes no sense
 * or cannot be. Fault model: a wish may be long past when an owner hears of it, and wishes may
 * change or end at any time, as leaders do.
 *
 * <p>Draws from a source of its own, so that a run without it is the same run as ever.
 */
final class SimMoves {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0x4D0E_0000_0004L;

  /** One run in so many moves something. */
  private static final int OUT_OF = 3;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimRandom random;
  private final boolean some;
  private final boolean planned;
  private final Rebalancing rebalancing = new Rebalancing();
  private long endNanos;

  SimMoves(SimCluster cluster, SimFaults faults, long seed) {
    this.cluster = cluster;
    this.faults = faults;
    random = new SimRandom(seed ^ SALT);
    some = random.oneIn(OUT_OF) && cluster.nodes().size() > 3;
    planned = random.oneIn(2);
  }

  void begin(long faultsEndNanos) {
    if (!some) {
      return;
    }
    endNanos = faultsEndNanos;
    cluster.wishes(this::wishes);
    if (planned) {
      SimNode late = cluster.nodes().get(random.below(cluster.nodes().size()));
      late.kill(false);
      cluster.world().after(random.between(SECOND / 2, 4 * SECOND), () -> faults.startsAgain(late));
    }
  }

  private List<Reply.WantedMove> wishes() {
    long nowNanos = cluster.world().nowNanos();
    if (nowNanos >= endNanos) {
      return List.of();
    }
    if (planned && !random.oneIn(8)) {
      return rebalancing.look(
          cluster.metadata().machine().state(),
          cluster.candidates(),
          cluster::servingBytes,
          nowNanos);
    }
    List<ChunkRecord> chunks = cluster.allRecords();
    if (chunks.isEmpty() || !random.oneIn(3)) {
      return List.of();
    }
    ChunkRecord chunk = chunks.get(random.below(chunks.size()));
    long from = chunk.replicas().get(random.below(chunk.replicas().size())).nodeId();
    long to = cluster.nodes().get(random.below(cluster.nodes().size())).nodeId;
    String name = cluster.metadata().machine().state().volume(chunk.volumeId()).name();
    return List.of(new Reply.WantedMove(name, chunk.layer(), chunk.index(), from, to));
  }
}
