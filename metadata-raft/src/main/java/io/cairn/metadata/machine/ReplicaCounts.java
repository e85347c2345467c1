package io.cairn.metadata.machine;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.model.VolumeRecord;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How many replicas each shard of each node has of each volume, and how many of them are out of
 * sync: so that who asks often need not look at every chunk. Derived from the state, never stored.
 */
public final class ReplicaCounts {
  private static final class Count {
    private long moving;

    /** By the numbers of the shards. */
    private final int[] inSync;

    private final int[] syncing;

    Count(int shards) {
      inSync = new int[shards];
      syncing = new int[shards];
    }
  }

  /**
   * Who has a volume.
   *
   * @param owned whether anybody does.
   * @param maintained whether that is a session that only mends.
   */
  record Tenure(long generation, boolean owned, boolean maintained) {}

  /** How many shards each node has, which does not change. */
  private final Map<Long, Integer> shards = new TreeMap<>();

  private final Map<Long, Map<Long, Count>> volumes = new TreeMap<>();

  /** Chunks of each volume by the number of replicas that they have. */
  private final Map<Long, NavigableMap<Integer, Long>> chunks = new TreeMap<>();

  /** The age of each volume's youngest chunk: one that began anew is younger than it was. */
  private final Map<Long, Long> youngest = new TreeMap<>();

  /** How many replicas each volume keeps. */
  private final Map<Long, Integer> wanted = new TreeMap<>();

  /** Volumes with a scrub that was asked for and is not done. */
  private final Set<Long> toScrub = new TreeSet<>();

  private final Map<Long, ScrubAges> scrubs = new TreeMap<>();

  private final Map<Long, Tenure> tenures = new TreeMap<>();

  ReplicaCounts() {}

  /** A node that chunks may name. */
  void knows(NodeRecord node) {
    shards.put(node.nodeId(), node.shardCount());
  }

  /** The volume keeps so many replicas, is somebody's, and may have to be scrubbed. */
  void wants(VolumeRecord volume) {
    wanted.put(volume.volumeId(), volume.replicas());
    VolumeRecord.Owner owner = volume.owner();
    tenures.put(
        volume.volumeId(),
        new Tenure(volume.generation(), owner != null, owner != null && owner.maintenance()));
    if (volume.scrubs().awaited()) {
      toScrub.add(volume.volumeId());
    } else {
      toScrub.remove(volume.volumeId());
    }
  }

  /** Volumes that somebody asked to be scrubbed. */
  public Set<Long> toScrub() {
    return toScrub;
  }

  /**
   * Whether a chunk of the volume was compared last before the one time, or read before the other.
   */
  boolean isScrubDue(long volumeId, Query.ScrubWanted wanted) {
    ScrubAges ages = scrubs.get(volumeId);
    return ages != null && ages.isSomeDue(wanted);
  }

  /** Who has the volume, which has chunks. */
  Tenure tenure(long volumeId) {
    return tenures.get(volumeId);
  }

  /** A chunk's record takes the place of another, which is null when it is a new chunk. */
  void replaced(ChunkRecord before, ChunkRecord after) {
    if (before != null) {
      add(before, -1);
    }
    add(after, 1);
    youngest.merge(after.volumeId(), after.chunksBefore(), Math::max);
  }

  private void add(ChunkRecord chunk, int sign) {
    scrubs
        .computeIfAbsent(chunk.volumeId(), volume -> new ScrubAges())
        .add(chunk.lastScrub(), sign);
    chunks
        .computeIfAbsent(chunk.volumeId(), volume -> new TreeMap<>())
        .compute(
            chunk.replicas().size(),
            (size, count) -> {
              long changed = (count == null ? 0 : count) + sign;
              return changed == 0 ? null : changed;
            });
    Map<Long, Count> nodes = volumes.computeIfAbsent(chunk.volumeId(), volume -> new TreeMap<>());
    for (Replica replica : chunk.replicas()) {
      Count count = nodes.computeIfAbsent(replica.nodeId(), this::nothingOf);
      int[] counted = replica.state() == ReplicaState.IN_SYNC ? count.inSync : count.syncing;
      int shard = Shards.shardOf(chunk.volumeId(), chunk.layer(), chunk.index(), counted.length);
      counted[shard] += sign;
    }
    if (chunk.movesFromNodeId() != null) {
      nodes.computeIfAbsent(chunk.movesFromNodeId(), this::nothingOf).moving += sign;
    }
  }

  private Count nothingOf(long nodeId) {
    return new Count(shards.getOrDefault(nodeId, 1));
  }

  private Count count(long volumeId, long nodeId) {
    return volumes.getOrDefault(volumeId, Map.of()).get(nodeId);
  }

  /** Chunks that the volume has. */
  long chunksOf(long volumeId) {
    NavigableMap<Integer, Long> bySize = chunks.get(volumeId);
    return bySize == null ? 0 : bySize.values().stream().mapToLong(Long::longValue).sum();
  }

  /**
   * Chunks that the volume has had: as many as it has, and more where some began anew. A chunk that
   * is allocated now is younger than all of them.
   */
  long chunksHad(long volumeId) {
    return Math.max(chunksOf(volumeId), youngest.getOrDefault(volumeId, -1L) + 1);
  }

  void deleted(long volumeId) {
    volumes.remove(volumeId);
    youngest.remove(volumeId);
    chunks.remove(volumeId);
    wanted.remove(volumeId);
    scrubs.remove(volumeId);
    tenures.remove(volumeId);
    toScrub.remove(volumeId);
  }

