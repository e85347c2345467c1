package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import net.openhft.chronicle.bytes.MappedBytes;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** A segment that is mapped from a file, so that what was not forced survives the process. */
final class MappedSegment implements Region {
  /** What makes a segment's bytes durable; its calls block. */
  interface Device {
    /** Makes a range of the mapped bytes durable. */
    void force(MemorySegment memory, int offsetBytes, int lengthBytes) throws IOException;

    /**
     * The segment is not used any more.
     *
     * @param forced as {@link Region#close} says.
     */
    void close(boolean forced) throws IOException;
  }

  private final Device device;
  private final MappedBytes mapping;
  private final MemorySegment memory;
  private final UnsafeBuffer buffer;
  private final int sizeBytes;
  private final Executor blocking;
  private final Executor loop;

  /** Takes the device over once it has returned. */
  @SuppressWarnings("restricted")
  MappedSegment(Path file, int sizeBytes, Device device, Executor blocking, Executor loop)
      throws IOException {
    this.device = device;
    this.sizeBytes = sizeBytes;
    this.blocking = blocking;
    this.loop = loop;
    mapping = MappedBytes.singleMappedBytes(file.toFile(), sizeBytes);
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
            device.force(memory, offsetBytes, lengthBytes);
          } catch (IOException | RuntimeException | Error e) {
            failure = e;
          }
          Throwable outcome = failure;
          loop.execute(() -> onDone.accept(outcome));
        });
  }

  @Override
  public void close(boolean forced) {
    try {
      mapping.releaseLast();
      device.close(forced);
    } catch (IOException e) {
      throw new IllegalStateException("cannot close a journal segment", e);
    }
  }
}
