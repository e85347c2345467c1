package io.cairn.client.volume;

import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.wire.Shards;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The shards of nodes that hold chunks of the volume, linked on first use, and where nodes are. */
final class OwnedNodes {
  private final VolumeSession session;
  private final Dialer dialer;
  private final long instance;
  private final Map<Long, OwnedNode> nodes = new TreeMap<>();
  private List<OwnedNode> inOrder = List.of();
  private final Map<Long, NodeRecord> directory = new TreeMap<>();

  OwnedNodes(VolumeSession session, Dialer dialer, long instance) {
    this.session = session;
    this.dialer = dialer;
    this.instance = instance;
  }

  /** In the order of their ids; does not change while somebody goes through it. */
  List<OwnedNode> all() {
    return inOrder;
  }

  /** Nodes that chunk records may name from now on. */
  void learn(List<NodeRecord> records) {
    for (NodeRecord record : records) {
      directory.put(record.nodeId(), record);
    }
  }

  /** Present addresses of nodes, as the metadata knows them. */
  void moved(List<NodeRecord> records) {
    learn(records);
    for (OwnedNode node : nodes.values()) {
      NodeRecord record = directory.get(node.link.nodeId);
      node.link.moved(record.host(), record.port());
    }
  }

  /** The node's shard that holds the chunk, linked on first use. */
  OwnedNode of(ChunkRecord chunk, long nodeId, long nowNanos) {
    NodeRecord record = directory.get(nodeId);
    int shard = Shards.shardOf(chunk.volumeId(), chunk.layer(), chunk.index(), record.shardCount());
    OwnedNode known = nodes.get(nodeId * Shards.COUNT_MAX + shard);
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
                    listener),
            nowNanos);
    nodes.put(nodeId * Shards.COUNT_MAX + shard, linked);
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
