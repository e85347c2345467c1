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
 * <p>It stands for a device much larger than memory: nothing is ever in the page cache.
 */
public final class SlowCapacityTier implements CapacityTier {
  /** A run of the destager waits when it is so far ahead, so that reads get their turn. */
  private static final long AHEAD_NANOS = 5_000_000;

  private final CapacityTier tier;
  private final SlowDevice device;

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

  private void wait(boolean seeks, int blockCount) {
    awaitUntil(use(seeks, blockCount), 0);
  }

  private long use(boolean seeks, int blockCount) {
    return device.doneNanos(System.nanoTime(), seeks, (long) blockCount * Frame.BLOCK_BYTES);
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
    wait(true, blockCount);
  }

  @Override
  public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
      throws IOException {
    tier.zero(chunk, blockOffset, blockCount, allocate);
    wait(true, 0);
  }

  @Override
  public void read(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    tier.read(chunk, blockOffset, blockCount, target, targetOffset);
    wait(true, blockCount);
  }

  @Override
  public void sync(ChunkId chunk) throws IOException {
    tier.sync(chunk);
    wait(true, 0);
  }

  @Override
  public void trash(ChunkId chunk, long sizeBytes) throws IOException {
    tier.trash(chunk, sizeBytes);
    wait(true, 0);
  }

  @Override
  public Writer writer() {
    return new SlowWriter(tier.writer());
  }

  /** One run's writes: a block that follows the one before takes no seek. */
  private final class SlowWriter implements Writer {
    private final Writer writer;
    private ChunkId last;
    private int lastEnd;

    SlowWriter(Writer writer) {
      this.writer = writer;
    }

    private void moved(ChunkId chunk, int blockOffset, int blockCount, int bytesOfBlocks) {
      boolean seeks = !chunk.equals(last) || blockOffset != lastEnd;
      last = chunk;
      lastEnd = blockOffset + blockCount;
      awaitUntil(use(seeks, bytesOfBlocks), AHEAD_NANOS);
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
      last = null;
      SlowCapacityTier.this.wait(true, 0);
    }

    @Override
    public void close() {
      writer.close();
    }
  }
}
