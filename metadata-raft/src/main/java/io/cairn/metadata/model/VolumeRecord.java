package io.cairn.metadata.model;

/**
 * A volume.
 *
 * @param volumeId never reused.
 * @param sizeBytes a multiple of 4096.
 * @param chunkSizeBytes a power of two, 1 MiB to 1 GiB.
 * @param generation version of the ownership, 0 before the first owner; the fence.
 * @param owner the session that may write, or null when the last one released the volume.
 * @param scrub which scrubs operators asked for; null before the first.
 * @param tier what the nodes' fast devices are to do for it; null as long as that is the usual.
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
    Owner owner,
    VolumeScrub scrub,
    VolumeTier tier) {
  /** One of which nobody asked for a scrub, nor for anything of the tier. */
  public VolumeRecord(
      long volumeId,
      String name,
      long sizeBytes,
      int chunkSizeBytes,
      int replicas,
      int minInSync,
      Durability durability,
      long generation,
      Owner owner) {
    this(
        volumeId,
        name,
        sizeBytes,
        chunkSizeBytes,
        replicas,
        minInSync,
        durability,
        generation,
        owner,
        null,
        null);
  }

  /**
   * The gateway session that owns a volume.
   *
   * @param gateway the gateway's configured name.
   * @param instance random number of one life of the gateway's process.
   * @param address where the gateway can be reached, for people.
   * @param maintenance true for a session that only mends: it serves nobody and gives way.
   * @param quiet true when no session before this one can be reading any more, and this one never
   *     reads: the next owner need not wait for anybody.
   */
  public record Owner(
      String gateway, long instance, String address, boolean maintenance, boolean quiet) {
    /** One that serves clients. */
    public Owner(String gateway, long instance, String address) {
      this(gateway, instance, address, false, false);
    }
  }

  /** Whether no session can be reading the volume, or will until the next one owns it. */
  public boolean mayBeTakenAtOnce() {
    return owner == null || owner.quiet();
  }

  /** Which scrubs operators asked for. */
  public VolumeScrub scrubs() {
    return scrub == null ? VolumeScrub.NONE : scrub;
  }

  /** What the nodes' fast devices are to do for it. */
  public VolumeTier tiering() {
    return tier == null ? VolumeTier.USUAL : tier;
  }

  /** The same volume with something else to be done for it; the usual is not written down. */
  public VolumeRecord tiered(VolumeTier newTier) {
    return new VolumeRecord(
        volumeId,
        name,
        sizeBytes,
        chunkSizeBytes,
        replicas,
        minInSync,
        durability,
        generation,
        owner,
        scrub,
        newTier.equals(VolumeTier.USUAL) ? null : newTier);
  }

  /** The same volume with another number of replicas. */
  public VolumeRecord keeping(int newReplicas, int newMinInSync) {
    return new VolumeRecord(
        volumeId,
        name,
        sizeBytes,
        chunkSizeBytes,
        newReplicas,
        newMinInSync,
        durability,
        generation,
        owner,
        scrub,
        tier);
  }

  /** The same volume with another size. */
  public VolumeRecord sized(long newSizeBytes) {
    return new VolumeRecord(
        volumeId,
        name,
        newSizeBytes,
        chunkSizeBytes,
        replicas,
        minInSync,
        durability,
        generation,
        owner,
        scrub,
        tier);
  }

  /** The same volume with other scrubs asked for or done. */
  public VolumeRecord scrubbing(VolumeScrub newScrub) {
    return new VolumeRecord(
        volumeId,
        name,
        sizeBytes,
        chunkSizeBytes,
        replicas,
        minInSync,
        durability,
        generation,
        owner,
        newScrub,
        tier);
  }

  /** The same volume under another owner. */
  public VolumeRecord ownedBy(Owner newOwner, long newGeneration) {
    return new VolumeRecord(
        volumeId,
        name,
        sizeBytes,
        chunkSizeBytes,
        replicas,
        minInSync,
        durability,
        newGeneration,
        newOwner,
        scrub,
        tier);
  }
}
