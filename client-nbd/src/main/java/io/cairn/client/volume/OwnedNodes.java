package io.cairn.client.volume;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.release.Release;
import io.cairn.storage.env.Dialer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The shards of nodes that hold chunks of the volume, linked on first use, and where nodes are. */
final class OwnedNodes {
  private final VolumeSession session;
  private final Dialer dialer;
  private final long instance;
  private final Map<Long, OwnedNode> nodes = new TreeMap<>();
  private List<OwnedNode> inOrder = List.of();
  private final Map<Long, NodeRecord> directory = new TreeMap<>();

  /** Those that are away for so long that their replicas are to be placed anew. */
  private final Set<Long> away = new TreeSet<>();

  /** Shards of others that are out of service for so long. */
  private final Set<Long> awayShards = new TreeSet<>();

  /** The nodes of these. */
  private final Set<Long> shortNodes = new TreeSet<>();

  /** Those that the cluster has now; empty until the metadata has named them all. */
  private final Set<Long> present = new TreeSet<>();

  /** Those whose replicas are to leave them, and those of them that leave at any price. */
  private final Set<Long> leaving = new TreeSet<>();

  private final Set<Long> forced = new TreeSet<>();

  /** Nodes of the cluster that stay with all their shards. */
  private int wholeCount;

  OwnedNodes(VolumeSession session, Dialer dialer, long instance) {
    this.session = session;
    this.dialer = dialer;
    this.instance = instance;
  }

  /** Whether the replicas of some node are to leave it: else nobody need look at every chunk. */
  boolean someLeave() {
    return !leaving.isEmpty() || !awayShards.isEmpty();
  }

  /** Whether the replicas of that shard of a node are to leave it. */
  boolean isLeaving(OwnedNode node) {
    return someLeave()
        && (leaving.contains(node.link.nodeId)
            || awayShards.contains(key(node.link.nodeId, node.link.shard)));
  }

  /** Whether an operator wants some node to leave at any price. */
  boolean someAreForced() {
    return !forced.isEmpty();
  }

  /** Whether they are to leave also where nobody can take their places. */
  boolean isForced(long nodeId) {
    return !forced.isEmpty() && forced.contains(nodeId);
  }

  /**
   * Whether what it had counts as gone for good: its node was removed by force, or its device has
   * been out of service for too long.
   */
  boolean isGone(OwnedNode node) {
    return !node.ready
        && (isForced(node.link.nodeId)
            || awayShards.contains(key(node.link.nodeId, node.link.shard)));
  }

  /**
   * Nodes of the cluster that have the chunk and stay with it, or could take it; 0 until the
   * metadata has named them all. One that lacks shards takes what belongs to the others, and
   * nothing new before all servers know of that.
   */
  int stayingCount(OwnedChunk chunk) {
    int staying = wholeCount;
    for (long nodeId : shortNodes) {
      boolean stays =
          present.contains(nodeId)
              && !leaving.contains(nodeId)
              && !awayShards.contains(
                  key(nodeId, Shards.shardOf(chunk.record(), directory.get(nodeId))));
      staying += stays && (mayTakeMore() || holds(chunk, nodeId)) ? 1 : 0;
    }
    return staying;
  }

  private boolean mayTakeMore() {
    return session.ownership.level() >= Release.LEVEL_OF_SERVING_SHARDS;
  }

  private static boolean holds(OwnedChunk chunk, long nodeId) {
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.node.link.nodeId == nodeId) {
        return true;
      }
    }
    return false;
  }

  /** In the order of their ids; does not change while somebody goes through it. */
  List<OwnedNode> all() {
    return inOrder;
  }

  /**
   * Nodes that chunk records may name from now on. Of one that is known a late answer says nothing
   * new: it may be older than the last heartbeat's.
   */
  void learn(List<NodeRecord> records) {
    for (NodeRecord record : records) {
      directory.putIfAbsent(record.nodeId(), record);
    }
    classify();
  }

  /**
   * All nodes of the cluster with their present addresses, as the metadata knows them.
   *
   * @param awayIds those that are away for so long that their replicas are to be placed anew.
   * @param shards of others that are out of service for so long.
   */
  void moved(List<NodeRecord> records, List<Long> awayIds, List<Reply.NodeShard> shards) {
    present.clear();
    for (NodeRecord record : records) {
      present.add(record.nodeId());
      directory.put(record.nodeId(), record);
    }
    away.clear();
    away.addAll(awayIds);
    awayShards.clear();
    shortNodes.clear();
    for (Reply.NodeShard one : shards) {
      awayShards.add(key(one.nodeId(), one.shard()));
      shortNodes.add(one.nodeId());
    }
    classify();
    for (OwnedNode node : nodes.values()) {
      NodeRecord record = directory.get(node.link.nodeId);
      node.link.moved(record.host(), record.port());
    }
  }

  private void classify() {
    leaving.clear();
    leaving.addAll(away);
    forced.clear();
    for (NodeRecord record : directory.values()) {
      if (record.departure() != null) {
        leaving.add(record.nodeId());
      }
      if (record.departure() == Departure.FORCED) {
        forced.add(record.nodeId());
      }
    }
    wholeCount = 0;
    for (long nodeId : present) {
      wholeCount += leaving.contains(nodeId) || shortNodes.contains(nodeId) ? 0 : 1;
    }
  }

  private static long key(long nodeId, int shard) {
    return nodeId * Shards.COUNT_MAX + shard;
  }

  /** The node's shard that holds the chunk, linked on first use. */
  OwnedNode of(ChunkRecord chunk, long nodeId, long nowNanos) {
    NodeRecord record = directory.get(nodeId);
    int shard = Shards.shardOf(chunk.volumeId(), chunk.layer(), chunk.index(), record.shardCount());
    OwnedNode known = nodes.get(key(nodeId, shard));
    if (known != null) {
      return known;
    }
    OwnedNode linked =
        new OwnedNode(
            session,
            listener ->
                new NodeLink(
                    session.clusterId(),
                    nodeId,
                    shard,
                    record.host(),
                    record.port(),
                    clientId(),
                    dialer,
                    listener,
                    session.timings.ofNode(nodeId)),
            nowNanos);
    nodes.put(key(nodeId, shard), linked);
    inOrder = List.copyOf(nodes.values());
    return linked;
  }

  /**
   * Names this session in HELLO. Another session of the same volume in the same process is another
   * client: its connections are counted from one again and must not be taken for older ones.
   */
  private long clientId() {
    long id = instance * 0x9E3779B97F4A7C15L + session.volumeId();
    return id * 0xBF58476D1CE4E5B9L + session.generation();
  }
}
