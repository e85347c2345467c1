package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import net.openhft.chronicle.bytes.MappedBytes;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** A segment that is mapped from a file, so that what was not forced survives the process. */
final class MappedSegment implements Region {
  /** What makes a segment's bytes durable; its calls block. */
  interface Device {
    /** Whether the mapped file is kept in memory only. */
    boolean mapsMemory();

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

  // One sync is under way at most: these are its own, and go from the loop to a thread and back.
  private final Runnable force = this::force;
  private final Runnable forced = this::forced;
  private int forceOffset;
  private int forceLength;
  private Consumer<Throwable> whenForced;
  private Throwable failure;

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
  public boolean isMemory() {
    return device.mapsMemory();
  }

  @Override
  public int sizeBytes() {
    return sizeBytes;
  }

  @Override
  public void force(int offsetBytes, int lengthBytes, Consumer<Throwable> onDone) {
    if (whenForced != null) {
      throw new IllegalStateException("a sync of the segment is under way");
    }
    forceOffset = offsetBytes;
    forceLength = lengthBytes;
    whenForced = onDone;
    try {
      blocking.execute(force);
    } catch (RejectedExecutionException e) {
      whenForced = null;
      throw e;
    }
  }

  /** Off the loop. */
  private void force() {
    failure = null;
    try {
      device.force(memory, forceOffset, forceLength);
    } catch (IOException | RuntimeException | Error e) {
      failure = e;
    }
    loop.execute(forced);
  }

  /** On the loop. */
  private void forced() {
    Consumer<Throwable> told = whenForced;
    whenForced = null;
    told.accept(failure);
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
