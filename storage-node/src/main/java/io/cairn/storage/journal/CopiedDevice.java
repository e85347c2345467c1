package io.cairn.storage.journal;

import io.cairn.storage.device.NativeFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * The file of a segment whose bytes lie in a {@link WorkingCopy}; a force writes them to it
 * directly. Appending costs no page faults, and syncing nothing per page.
 */
final class CopiedDevice implements MappedSegment.Device {
  private final WorkingCopy copy;
  private final int number;
  private final NativeFile file;

  CopiedDevice(WorkingCopy copy, int number) throws IOException {
    this.copy = copy;
    this.number = number;
    file = copy.openDevice(number);
  }

  @Override
  public boolean mapsMemory() {
    return true;
  }

  /**
   * Whole pages: what the loop appends meanwhile to the last one is forced again by its own sync,
   * and what was durable in the first one is written as it is.
   */
  @Override
  public void force(MemorySegment memory, int offsetBytes, int lengthBytes) throws IOException {
    long from = offsetBytes & -NativeFile.DIRECT_ALIGNMENT;
    long end = offsetBytes + lengthBytes + NativeFile.DIRECT_ALIGNMENT - 1L;
    long to = Math.min(memory.byteSize(), end & -NativeFile.DIRECT_ALIGNMENT);
    file.writeDurably(memory.address() + from, to - from, from);
  }

  @Override
  public void close(boolean forced) throws IOException {
    try (file) {
      if (forced) {
        copy.delete(number);
      }
    }
  }
}
