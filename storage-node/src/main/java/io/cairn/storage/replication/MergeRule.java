package io.cairn.storage.replication;

import io.cairn.storage.wire.Version;

/**
 * Which of two versions of a block stands. The live path, the replay of the journal and the
 * comparison before a fetch all decide by this class, so that they cannot disagree.
 */
public final class MergeRule {
  private MergeRule() {}

  /**
   * Whether a block that was fetched from an in-sync replica replaces the local one. What this
   * owner's generation wrote is never rolled back; what an older generation left behind yields to
   * the source whatever its number, because it may be a tail that was never acknowledged.
   *
   * @param local version of the local block, 0 when never written.
   * @param fetched version at the source.
   * @param ownerGeneration generation of the owner that ordered the catch-up.
   */
  public static boolean replaces(long local, long fetched, long ownerGeneration) {
    if (local == fetched) {
      return false;
    }
    return Version.generation(local) < ownerGeneration || fetched > local;
  }

  /** Whether a write applies to a block of a syncing chunk: a newer block was fetched otherwise. */
  public static boolean writeApplies(long local, long written) {
    return written > local;
  }
}
