package io.cairn.metadata.machine;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Balance;
import io.cairn.metadata.placement.Candidate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongUnaryOperator;

/**
 * Which replicas the leader wishes to be moved: soft state, as everything here may be forgotten.
 * What is moved is decided by {@link MoveDecisions}. Some chunks are looked at each time, those
 * after them the next time. Not thread-safe.
 *
 * <p>Nothing is wished for while something else is being mended: a node is down that has replicas
 * on record, or has them on a shard that is out of service, is to leave, or has something to catch
 * up that it has room for.
 */
public final class Rebalancing {
  /** A wish is made anew after so long. */
  static final long PERIOD_NANOS = 2_000_000_000L;

  /** After all chunks were looked at in vain nobody looks again for so long. */
  static final long REST_NANOS = 60_000_000_000L;

  /** Chunks that are looked at at one time. */
  static final int CHUNKS_MAX = 512;

  /** Moves that are wished for at one time; they are begun one after the other. */
  static final int WISHES_MAX = 16;

  private List<Reply.WantedMove> wanted = List.of();
  private boolean moving;
  private long notBeforeNanos = Long.MIN_VALUE;
  private long unevenPercent;

  /** Where the next look begins. */
  private long volumeId;

  private int index;

  /** Whether all chunks were looked at in vain since the nodes were as they are. */
  private boolean inVain;

  /** Chunks that were looked at in vain in a row. */
  private long lookedAt;

  private List<Candidate> seenNodes = List.of();

  /** Nothing is wished for yet. */
  public Rebalancing() {}

  /** What the leader wishes for since its last look. */
  public List<Reply.WantedMove> wanted() {
    return wanted;
  }

  /** For people. */
  public Reply.Rebalance status(MetadataState state) {
    return new Reply.Rebalance(true, moving, state.counts().moving(), unevenPercent);
  }

  /**
   * Looks at the cluster, if it is time to.
   *
   * @param up nodes that can be reached, with their free space.
   * @param servingBytes capacity of a node that lacks shards without the devices of these, by its
   *     id; -1 where that is not known.
   */
  public List<Reply.WantedMove> look(
      MetadataState state, List<Candidate> up, LongUnaryOperator servingBytes, long nowNanos) {
    List<Candidate> nodes = up.stream().map(Rebalancing::place).toList();
    if (!nodes.equals(seenNodes)) {
      seenNodes = nodes;
      inVain = false;
      lookedAt = 0;
    } else if (nowNanos < notBeforeNanos) {
      return wanted;
    }
    notBeforeNanos = nowNanos + PERIOD_NANOS;
    Map<Long, VolumeRecord> volumes = new TreeMap<>();
    long chunkBytes = 0;
    for (long id : state.counts().volumes()) {
      VolumeRecord volume = state.volume(id);
      volumes.put(id, volume);
      chunkBytes = Math.max(chunkBytes, volume.chunkSizeBytes());
    }
    Balance balance = new Balance(loads(state, volumes, up, servingBytes), chunkBytes);
    unevenPercent = balance.unevenPercent();
    moving = balance.isUneven(moving);
    if (volumes.isEmpty() || !isQuiet(state, up) || !moving && (inVain || !balance.hasDomains())) {
      wanted = List.of();
      return wanted;
    }
    wanted = plan(state, balance, new TreeMap<>(volumes));
    if (inVain) {
      notBeforeNanos = nowNanos + REST_NANOS;
    }
    return wanted;
  }

  /** Where it is and what it lacks, whatever room it has. */
  private static Candidate place(Candidate node) {
    return new Candidate(
        node.nodeId(), node.zone(), node.rack(), node.hostLabel(), 0, node.shardsOut());
  }