  /** Whether a chunk of the volume has fewer replicas than the volume keeps. */
  public boolean isShort(long volumeId) {
    NavigableMap<Integer, Long> bySize = chunks.get(volumeId);
    return bySize != null && !bySize.isEmpty() && bySize.firstKey() < wanted.get(volumeId);
  }

  /** Whether a chunk of the volume has more replicas than the volume keeps. */
  boolean hasSurplus(long volumeId) {
    NavigableMap<Integer, Long> bySize = chunks.get(volumeId);
    return bySize != null && !bySize.isEmpty() && bySize.lastKey() > wanted.get(volumeId);
  }

  /** Volumes that have chunks with more or fewer replicas than the volume keeps. */
  public List<Long> misshapen() {
    return chunks.keySet().stream().filter(id -> isShort(id) || hasSurplus(id)).toList();
  }

  /** Volumes that have chunks, by id. */
  Set<Long> volumes() {
    return volumes.keySet();
  }

  /** Nodes that have, or once had, replicas of the volume. */
  Set<Long> nodesOf(long volumeId) {
    return volumes.getOrDefault(volumeId, Map.of()).keySet();
  }

  /** Replicas of the volume on the node that are out of sync. */
  long syncing(long volumeId, long nodeId) {
    return syncing(volumeId, nodeId, List.of());
  }

  /** Those of them that are not on one of the shards. */
  long syncing(long volumeId, long nodeId, List<Integer> exceptShards) {
    Count count = count(volumeId, nodeId);
    long sum = 0;
    for (int shard = 0; count != null && shard < count.syncing.length; shard++) {
      sum += exceptShards.contains(shard) ? 0 : count.syncing[shard];
    }
    return sum;
  }

  /**
   * Replicas of the volume that are out of sync, but for those that are on their way from one node
   * to another one: these take nothing from it.
   */
  public long outOfSync(long volumeId) {
    long sum = 0;
    for (long node : nodesOf(volumeId)) {
      sum += syncing(volumeId, node) - movingFrom(volumeId, node);
    }
    return Math.max(0, sum);
  }

  /** Replicas of the volume on the node that are in sync. */
  public long inSync(long volumeId, long nodeId) {
    return replicas(volumeId, nodeId) - syncing(volumeId, nodeId);
  }

  /** Replicas of the volume on these shards of the node that are in sync. */
  public long inSync(long volumeId, long nodeId, List<Integer> onShards) {
    return onShards.stream().mapToLong(shard -> inSync(volumeId, nodeId, shard)).sum();
  }

  /** Replicas of the volume on the node. */
  long replicas(long volumeId, long nodeId) {
    Count count = count(volumeId, nodeId);
    long sum = 0;
    for (int shard = 0; count != null && shard < count.inSync.length; shard++) {
      sum += count.inSync[shard] + count.syncing[shard];
    }
    return sum;
  }

  /** Replicas of the volume on the shard of the node that are in sync. */
  long inSync(long volumeId, long nodeId, int shard) {
    Count count = count(volumeId, nodeId);
    return count == null || shard >= count.inSync.length ? 0 : count.inSync[shard];
  }

  /** Replicas of the volume on the shard of the node. */
  long replicas(long volumeId, long nodeId, int shard) {
    Count count = count(volumeId, nodeId);
    return count == null || shard >= count.inSync.length
        ? 0
        : count.inSync[shard] + count.syncing[shard];
  }

  /** Replicas on each shard of the node, by number. */
  public List<Long> replicasByShard(long nodeId) {
    long[] sums = new long[shards.getOrDefault(nodeId, 0)];
    for (long volume : volumes.keySet()) {
      for (int shard = 0; shard < sums.length; shard++) {
        sums[shard] += replicas(volume, nodeId, shard);
      }
    }
    return Arrays.stream(sums).boxed().toList();
  }

  /** Replicas on the node that are out of sync. */
  long syncingOn(long nodeId) {
    long sum = 0;
    for (long volume : volumes.keySet()) {
      sum += syncing(volume, nodeId);
    }
    return sum;
  }

  /** Replicas on the node. */
  public long replicasOn(long nodeId) {
    long sum = 0;
    for (long volume : volumes.keySet()) {
      sum += replicas(volume, nodeId);
    }
    return sum;
  }

  /** Replicas on these shards of the node; one that it does not have holds none. */
  public long replicasOn(long nodeId, List<Integer> onShards) {
    long sum = 0;
    for (int shard : onShards) {
      for (long volume : volumes.keySet()) {
        sum += replicas(volume, nodeId, shard);
      }
    }
    return sum;
  }

  /** Replicas of the volume that are on their way from the node to another one. */
  long movingFrom(long volumeId, long nodeId) {
    Count count = count(volumeId, nodeId);
    return count == null ? 0 : count.moving;
  }

  /** Replicas that are on their way from the node to another one while it stays. */
  long movingFrom(long nodeId) {
    long sum = 0;
    for (Map<Long, Count> nodes : volumes.values()) {
      Count count = nodes.get(nodeId);
      sum += count == null ? 0 : count.moving;
    }
    return sum;
  }

  /** Replicas that are on their way from one node to another one while both stay. */
  public long moving() {
    long sum = 0;
    for (Map<Long, Count> nodes : volumes.values()) {
      for (Count count : nodes.values()) {
        sum += count.moving;
      }
    }
    return sum;
  }
}
