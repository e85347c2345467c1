package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import net.openhft.chronicle.bytes.MappedBytes;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A segment that is mapped from its file: what was written and not forced is in the page cache, and
 * survives the process. Each first write to a page after a sync costs a page fault.
 */
final class MappedSegment implements Region {
  private final FileChannel channel;
  private final MappedBytes mapping;
  private final UnsafeBuffer buffer;
  private final int sizeBytes;
  private final Executor blocking;
  private final Executor loop;

  @SuppressWarnings("restricted")
  MappedSegment(Path file, int sizeBytes, Executor blocking, Executor loop) throws IOException {
    this.sizeBytes = sizeBytes;
    this.blocking = blocking;
    this.loop = loop;
    channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    mapping = MappedBytes.singleMappedBytes(file.toFile(), sizeBytes);
    mapping.singleThreadedCheckDisabled(true);
    // A ByteBuffer over the mapping, so that checksums are taken without a copy.
    buffer =
        new UnsafeBuffer(
            java.lang.foreign.MemorySegment.ofAddress(mapping.addressForRead(0))
                .reinterpret(sizeBytes)
                .asByteBuffer());
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
            // The descriptor's data sync writes what is dirty through the mapping as well.
            channel.force(false);
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
      channel.close();
    } catch (IOException e) {
      throw new IllegalStateException("cannot close a journal segment", e);
    }
  }
}
