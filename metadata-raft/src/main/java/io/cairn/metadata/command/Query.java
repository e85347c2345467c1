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
   * @param trouble what an operator must see to on that node, in one line; null when there is
   *     nothing.
   */
  record NodeHeartbeat(
      long nodeId,
      long incarnation,
      long usedBytes,
      long freeBytes,
      long journalUsedBytes,
      long journalSizeBytes,
      long chunkCount,
      java.util.List<Long> knownVolumes,
      String trouble)
      implements Query {
    /** Keeps the list immutable. */
    public NodeHeartbeat {
      knownVolumes = java.util.List.copyOf(knownVolumes);
    }
  }

  /**
   * A gateway's sign of life.
   *
   * @param waits its volumes with requests that wait for longer than a client expects.
   */
  record GatewayHeartbeat(
      String gateway, long instance, String address, java.util.List<VolumeWait> waits)
      implements Query {
    /** Keeps the list immutable; a gateway of an older release sends none. */
    public GatewayHeartbeat {
      waits = waits == null ? java.util.List.of() : java.util.List.copyOf(waits);
    }
  }

  /**
   * A volume whose requests wait.
   *
   * @param seconds how long the oldest has waited.
   * @param reason for what, in one line.
   */
  record VolumeWait(String volume, long seconds, String reason) {}
}
