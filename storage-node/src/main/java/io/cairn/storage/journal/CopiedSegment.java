package io.cairn.storage.journal;

import io.cairn.storage.device.NativeFile;
import io.cairn.storage.env.Region;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import net.openhft.chronicle.bytes.MappedBytes;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A segment whose bytes lie in a {@link WorkingCopy}; a force writes them to the device directly.
 * Appending costs no page faults, and syncing nothing per page.
 */
final class CopiedSegment implements Region {
  private final WorkingCopy copy;
  private final int number;
  private final int sizeBytes;
  private final NativeFile device;
  private final MappedBytes mapping;
  private final MemorySegment memory;
  private final UnsafeBuffer buffer;
  private final Executor blocking;
  private final Executor loop;

  @SuppressWarnings("restricted")
  CopiedSegment(WorkingCopy copy, int number, Executor blocking, Executor loop) throws IOException {
    this.copy = copy;
    this.number = number;
    this.sizeBytes = copy.segmentBytes();
    this.blocking = blocking;
    this.loop = loop;
    device = copy.openDevice(number);
    mapping = MappedBytes.singleMappedBytes(copy.file(number).toFile(), sizeBytes);
    mapping.singleThreadedCheckDisabled(true);
    memory = MemorySegment.ofAddress(mapping.addressForRead(0)).reinterpret(sizeBytes);
    // A ByteBuffer over the mapping, so that checksums are taken without a copy.
    buffer = new UnsafeBuffer(memory.asByteBuffer());
  }

  @Override
  public MutableDirectBuffer buffer() {
    return buffer;
  }

  @Override
  public int sizeBytes() {
    return sizeBytes;
  }

  @Override
  public void force(int offsetBytes, int lengthBytes, Consumer<Throwable> onDone) {
    blocking.execute(
        () -> {
          Throwable failure = null;
          try {
            write(offsetBytes, lengthBytes);
          } catch (IOException | RuntimeException | Error e) {
            failure = e;
          }
          Throwable outcome = failure;
          loop.execute(() -> onDone.accept(outcome));
        });
  }

  /**
   * Whole pages: what the loop appends meanwhile to the last one is forced again by its own sync,
   * and what was durable in the first one is written as it is.
   */
  private void write(int offset, int length) throws IOException {
    int from = offset & -NativeFile.DIRECT_ALIGNMENT;
    int to = Math.min(sizeBytes, WorkingCopy.pages(offset + length));
    device.write(memory.asSlice(from, to - from), from);
    device.sync();
  }

  @Override
  public void close(boolean forced) {
    try {
      if (forced) {
        copy.delete(number);
      }
      mapping.releaseLast();
      device.close();
    } catch (IOException e) {
      throw new IllegalStateException("cannot close a journal segment", e);
    }
  }
}
