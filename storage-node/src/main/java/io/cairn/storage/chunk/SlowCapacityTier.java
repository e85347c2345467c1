package io.cairn.storage.chunk;

import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A capacity tier that is as slow as one is told: for measurements of what is in front of it, on a
 * machine whose disks are all fast. Its calls do what the other tier's do and then wait until a
 * device of so many seeks and bytes a second would be done, of which all shards share one. A sync
 * costs a seek.
 *
 * <p>It stands for a device much larger than memory: nothing is in the page cache but what was read
 * ahead and not used yet.
 */
public final class SlowCapacityTier implements CapacityTier {
  /** A run of the destager waits when it is so far ahead, so that reads get their turn. */
  private static final long AHEAD_NANOS = 5_000_000;

  private static final int AHEAD_PART_BLOCKS = 32;

  private final CapacityTier tier;
  private final SlowDevice device;
  private final AheadBlocks ahead = new AheadBlocks();

  /**
   * Slows another tier down.
   *
   * @param seeksPerSecond random requests a second.
   * @param bytesPerSecond of sequential ones.
   */
  public SlowCapacityTier(CapacityTier tier, long seeksPerSecond, long bytesPerSecond) {
    this.tier = tier;
    device = new SlowDevice(seeksPerSecond, bytesPerSecond);
  }

  private void elsewhere() {
    awaitUntil(device.elsewhereNanos(System.nanoTime()), 0);
  }

  private long use(ChunkId chunk, int blockOffset, int blockCount, int movedBlocks) {
    return device.doneNanos(
        System.nanoTime(), chunk, blockOffset, blockCount, (long) movedBlocks * Frame.BLOCK_BYTES);
  }

  private static void awaitUntil(long doneNanos, long aheadNanos) {
    if (doneNanos - System.nanoTime() <= aheadNanos) {
      return;
    }
    for (long left = doneNanos - System.nanoTime();
        left > 0;
        left = doneNanos - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  @Override
  public boolean reserve(long sizeBytes) {
    return tier.reserve(sizeBytes);
  }

  @Override
  public void adopt(long sizeBytes) {
    tier.adopt(sizeBytes);
  }

  @Override
  public void write(
      ChunkId chunk, int blockOffset, int blockCount, DirectBuffer source, int sourceOffset)
      throws IOException {
    tier.write(chunk, blockOffset, blockCount, source, sourceOffset);
    ahead.forget(chunk, blockOffset, blockCount);
    awaitUntil(use(chunk, blockOffset, blockCount, blockCount), 0);
  }

  @Override
  public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
      throws IOException {
    tier.zero(chunk, blockOffset, blockCount, allocate);
    ahead.forget(chunk, blockOffset, blockCount);
    elsewhere();
  }

  @Override
  public void read(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    tier.read(chunk, blockOffset, blockCount, target, targetOffset);
    long doneNanos = ahead.take(chunk, blockOffset, blockCount);
    awaitUntil(
        doneNanos == AheadBlocks.NONE ? use(chunk, blockOffset, blockCount, blockCount) : doneNanos,
        0);
  }

  @Override
  public boolean readCached(
      ChunkId chunk,
      int blockOffset,
      int blockCount,
      MutableDirectBuffer target,
      int targetOffset) {
    return ahead.isThere(chunk, blockOffset, blockCount, System.nanoTime())
        && tier.readCached(chunk, blockOffset, blockCount, target, targetOffset)
        && ahead.take(chunk, blockOffset, blockCount) != AheadBlocks.NONE;
  }

  @Override
  public void readAhead(ChunkId chunk, int blockOffset, int blockCount) {
    tier.readAhead(chunk, blockOffset, blockCount);
    // Reads that somebody waits for come between two parts of it.
    for (int done = 0; done < blockCount; done += AHEAD_PART_BLOCKS) {
      int count = Math.min(AHEAD_PART_BLOCKS, blockCount - done);
      long doneNanos = use(chunk, blockOffset + done, count, count);
      ahead.add(chunk, blockOffset + done, count, doneNanos);
    }
  }

  @Override
  public void sync(ChunkId chunk) throws IOException {
    tier.sync(chunk);
    elsewhere();
  }

  @Override
  public void trash(ChunkId chunk, long sizeBytes) throws IOException {
    tier.trash(chunk, sizeBytes);
    elsewhere();
  }

  @Override
  public Writer writer() {
    return new SlowWriter(tier.writer());
  }

  /** One run's writes. */
  private final class SlowWriter implements Writer {
    private final Writer writer;

    SlowWriter(Writer writer) {
      this.writer = writer;
    }

    private void moved(ChunkId chunk, int blockOffset, int blockCount, int movedBlocks) {
      ahead.forget(chunk, blockOffset, blockCount);
      awaitUntil(use(chunk, blockOffset, blockCount, movedBlocks), AHEAD_NANOS);
    }

    @Override
    public void sourcesStay() {
      writer.sourcesStay();
    }

    @Override
    public int write(
        ChunkId chunk,
        int blockOffset,
        int blockCount,
        DirectBuffer source,
        int offset,
        int[] crcs,
        int crcOffset)
        throws IOException {
      int bad = writer.write(chunk, blockOffset, blockCount, source, offset, crcs, crcOffset);
      moved(chunk, blockOffset, blockCount, blockCount);
      return bad;
    }

    @Override
    public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
        throws IOException {
      writer.zero(chunk, blockOffset, blockCount, allocate);
      moved(chunk, blockOffset, blockCount, 0);
    }

    @Override
    public void sync() throws IOException {
      writer.sync();
      elsewhere();
    }

    @Override
    public void close() {
      writer.close();
    }
  }
}
