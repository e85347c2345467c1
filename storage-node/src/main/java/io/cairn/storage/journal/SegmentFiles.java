package io.cairn.storage.journal;

import io.cairn.storage.device.Device;
import io.cairn.storage.device.NativeFile;
import io.cairn.storage.env.Region;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The segments of a journal as files that are written once before they are used: the first write to
 * a page that was only allocated costs fifteen times as much, and its sync twice.
 */
public final class SegmentFiles {
  /** Smallest segment: four records of the largest size. */
  public static final int SEGMENT_BYTES_MIN = 4 << 20;

  /** Largest segment. */
  public static final int SEGMENT_BYTES_MAX = 1 << 30;

  private static final String PREFIX = "segment-";
  private static final int ZEROES_BYTES = 1 << 20;

  /** Syncs that are under way at one time while a journal is made. */
  private static final int SYNCS_MAX = 16;

  private SegmentFiles() {}

  /** As below, on a device that nobody watches. */
  public static List<Region> open(
      Path directory,
      int segmentBytes,
      int segmentCount,
      Path memory,
      Executor blocking,
      Executor loop)
      throws IOException {
    Device unwatched = new Device(Device.Tier.CACHE, directory, null);
    return open(directory, segmentBytes, segmentCount, memory, blocking, loop, unwatched);
  }

  /**
   * Opens the segments of a directory; makes them when the directory is new.
   *
   * @param memory a file system in memory for the working copy, or null for none: then, and where
   *     that has no room or the device takes no direct writes, the segments are mapped.
   * @param blocking runs syncs.
   * @param loop where syncs are answered.
   * @param device is told of each sync.
   * @throws IOException when the device is full, or the segments there are not as many, or not of
   *     the size, that is asked for: where a position lies depends on both, so a journal that may
   *     hold records keeps them.
   */
  public static List<Region> open(
      Path directory,
      int segmentBytes,
      int segmentCount,
      Path memory,
      Executor blocking,
      Executor loop,
      Device device)
      throws IOException {
    Files.createDirectories(directory);
    // The first one is made last: where it is, all are.
    if (!Files.exists(file(directory, 0))) {
      requireUnused(directory);
      make(directory, segmentBytes, segmentCount);
    }
    int present = 0;
    while (Files.exists(file(directory, present))) {
      present++;
    }
    if (present != segmentCount) {
      throw new IOException(
          "the journal "
              + directory
              + " has "
              + present
              + " segments, not the configured "
              + segmentCount
              + ": its size cannot be changed");
    }
    for (int i = 0; i < segmentCount; i++) {
      Path file = file(directory, i);
      if (Files.size(file) != segmentBytes) {
        throw new IOException(
            file + " has " + Files.size(file) + " bytes, not the configured " + segmentBytes);
      }
    }
    WorkingCopy copy = WorkingCopy.open(memory, directory, segmentBytes, segmentCount);
    List<Region> regions = new ArrayList<>();
    try {
      for (int i = 0; i < segmentCount; i++) {
        regions.add(
            copy == null
                ? new MappedSegment(
                    file(directory, i),
                    segmentBytes,
                    new WatchedDevice(new CachedDevice(file(directory, i)), device),
                    blocking,
                    loop)
                : new MappedSegment(
                    copy.file(i),
                    segmentBytes,
                    new WatchedDevice(new CopiedDevice(copy, i), device),
                    blocking,
                    loop));
      }
    } catch (IOException | RuntimeException e) {
      regions.forEach(region -> region.close(false));
      throw e;
    }
    return regions;
  }

