package io.cairn.metadata.model;

/**
 * What the nodes' fast devices are to do for a volume.
 *
 * @param mode never null.
 * @param pinned whether its blocks stay in the read caches, as far as these let volumes be pinned.
 */
public record VolumeTier(CacheMode mode, boolean pinned) {
  /** Of a volume of which nobody asked for anything else. */
  public static final VolumeTier USUAL = new VolumeTier(CacheMode.WRITE_BACK, false);

  /** A mode that is missing is the usual one. */
  public VolumeTier {
    mode = mode == null ? CacheMode.WRITE_BACK : mode;
  }

  /** Whether its blocks are to leave the journals at once. */
  public boolean destagesAtOnce() {
    return mode != CacheMode.WRITE_BACK;
  }

  /** Whether its blocks may be in a read cache. */
  public boolean mayBeReadCached() {
    return mode != CacheMode.WRITE_AROUND;
  }
}
