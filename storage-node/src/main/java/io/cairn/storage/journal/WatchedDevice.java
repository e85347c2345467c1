package io.cairn.storage.journal;

import io.cairn.storage.device.Device;
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
  }

  @Override
  public void close(boolean forced) throws IOException {
    segment.close(forced);
  }
}
