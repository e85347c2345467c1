package io.cairn.storage.cache;

import io.cairn.metadata.model.VolumeTier;

/** One volume's part of a shard's tier. On the shard's loop. */
public final class VolumeShare {
  private VolumeTier tier = VolumeTier.USUAL;

  VolumeShare() {}

  /** What the tier is to do for the volume. */
  public VolumeTier tier() {
    return tier;
  }

  void become(VolumeTier newTier) {
    tier = newTier;
  }
}
