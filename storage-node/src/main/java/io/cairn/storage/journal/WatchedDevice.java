package io.cairn.storage.journal;

import io.cairn.storage.device.Device;
import io.cairn.storage.device.NativeFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A segment's device of which the node's watch is told. */
final class WatchedDevice implements MappedSegment.Device {
  private final MappedSegment.Device segment;
  private final Device device;

  WatchedDevice(MappedSegment.Device segment, Device device) {
    this.segment = segment;
    this.device = device;
  }

  @Override
  public boolean mapsMemory() {
    return segment.mapsMemory();
  }

  @Override
  public void force(MemorySegment memory, int offsetBytes, int lengthBytes) throws IOException {
    device.run(Device.Operation.SYNC, () -> segment.force(memory, offsetBytes, lengthBytes));
    device.wrote(wholePagesBytes(offsetBytes, lengthBytes));
  }

  /** A page that was not full at one sync is written again by the next. */
  static long wholePagesBytes(int offsetBytes, int lengthBytes) {
    long page = NativeFile.DIRECT_ALIGNMENT;
    long end = (offsetBytes + lengthBytes + page - 1) & -page;
    return end - (offsetBytes & -page);
  }

  @Override
  public void close(boolean forced) throws IOException {
    segment.close(forced);
  }
}
