package io.cairn.storage.node;

import io.cairn.metadata.options.Sizes;
import io.cairn.storage.replication.CatchUpObserver;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Writes down what each chunk's catch-up copied, and what all of them copied together once none has
 * run for a while: a node that was away copies what it missed and not everything, and this is where
 * an operator sees it. Shared by the shards' loops.
 */
final class CatchUpLog implements CatchUpObserver {
  private static final Logger LOG = LoggerFactory.getLogger(CatchUpLog.class);

  /** Quiet after which a series of catch-ups is over. */
  private static final long QUIET_MILLIS = 2_000;

  /** Lines about failures in one {@link #REPORT_PERIOD_NANOS}: a full node fails for hours. */
  static final int REPORTS_MAX = 8;

  private static final long REPORT_PERIOD_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final ScheduledExecutorService timer;
  private final LongSupplier clockNanos;
  private Future<?> quiet = CompletableFuture.completedFuture(null);
  private int active;
  private long done;
  private long failed;
  private long copiedBlocks;
  private long sizeBlocks;
  private long firstNanos;
  private long lastNanos;
  private long reportPeriodNanos;
  private int reports;

  CatchUpLog(ScheduledExecutorService timer, LongSupplier clockNanos) {
    this.timer = timer;
    this.clockNanos = clockNanos;
    reportPeriodNanos = clockNanos.getAsLong();
  }

  @Override
  public synchronized void onBegun(long volumeId, int layer, int index, long sourceNodeId) {
    if (active++ == 0 && done + failed == 0) {
      firstNanos = clockNanos.getAsLong();
    }
    quiet.cancel(false);
    LOG.debug("chunk {}/{}/{} catches up from node {}", volumeId, layer, index, sourceNodeId);
  }

  @Override
  public synchronized void onEnded(
      long volumeId,
      int layer,
      int index,
      long sourceNodeId,
      Status status,
      long copied,
      int chunkBlocks) {
    active--;
    copiedBlocks += copied;
    if (status == Status.OK) {
      done++;
      sizeBlocks += chunkBlocks;
      LOG.info(
          "chunk {}/{}/{} caught up from node {}: copied {} of {} blocks",
          volumeId,
          layer,
          index,
          sourceNodeId,
          copied,
          chunkBlocks);
    } else {
      failed++;
      LOG.atLevel(mayReport() ? Level.INFO : Level.DEBUG)
          .log(
              "chunk {}/{}/{} did not catch up from node {}: {} after {} blocks",
              volumeId,
              layer,
              index,
              sourceNodeId,
              status,
              copied);
    }
    lastNanos = clockNanos.getAsLong();
    if (active == 0) {
      try {
        quiet = timer.schedule(this::sumUp, QUIET_MILLIS, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        // The node is stopping; nobody waits for the sum.
      }
    }
  }

  private synchronized void sumUp() {
    if (active == 0) {
      LOG.atLevel(done > 0 || mayReport() ? Level.INFO : Level.DEBUG).log("{}", summary());
      done = 0;
      failed = 0;
      copiedBlocks = 0;
      sizeBlocks = 0;
    }
  }

  /** Whether one more line about failures is not too many. */
  synchronized boolean mayReport() {
    long nowNanos = clockNanos.getAsLong();
    if (nowNanos - reportPeriodNanos >= REPORT_PERIOD_NANOS) {
      reportPeriodNanos = nowNanos;
      reports = 0;
    }
    return ++reports <= REPORTS_MAX;
  }

  synchronized String summary() {
    return "catch-up: %d chunks in %d ms, copied %d of %d blocks (%s of %s), %d attempts failed"
        .formatted(
            done,
            (lastNanos - firstNanos) / 1_000_000,
            copiedBlocks,
            sizeBlocks,
            Sizes.format(copiedBlocks * Frame.BLOCK_BYTES),
            Sizes.format(sizeBlocks * Frame.BLOCK_BYTES),
            failed);
  }
}
