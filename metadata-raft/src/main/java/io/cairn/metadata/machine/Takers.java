package io.cairn.metadata.machine;

import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import java.util.List;

/**
 * Which nodes may take a replica of a chunk. A node that lost a device goes on with its other
 * shards, and takes what belongs to those; which shard of it a chunk belongs to is a hash.
 */
final class Takers {
  private Takers() {}

  /** Those that nobody wants to leave and whose shard of the chunk serves, in their order. */
  static List<Candidate> of(
      MetadataState state, List<Candidate> up, long volumeId, int layer, int index) {
    return up.stream()
        .filter(node -> ChunkDecisions.stays(state, node.nodeId()))
        .filter(node -> serves(state, node, volumeId, layer, index))
        .toList();
  }

  /**
   * Whether the chunk's shard there is in service. Before all servers look at that a node that
   * lacks shards has no room at all, see {@code SoftState}.
   */
  static boolean serves(MetadataState state, Candidate node, long volumeId, int layer, int index) {
    NodeRecord record = state.node(node.nodeId());
    return node.shardsOut() == null
        || record == null
        || state.level() < Release.LEVEL_OF_SERVING_SHARDS
        || !node.lacks(Shards.shardOf(volumeId, layer, index, record.shardCount()));
  }
}
