package io.cairn.storage.node;

import io.cairn.metadata.model.NodeRecord;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The nodes of the cluster, as the metadata last named them. Read by the shards' loops. */
final class NodeDirectory {
  private volatile Map<Long, NodeRecord> nodes = Map.of();

  void update(List<NodeRecord> present) {
    nodes = present.stream().collect(Collectors.toUnmodifiableMap(NodeRecord::nodeId, n -> n));
  }

  /** Number of shards of a node; 0 when it is not known. */
  int shardCount(long nodeId) {
    NodeRecord node = nodes.get(nodeId);
    return node == null ? 0 : node.shardCount();
  }
}
