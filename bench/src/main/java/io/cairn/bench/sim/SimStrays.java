package io.cairn.bench.sim;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.MetadataState;
import io.cairn.metadata.machine.StrayQueries;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.replication.Strays;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Nodes ask the metadata which chunks are not their own any more, and give those back. Fault model:
 * a question or its answer takes long or is lost, and meanwhile somebody wishes the chunk back on
 * that node: the answer comes when it was placed there again, or is being brought up, or is in
 * sync. Nodes ask also while others are down, which the real ones do not.
 *
 * <p>Draws from a source of its own, so that other faults are the same as ever.
 */
final class SimStrays {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0x57A4_0000_0005L;

  /** A node that got no answer asks again after that. */
  private static final long PATIENCE_NANOS = 5 * SECOND;

  private static final long LOOK_NANOS = SECOND / 100;

  private final SimCluster cluster;
  private final SimRandom random;
  private final long periodNanos;
  private final int pageMax;

  /** Until when shards wait for an answer, by node and shard. */
  private final Map<String, Long> waits = new TreeMap<>();

  /** Where chunks are wished back, by the chunk. */
  private final Map<ChunkName, Long> wished = new TreeMap<>();

  private boolean calm;

  SimStrays(SimCluster cluster, long seed) {
    this.cluster = cluster;
    random = new SimRandom(seed ^ SALT);
    periodNanos = random.between(SECOND / 20, SECOND);
    pageMax = 1 + random.below(12);
  }

  void begin() {
    cluster.nodes().forEach(this::again);
    cluster.wishes(this::wishes);
  }

  /** Answers come in time from now on. */
  void heal() {
    calm = true;
    wished.clear();
  }

  private void again(SimNode node) {
    cluster
        .world()
        .after(
            random.between(periodNanos / 2, 2 * periodNanos),
            () -> {
              for (int shard = 0; shard < node.shards().size(); shard++) {
                ask(node, node.shards().get(shard), node.process.name() + "/" + shard);
              }
              again(node);
            });
  }

  /** One question of a shard, on its way to the metadata and back. */
  private record Asked(SimNode node, int life, ReplicaShard shard, String name, long number) {}

  private void ask(SimNode node, ReplicaShard shard, String name) {
    SimWorld world = cluster.world();
    if (world.nowNanos() < waits.getOrDefault(name, 0L)) {
      return;
    }
    Strays.Question question = shard.strays().ask(pageMax);
    if (question.chunks().isEmpty()) {
      return;
    }
    Asked asked = new Asked(node, node.process.life(), shard, name, question.number());
    waits.put(name, world.nowNanos() + (calm ? SECOND / 10 : PATIENCE_NANOS));
    if (!calm && random.oneIn(10)) {
      return;
    }
    Query.GetStrays query =
        new Query.GetStrays(
            SimCluster.CLUSTER_ID,
            node.nodeId,
            question.chunks().stream()
                .map(one -> new Query.HeldChunk(one.volumeId(), one.layer(), one.index()))
                .toList());
    world.after(hop(), () -> answer(asked, query));
  }

  private void answer(Asked asked, Query.GetStrays query) {
    if (cluster.metadata().isAwayFor(asked.node().process)
        || !asked.node().process.isLife(asked.life())
        || !(StrayQueries.strays(state(), query) instanceof Reply.Strays answer)) {
      return;
    }
    List<ChunkName> strays =
        answer.chunks().stream()
            .map(one -> new ChunkName(one.volumeId(), one.layer(), one.index()))
            .toList();
    if (!strays.isEmpty()) {
      cluster.world().log(asked.name() + ": strays of question " + asked.number() + ": " + strays);
    }
    if (!strays.isEmpty() && !calm && random.oneIn(2)) {
      ChunkName back = strays.get(random.below(strays.size()));
      wished.put(back, asked.node().nodeId);
      hold(asked, strays, back);
    } else {
      deliver(asked, strays, hop());
    }
  }

  /** Nearly until the node would ask again, or until the chunk is placed there once more. */
  private void hold(Asked asked, List<ChunkName> strays, ChunkName back) {
    // Null when the answer to an earlier question, which took longer, came meanwhile.
    Long untilNanos = waits.get(asked.name());
    long leftNanos = untilNanos == null ? 0 : untilNanos - cluster.world().nowNanos();
    boolean placed = isOnRecord(asked.node().nodeId, back);
    if (calm || placed || leftNanos < SECOND) {
      wished.remove(back);
      deliver(asked, strays, random.between(0, random.oneIn(2) ? LOOK_NANOS : SECOND));
    } else {
      cluster.world().after(random.below(2) + LOOK_NANOS, () -> hold(asked, strays, back));
    }
  }

  private void deliver(Asked asked, List<ChunkName> strays, long afterNanos) {
    if (asked.node().process.isLife(asked.life())) {
      cluster
          .world()
          .after(
              asked.node().process,
              afterNanos,
              () -> {
                waits.remove(asked.name());
                asked.shard().giveBack(asked.number(), strays);
              });
    }
  }

  private long hop() {
    return random.between(200_000L, calm || random.oneIn(2) ? 20_000_000L : SECOND / 2);
  }

  private boolean isOnRecord(long nodeId, ChunkName chunk) {
    ChunkRecord record = state().chunk(chunk.volumeId(), chunk.layer(), chunk.index());
    return record != null && record.replicas().stream().anyMatch(r -> r.nodeId() == nodeId);
  }

  private List<Reply.WantedMove> wishes() {
    List<Reply.WantedMove> moves = new ArrayList<>();
    wished.forEach(
        (chunk, node) -> {
          ChunkRecord record = state().chunk(chunk.volumeId(), chunk.layer(), chunk.index());
          if (record != null) {
            moves.add(
                new Reply.WantedMove(
                    state().volume(chunk.volumeId()).name(),
                    chunk.layer(),
                    chunk.index(),
                    record.replicas().getFirst().nodeId(),
                    node));
          }
        });
    return moves;
  }

  private MetadataState state() {
    return cluster.metadata().machine().state();
  }

  /** What nodes that live hold though it is whole without them; null when nothing is. */
  String notGivenBack() {
    for (SimNode node : cluster.nodes()) {
      if (!node.process.isUp() || state().node(node.nodeId) == null) {
        continue;
      }
      for (int shard = 0; shard < node.stores().size(); shard++) {
        if (node.out().contains(shard)) {
          continue;
        }
        for (ChunkName held : node.store(shard).model().chunksAfter(null, Integer.MAX_VALUE)) {
          ChunkRecord record = state().chunk(held.volumeId(), held.layer(), held.index());
          if (record != null
              && !isOnRecord(node.nodeId, held)
              && record.inSyncCount() == state().volume(held.volumeId()).replicas()) {
            return node.process.name() + " keeps " + held + " of " + record;
          }
        }
      }
    }
    return null;
  }
}
