package io.cairn.metadata.command;

/** A linearizable read of the metadata, or a message to the leader's soft state. */
public sealed interface Query {
  /** The cluster: nodes with their soft state, volumes, health counts. */
  record GetCluster() implements Query {}

  /** One volume by name, with its health. */
  record GetVolume(String name) implements Query {}

  /** A page of a volume's allocated chunks, in the order (layer, index). */
  record GetChunks(long volumeId, int layer, int fromIndex, int limit) implements Query {}

  /** Whether the generation is still the volume's; answered after a quorum confirmed the leader. */
  record ConfirmGeneration(long volumeId, long generation) implements Query {}

  /**
   * A node's sign of life with its soft state.
   *
   * @param knownVolumes volumes of which the node holds chunks, so that the reply can name the
   *     deleted ones.
   */
  record NodeHeartbeat(
      long nodeId,
      long incarnation,
      long usedBytes,
      long freeBytes,
      long journalUsedBytes,
      long journalSizeBytes,
      long chunkCount,
      java.util.List<Long> knownVolumes)
      implements Query {
    /** Keeps the list immutable. */
    public NodeHeartbeat {
      knownVolumes = java.util.List.copyOf(knownVolumes);
    }
  }

  /** A gateway's sign of life. */
  record GatewayHeartbeat(String gateway, long instance, String address) implements Query {}
}
