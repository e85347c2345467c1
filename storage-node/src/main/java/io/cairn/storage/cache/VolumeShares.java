package io.cairn.storage.cache;

import io.cairn.metadata.model.VolumeTier;
import java.util.Map;
import org.agrona.collections.Long2ObjectHashMap;

/**
 * The parts that volumes have of a shard's tier. A volume that nobody said anything of is as usual.
 * On the shard's loop.
 */
public final class VolumeShares {
  private final Long2ObjectHashMap<VolumeShare> byVolume = new Long2ObjectHashMap<>();

  /** Volumes whose blocks are to leave the journal at once. */
  private int throughVolumes;

  /** The volume's part. */
  public VolumeShare of(long volumeId) {
    VolumeShare share = byVolume.get(volumeId);
    if (share == null) {
      share = new VolumeShare();
      byVolume.put(volumeId, share);
    }
    return share;
  }

  /** Whether blocks of the volume are to leave the journal at once; for each append. */
  public boolean isDestagedAtOnce(long volumeId) {
    return throughVolumes > 0 && of(volumeId).tier().destagesAtOnce();
  }

  /**
   * What the volumes are to be from now on.
   *
   * @param tiers of all volumes of the shard; one that is missing is gone, or as usual.
   * @return whether there is one among them whose blocks are to leave the journal at once, and were
   *     not before.
   */
  public boolean become(Map<Long, VolumeTier> tiers) {
    boolean more = false;
    byVolume.keySet().removeIf(volumeId -> !tiers.containsKey(volumeId));
    throughVolumes = 0;
    for (Map.Entry<Long, VolumeTier> told : tiers.entrySet()) {
      VolumeShare share = of(told.getKey());
      boolean through = told.getValue().destagesAtOnce();
      more |= through && !share.tier().destagesAtOnce();
      throughVolumes += through ? 1 : 0;
      share.become(told.getValue());
    }
    return more;
  }
}