  /** What a process left that died while it made the journal is all zeroes. */
  private static void requireUnused(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*")) {
      for (Path file : files) {
        try (InputStream bytes = Files.newInputStream(file)) {
          for (byte b : bytes.readNBytes(Journal.SEGMENT_HEADER_BYTES)) {
            if (b != 0) {
              throw new IOException(
                  file + " is in use, but " + file(directory, 0) + " is missing: it was lost");
            }
          }
        }
      }
    }
  }

  /** Bytes that {@link #open} will write because the directory has no journal yet. */
  public static long missingBytes(Path directory, int segmentBytes, int segmentCount) {
    if (Files.exists(file(directory, 0))) {
      return 0;
    }
    long missing = (long) segmentBytes * segmentCount;
    for (int i = 1; i < segmentCount; i++) {
      missing -= Files.exists(file(directory, i)) ? segmentBytes : 0;
    }
    return missing;
  }

  private static void make(Path directory, int segmentBytes, int segmentCount) throws IOException {
    long needed = missingBytes(directory, segmentBytes, segmentCount);
    long usable = Files.getFileStore(directory).getUsableSpace();
    if (usable < needed) {
      throw new IOException(
          "the journal " + directory + " needs " + needed + " bytes; the device has " + usable);
    }
    for (int i = segmentCount; Files.deleteIfExists(file(directory, i)); i++) {
      // Left by an attempt to make a larger one.
    }
    prewrite(directory, segmentBytes, segmentCount);
    for (int i = segmentCount - 1; i >= 0; i--) {
      if (i == 0) {
        NativeFile.syncDirectory(directory);
      }
      Files.move(draft(directory, i), file(directory, i), StandardCopyOption.ATOMIC_MOVE);
    }
    NativeFile.syncDirectory(directory);
    Path parent = directory.toAbsolutePath().getParent();
    NativeFile.syncDirectory(parent);
    NativeFile.syncDirectory(parent.getParent() == null ? parent : parent.getParent());
  }

  static Path file(Path directory, int number) {
    return directory.resolve(PREFIX + "%03d".formatted(number));
  }

  private static Path draft(Path directory, int number) {
    return directory.resolve(file(directory, number).getFileName() + ".new");
  }

  /**
   * Writes the drafts, and syncs them beside each other: the file system then commits them once.
   */
  private static void prewrite(Path directory, int bytes, int count) throws IOException {
    List<FileChannel> drafts = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        FileChannel draft =
            FileChannel.open(
                draft(directory, i),
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE);
        drafts.add(draft);
        writeZeroes(draft, draft(directory, i), bytes);
      }
      forceAll(drafts);
    } catch (IOException e) {
      for (int i = 0; i < count; i++) {
        Files.deleteIfExists(draft(directory, i));
      }
      throw new IOException(
          "cannot make the journal " + directory + " of " + count + " segments: " + e.getMessage(),
          e);
    } finally {
      for (FileChannel draft : drafts) {
        draft.close();
      }
    }
  }

  /** Past the page cache where that is possible: nobody reads them from there. */
  private static void writeZeroes(FileChannel file, Path path, int bytes) throws IOException {
    try (NativeFile direct = NativeFile.open(path, NativeFile.Mode.DIRECT);
        Arena arena = Arena.ofConfined()) {
      MemorySegment zeroes = arena.allocate(ZEROES_BYTES, NativeFile.DIRECT_ALIGNMENT);
      for (int done = 0; done < bytes; ) {
        MemorySegment part = zeroes.asSlice(0, Math.min(ZEROES_BYTES, bytes - done));
        if (direct != null) {
          direct.write(part, done);
          done += (int) part.byteSize();
        } else {
          done += file.write(part.asByteBuffer());
        }
      }
    }
  }

  private static void forceAll(List<FileChannel> files) throws IOException {
    ExecutorService threads = Executors.newFixedThreadPool(Math.min(files.size(), SYNCS_MAX));
    try (threads) {
      List<Future<?>> syncs = new ArrayList<>();
      for (FileChannel file : files) {
        syncs.add(
            threads.submit(
                () -> {
                  file.force(true);
                  return null;
                }));
      }
      for (Future<?> sync : syncs) {
        sync.get();
      }
    } catch (ExecutionException e) {
      throw new IOException(e.getCause().getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }
}