  private static List<Balance.Load> loads(
      MetadataState state,
      Map<Long, VolumeRecord> volumes,
      List<Candidate> up,
      LongUnaryOperator servingBytes) {
    List<Balance.Load> loads = new ArrayList<>();
    for (Candidate node : up) {
      NodeRecord record = state.node(node.nodeId());
      long capacity = record == null ? 0 : capacityBytes(record, node, servingBytes);
      if (capacity > 0 && record.departure() == null) {
        long used = 0;
        for (VolumeRecord volume : volumes.values()) {
          // What leaves it soon is no longer its own.
          used +=
              volume.chunkSizeBytes()
                  * (state.counts().replicas(volume.volumeId(), node.nodeId())
                      - state.counts().movingFrom(volume.volumeId(), node.nodeId()));
        }
        loads.add(new Balance.Load(node, used, capacity));
      }
    }
    return loads;
  }

  /** What a node that lost a device has a share of: it registers anew only when it restarts. */
  private static long capacityBytes(
      NodeRecord record, Candidate node, LongUnaryOperator servingBytes) {
    long serving = node.shardsOut() == null ? -1 : servingBytes.applyAsLong(record.nodeId());
    return serving < 0 ? record.capacityBytes() : serving;
  }

  /** Whether nothing is to be mended that is more urgent. */
  private static boolean isQuiet(MetadataState state, List<Candidate> up) {
    long syncing = 0;
    for (NodeRecord node : state.nodes()) {
      Candidate seen =
          up.stream().filter(one -> one.nodeId() == node.nodeId()).findFirst().orElse(null);
      if ((seen == null || node.departure() != null)
          && state.counts().replicasOn(node.nodeId()) > 0) {
        return false;
      }
      if (seen != null
          && seen.shardsOut() != null
          && state.counts().replicasOn(node.nodeId(), seen.shardsOut()) > 0) {
        return false;
      }
      // A node without room catches up with nothing: moves are what may give it some.
      syncing += seen != null && seen.freeBytes() > 0 ? state.counts().syncingOn(node.nodeId()) : 0;
    }
    return syncing <= state.counts().moving();
  }

  private List<Reply.WantedMove> plan(
      MetadataState state, Balance balance, TreeMap<Long, VolumeRecord> volumes) {
    List<Reply.WantedMove> found = new ArrayList<>();
    Balance planned = balance;
    long total = 0;
    for (long id : volumes.keySet()) {
      total += state.counts().chunksOf(id);
    }
    int left = (int) Math.min(CHUNKS_MAX, total);
    while (left > 0 && found.size() < WISHES_MAX) {
      VolumeRecord volume = volumes.get(volumeId);
      List<ChunkRecord> page =
          volume == null ? List.of() : state.chunks(volumeId, 0, index, Math.min(left, 64));
      if (page.isEmpty()) {
        Long next = volumes.higherKey(volumeId);
        volumeId = next == null ? volumes.firstKey() : next;
        index = 0;
        left--;
        continue;
      }
      left -= page.size();
      for (ChunkRecord chunk : page) {
        index = chunk.index() + 1;
        Balance.Step step = step(state, planned, volume, chunk);
        if (step != null && found.size() < WISHES_MAX) {
          planned = planned.after(step, volume.chunkSizeBytes());
          found.add(
              new Reply.WantedMove(
                  volume.name(), chunk.layer(), index - 1, step.fromNodeId(), step.toNodeId()));
        }
      }
      lookedAt += page.size();
    }
    boolean some = !found.isEmpty() || state.counts().moving() > 0;
    inVain = !some && lookedAt >= total;
    lookedAt = some || inVain ? 0 : lookedAt;
    return List.copyOf(found);
  }

  private Balance.Step step(
      MetadataState state, Balance balance, VolumeRecord volume, ChunkRecord chunk) {
    if (!MoveDecisions.isWhole(volume, chunk)) {
      return null;
    }
    Set<Long> holders = new TreeSet<>();
    for (Replica replica : chunk.replicas()) {
      holders.add(replica.nodeId());
    }
    return balance.best(
        holders,
        volume.chunkSizeBytes(),
        moving,
        node -> Takers.serves(state, node, chunk.volumeId(), chunk.layer(), chunk.index()));
  }
}
