package io.cairn.metadata.machine;

import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Shards;
import java.util.List;

/** What the leader believes can be reached; soft state, so it may be wrong. */
public interface Reach {
  /** Whether the node can be reached. */
  boolean isUp(long nodeId);

  /** Shards of the node that are out of service because of a device, by number. */
  default List<Integer> shardsOut(long nodeId) {
    return List.of();
  }

  /** Those of them that have been so for so long that they count as gone for good. */
  default List<Integer> shardsAway(long nodeId) {
    return List.of();
  }

  /** Whether the node can be reached and serves the chunk's shard. */
  default boolean serves(MetadataState state, ChunkRecord chunk, long nodeId) {
    return isUp(nodeId) && !isOn(shardsOut(nodeId), state, chunk, nodeId);
  }

  /** Whether the node can be reached, and the device of the chunk's shard has failed for good. */
  default boolean isOnFailedDevice(MetadataState state, ChunkRecord chunk, long nodeId) {
    return isUp(nodeId) && isOn(shardsAway(nodeId), state, chunk, nodeId);
  }

  private static boolean isOn(
      List<Integer> shards, MetadataState state, ChunkRecord chunk, long nodeId) {
    NodeRecord node = shards.isEmpty() ? null : state.node(nodeId);
    return node != null && shards.contains(Shards.shardOf(chunk, node));
  }
}
