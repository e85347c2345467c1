package io.cairn.storage.journal;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The very file that a segment is mapped from: what was not forced is in the page cache. Each first
 * write to a page after a sync costs a page fault.
 */
final class CachedDevice implements MappedSegment.Device {
  private final FileChannel channel;

  CachedDevice(Path file) throws IOException {
    channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  @Override
  public boolean mapsMemory() {
    return false;
  }

  /** The descriptor's data sync writes what is dirty through the mapping as well. */
  @Override
  public void force(MemorySegment memory, int offsetBytes, int lengthBytes) throws IOException {
    channel.force(false);
  }

  @Override
  public void close(boolean forced) throws IOException {
    channel.close();
  }
}
