package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import net.openhft.chronicle.bytes.MappedBytes;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The segments of a journal as mapped files that are written once before they are used: the first
 * touch of a page that was only allocated costs fifteen times as much, and its sync twice.
 */
public final class SegmentFiles {
  /** Smallest segment: four records of the largest size. */
  public static final int SEGMENT_BYTES_MIN = 4 << 20;

  /** Largest segment. */
  public static final int SEGMENT_BYTES_MAX = 1 << 30;

  private static final int ZEROES_BYTES = 1 << 20;

  private SegmentFiles() {}

  /**
   * Opens the segments of a directory; makes them when the directory is new, or more of them when
   * there are too few.
   *
   * @param blocking runs syncs.
   * @param loop where syncs are answered.
   * @throws IOException when the device is full, or the segments there are of another size or more
   *     than asked for: a journal that may hold records is never cut.
   */
  public static List<Region> open(
      Path directory, int segmentBytes, int segmentCount, Executor blocking, Executor loop)
      throws IOException {
    Files.createDirectories(directory);
    if (Files.exists(file(directory, segmentCount))) {
      throw new IOException(
          "the journal "
              + directory
              + " has more than "
              + segmentCount
              + " segments: it cannot be made smaller");
    }
    boolean isNew = !Files.exists(file(directory, 0));
    if (!isNew && !Files.exists(file(directory, segmentCount - 1))) {
      throw new IOException(
          "the journal " + directory + " has fewer than " + segmentCount + " segments");
    }
    List<Region> regions = new ArrayList<>();
    if (isNew) {
      // From the last to the first: the first one there says that all are.
      for (int i = segmentCount - 1; i >= 0; i--) {
        prewrite(file(directory, i), segmentBytes);
      }
    }
    for (int i = 0; i < segmentCount; i++) {
      Path file = file(directory, i);
      if (Files.size(file) != segmentBytes) {
        throw new IOException(
            file + " has " + Files.size(file) + " bytes, not the configured " + segmentBytes);
      }
      regions.add(new MappedRegion(file, segmentBytes, blocking, loop));
    }
    return regions;
  }

  private static Path file(Path directory, int number) {
    return directory.resolve("segment-%03d".formatted(number));
  }

  private static void prewrite(Path file, int bytes) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    try (FileChannel channel =
        FileChannel.open(
            draft,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer zeroes = ByteBuffer.allocateDirect(ZEROES_BYTES);
      for (long done = 0; done < bytes; ) {
        zeroes.clear().limit((int) Math.min(ZEROES_BYTES, bytes - done));
        done += channel.write(zeroes);
      }
      channel.force(true);
    } catch (IOException e) {
      Files.deleteIfExists(draft);
      throw new IOException(
          "cannot make the journal segment " + file + " of " + bytes + " bytes: " + e.getMessage(),
          e);
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel channel = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** One mapped file. */
  private static final class MappedRegion implements Region {
    private final FileChannel channel;
    private final MappedBytes mapping;
    private final UnsafeBuffer buffer;
    private final int sizeBytes;
    private final Executor blocking;
    private final Executor loop;

    @SuppressWarnings("restricted")
    MappedRegion(Path file, int sizeBytes, Executor blocking, Executor loop) throws IOException {
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
            } catch (IOException | RuntimeException e) {
              failure = e;
            }
            Throwable outcome = failure;
            loop.execute(() -> onDone.accept(outcome));
          });
    }

    @Override
    public void close() {
      try {
        mapping.releaseLast();
        channel.close();
      } catch (IOException e) {
        throw new IllegalStateException("cannot close a journal segment", e);
      }
    }
  }
}
