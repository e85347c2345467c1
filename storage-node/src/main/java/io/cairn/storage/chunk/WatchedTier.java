package io.cairn.storage.chunk;

import io.cairn.storage.device.Device;
import io.cairn.storage.device.Device.Operation;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A capacity tier whose device is told of each call. A read from the page cache is none. Writes
 * that a writer gathers reach the device at its next call or at its sync: it is those that take the
 * time.
 */
public final class WatchedTier implements CapacityTier {
  private final CapacityTier tier;
  private final Device device;

  /** The same tier on the device. */
  public WatchedTier(CapacityTier tier, Device device) {
    this.tier = tier;
    this.device = device;
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
    device.run(
        Operation.WRITE, () -> tier.write(chunk, blockOffset, blockCount, source, sourceOffset));
    device.wrote((long) blockCount * Frame.BLOCK_BYTES);
  }

  @Override
  public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
      throws IOException {
    device.run(Operation.WRITE, () -> tier.zero(chunk, blockOffset, blockCount, allocate));
  }

  @Override
  public void read(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    device.run(
        Operation.READ, () -> tier.read(chunk, blockOffset, blockCount, target, targetOffset));
  }

  @Override
  public boolean readCached(
      ChunkId chunk,
      int blockOffset,
      int blockCount,
      MutableDirectBuffer target,
      int targetOffset) {
    return tier.readCached(chunk, blockOffset, blockCount, target, targetOffset);
  }

  @Override
  public boolean isSlow() {
    return device.readsAreSlow();
  }

  @Override
  public void readAhead(ChunkId chunk, int blockOffset, int blockCount) {
    // What the device does for it goes on when the call has returned: its time would say nothing.
    tier.readAhead(chunk, blockOffset, blockCount);
  }

  @Override
  public void readDevice(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    device.run(
        Operation.READ,
        () -> tier.readDevice(chunk, blockOffset, blockCount, target, targetOffset));
  }

  @Override
  public void sync(ChunkId chunk) throws IOException {
    device.run(Operation.SYNC, () -> tier.sync(chunk));
  }

  @Override
  public void trash(ChunkId chunk, long sizeBytes) throws IOException {
    device.run(Operation.WRITE, () -> tier.trash(chunk, sizeBytes));
  }

  @Override
  public Writer writer() {
    return new WatchedWriter(tier.writer());
  }

  private final class WatchedWriter implements Writer {
    private final Writer writer;

    WatchedWriter(Writer writer) {
      this.writer = writer;
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
      int bad =
          device.get(
              Operation.WRITE,
              () -> writer.write(chunk, blockOffset, blockCount, source, offset, crcs, crcOffset));
      device.wrote((long) blockCount * Frame.BLOCK_BYTES);
      return bad;
    }

    @Override
    public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
        throws IOException {
      device.run(Operation.WRITE, () -> writer.zero(chunk, blockOffset, blockCount, allocate));
    }

    @Override
    public void sync() throws IOException {
      device.run(Operation.SYNC, writer::sync);
    }

    @Override
    public void close() {
      writer.close();
    }
  }
}
