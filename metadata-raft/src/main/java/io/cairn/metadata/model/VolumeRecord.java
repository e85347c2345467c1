package io.cairn.metadata.model;

/**
 * A volume.
 *
 * @param volumeId never reused.
 * @param sizeBytes a multiple of 4096.
 * @param chunkSizeBytes a power of two, 1 MiB to 1 GiB.
 * @param generation version of the ownership, 0 before the first owner; the fence.
 * @param owner the session that may write, or null when the last one released the volume.
 */
public record VolumeRecord(
    long volumeId,
    String name,
    long sizeBytes,
    int chunkSizeBytes,
    int replicas,
    int minInSync,
    Durability durability,
    long generation,
    Owner owner) {
  /**
   * The gateway session that owns a volume.
   *
   * @param gateway the gateway's configured name.
   * @param instance random number of one life of the gateway's process.
   * @param address where the gateway can be reached, for people.
   */
  public record Owner(String gateway, long instance, String address) {}
}
