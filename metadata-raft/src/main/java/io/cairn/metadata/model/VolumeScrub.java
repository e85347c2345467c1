package io.cairn.metadata.model;

/**
 * What operators asked for: one number per request, so that a chunk knows whether it was looked at
 * since.
 *
 * @param request number of the last request; 0 before the first.
 * @param deep whether the data is to be read for it.
 * @param done number of the last request that every chunk has served.
 */
public record VolumeScrub(long request, boolean deep, long done) {
  /** Of a volume of which nobody has asked for it. */
  public static final VolumeScrub NONE = new VolumeScrub(0, false, 0);

  /** Whether chunks are left to be looked at. */
  public boolean awaited() {
    return request > done;
  }

  /** Whether nothing was asked for or done since that is not in here. */
  public boolean isNoOlderThan(VolumeScrub other) {
    return request >= other.request && done >= other.done;
  }

  /** With one more request; a deep one that goes on stays deep. */
  public VolumeScrub asked(boolean deeply) {
    return new VolumeScrub(request + 1, deeply || awaited() && deep, done);
  }
}
