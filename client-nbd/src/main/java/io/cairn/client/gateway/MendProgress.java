package io.cairn.client.gateway;

import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.command.Query;
import io.cairn.storage.wire.Frame;

/**
 * How far the mending of one volume has come, from looking at its session now and then. It begins
 * when the first chunk out of sync is seen, and ends when none is left; what it came to is told as
 * long as the session lives.
 */
final class MendProgress {
  /** Weight of what was seen last in the rate. */
  private static final double NEWEST = 0.3;

  private final boolean maintenance;
  private boolean begun;
  private boolean ended;
  private long begunNanos;
  private long lastNanos;
  private long lastBlocks;
  private long firstBlocks;
  private long mostChunks;
  private double bytesPerSecond;
  private long copiedBytes;

  MendProgress(boolean maintenance) {
    this.maintenance = maintenance;
  }

  /** What there is to say now; null when nothing was out of sync and nothing is maintained. */
  Query.VolumeMend look(String volume, VolumeSession session, long nowNanos) {
    long chunksLeft = session.mending().chunksToMend();
    long blocks = session.counters().copiedBlocks();
    if (chunksLeft == 0) {
      if (begun) {
        copiedBytes = (blocks - firstBlocks) * Frame.BLOCK_BYTES;
        begun = false;
        ended = true;
      }
      return maintenance || ended
          ? new Query.VolumeMend(volume, maintenance, 0, copiedBytes, 0, 0)
          : null;
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
