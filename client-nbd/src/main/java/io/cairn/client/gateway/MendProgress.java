package io.cairn.client.gateway;

import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.command.Query;
import io.cairn.storage.wire.Frame;

/**
 * How far the mending of one volume has come, from looking at its session now and then. It begins
 * when the first chunk out of sync is seen, and ends when none is left.
 */
final class MendProgress {
  /** Weight of what was seen last in the rate. */
  private static final double NEWEST = 0.3;

  private final boolean maintenance;
  private boolean begun;
  private long begunNanos;
  private long lastNanos;
  private long lastBlocks;
  private long firstBlocks;
  private long mostChunks;
  private double bytesPerSecond;

  MendProgress(boolean maintenance) {
    this.maintenance = maintenance;
  }

  /** What there is to say now; null when nothing is out of sync and nothing is maintained. */
  Query.VolumeMend look(String volume, VolumeSession session, long nowNanos) {
    long chunksLeft = session.chunksToMend();
    long blocks = session.counters().copiedBlocks();
    if (chunksLeft == 0) {
      begun = false;
      return maintenance ? new Query.VolumeMend(volume, true, 0, 0, 0, 0) : null;
    }
    if (!begun) {
      begun = true;
      begunNanos = nowNanos;
      lastNanos = nowNanos;
      firstBlocks = blocks;
      lastBlocks = blocks;
      mostChunks = chunksLeft;
      bytesPerSecond = 0;
    }
    if (nowNanos > lastNanos) {
      double rate =
          (blocks - lastBlocks) * (double) Frame.BLOCK_BYTES * 1e9 / (nowNanos - lastNanos);
      bytesPerSecond += (lastNanos == begunNanos ? 1 : NEWEST) * (rate - bytesPerSecond);
      lastNanos = nowNanos;
      lastBlocks = blocks;
    }
    mostChunks = Math.max(mostChunks, chunksLeft);
    long done = mostChunks - chunksLeft;
    return new Query.VolumeMend(
        volume,
        maintenance,
        chunksLeft,
        (blocks - firstBlocks) * Frame.BLOCK_BYTES,
        (long) bytesPerSecond,
        done == 0 ? -1 : (nowNanos - begunNanos) / 1_000_000_000L * chunksLeft / done);
  }
}
