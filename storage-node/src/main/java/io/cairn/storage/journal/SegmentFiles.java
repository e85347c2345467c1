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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The segments of a journal as files that are written once before they are used: the first write to
 * a page that was only allocated costs fifteen times as much, and its sync twice. Which files are
 * the journal's is said by the {@link SegmentMap}; which part of the log one holds, by its header.
 *
 * <p>As long as a journal has the size that it was made with, its files are those that releases
 * before the map expect. They count them and find a segment by its serial modulo their number,
 * which is wrong after the first change: so the first file gets another name before that, without
 * which they do not begin.
 */
public final class SegmentFiles implements SegmentSource {
  /** Smallest segment: four records of the largest size. */
  public static final int SEGMENT_BYTES_MIN = 4 << 20;

  /** Largest segment. */
  public static final int SEGMENT_BYTES_MAX = 1 << 30;

  private static final Logger LOG = LoggerFactory.getLogger(SegmentFiles.class);
  private static final String PREFIX = "segment-";
  private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d{3,7}|first)(\\.new)?");

  /** The first file of a journal that was resized. */
  private static final String FIRST = PREFIX + "first";

  private static final int ZEROES_BYTES = 1 << 20;

  /** Syncs that are under way at one time while a journal is made. */
  private static final int SYNCS_MAX = 16;

  private final Path directory;
  private final int segmentBytes;
  private final Executor blocking;
  private final Executor loop;
  private final Device device;

  /** Or null: then the files themselves are mapped. */
  private final WorkingCopy copy;

  private final SortedMap<Integer, Region> segments = new TreeMap<>();

  /** Numbers that are not used again: whether the map has them is not known. */
  private final Set<Integer> doubtful = new HashSet<>();

  private volatile long sizeBytes;

  private SegmentFiles(
      Path directory,
      int segmentBytes,
      Executor blocking,
      Executor loop,
      Device device,
      WorkingCopy copy) {
    this.directory = directory;
    this.segmentBytes = segmentBytes;
    this.blocking = blocking;
    this.loop = loop;
    this.device = device;
    this.copy = copy;
  }

  /** As below, on a device that nobody watches. */
  public static SegmentFiles open(
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
   * Opens the segments of a directory; makes them when the directory is new. One that is not has
   * the segments that it has, however many that are.
   *
   * @param segmentCount how many are made.
   * @param memory a file system in memory for the working copy, or null for none: then, and where
   *     that has no room or the device takes no direct writes, the segments are mapped.
   * @param blocking runs syncs.
   * @param loop where syncs are answered.
   * @param device is told of each sync.
   * @throws IOException when the device is full, or a segment that was there is lost, or they have
   *     not the size that is asked for: that of a segment cannot be changed.
   */
  public static SegmentFiles open(
      Path directory,
      int segmentBytes,
      int segmentCount,
      Path memory,
      Executor blocking,
      Executor loop,
      Device device)
      throws IOException {
    Files.createDirectories(directory);
    if (!isMade(directory)) {
      requireUnused(directory);
      make(directory, segmentBytes, segmentCount);
    }
    SortedSet<Integer> numbers = numbers(directory, segmentCount);
    for (int number : numbers) {
      Path file = file(directory, number);
      if (Files.size(file) != segmentBytes) {
        throw new IOException(
            file + " has " + Files.size(file) + " bytes, not the configured " + segmentBytes);
      }
    }
    WorkingCopy copy = WorkingCopy.open(memory, directory, segmentBytes, numbers);
    SegmentFiles files = new SegmentFiles(directory, segmentBytes, blocking, loop, device, copy);
    try {
      for (int number : numbers) {
        files.segments.put(number, files.region(number));
      }
    } catch (IOException | RuntimeException e) {
      files.segments.values().forEach(region -> region.close(false));
      throw e;
    }
    files.count();
    return files;
  }

  private Region region(int number) throws IOException {
    return copy == null
        ? new MappedSegment(
            file(directory, number),
            segmentBytes,
            new WatchedDevice(new CachedDevice(file(directory, number)), device),
            blocking,
            loop)
        : new MappedSegment(
            copy.file(number),
            segmentBytes,
            new WatchedDevice(new CopiedDevice(copy, number), device),
            blocking,
            loop);
  }

  /** All segments, by number. */
  public List<Region> regions() {
    return List.copyOf(segments.values());
  }

  /** What the segments take of the device; any thread. */
  public long sizeBytes() {
    return sizeBytes;
  }

  private void count() {
    sizeBytes = (long) segments.size() * segmentBytes;
  }

  /** The first one is made last: where it is, all are. One that was resized has a map. */
  private static boolean isMade(Path directory) {
    return Files.exists(usualFile(directory, 0)) || SegmentMap.isThere(directory);
  }

  /** Which segments the journal has. */
  private static SortedSet<Integer> numbers(Path directory, int segmentCount) throws IOException {
    SortedSet<Integer> numbers;
    if (SegmentMap.isThere(directory)) {
      numbers = SegmentMap.read(directory);
      deleteOthers(directory, numbers);
    } else {
      numbers = withoutMap(directory, segmentCount);
    }
    for (int number : numbers) {
      if (!Files.exists(file(directory, number))) {
        throw new IOException(file(directory, number) + " is missing: it was lost");
      }
    }
    return numbers;
  }

  /**
   * New, or of a release before the map: where one may be lost, nothing but their number says so.
   */
  private static SortedSet<Integer> withoutMap(Path directory, int segmentCount)
      throws IOException {
    SortedSet<Integer> numbers = new TreeSet<>();
    while (Files.exists(usualFile(directory, numbers.size()))) {
      numbers.add(numbers.size());
    }
    if (numbers.size() != segmentCount) {
      throw new IOException(
          "the journal "
              + directory
              + " has "
              + numbers.size()
              + " segments, not the configured "
              + segmentCount
              + ", and may have lost some: its size can be changed once it was opened as it is");
    }
    try {
      SegmentMap.write(directory, numbers);
    } catch (IOException e) {
      LOG.warn("the journal {} is used without a map of its segments: {}", directory, e.toString());
    }
    return numbers;
  }

  /** What a process left that died while it made segments, or took them away. */
  private static void deleteOthers(Path directory, Set<Integer> numbers) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*")) {
      for (Path file : files) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        if (name.matches()
            && (name.group(2) != null
                || !numbers.contains(
                    name.group(1).equals("first") ? 0 : Integer.parseInt(name.group(1))))) {
          LOG.info("{} is no part of the journal, and is deleted", file);
          Files.deleteIfExists(file);
        }
      }
    }
  }

  @Override
  public List<Region> make(int count) throws IOException {
    device.run(Device.Operation.WRITE, () -> {});
    leaveOldLayout();
    SortedSet<Integer> numbers = new TreeSet<>();
    for (int number = 0; numbers.size() < count; number++) {
      if (!segments.containsKey(number) && !doubtful.contains(number)) {
        numbers.add(number);
      }
    }
    SortedMap<Integer, Region> made = new TreeMap<>();
    try {
      requireRoom(directory, (long) count * segmentBytes);
      if (copy != null) {
        copy.add(numbers);
      }
      prewrite(directory, segmentBytes, numbers);
      for (int number : numbers) {
        Files.move(
            draft(directory, number), file(directory, number), StandardCopyOption.ATOMIC_MOVE);
      }
      NativeFile.syncDirectory(directory);
      for (int number : numbers) {
        made.put(number, region(number));
      }
    } catch (IOException | RuntimeException e) {
      made.values().forEach(region -> region.close(false));
      for (int number : numbers) {
        delete(number);
      }
      throw e;
    }
    SortedSet<Integer> all = new TreeSet<>(segments.keySet());
    all.addAll(numbers);
    try {
      SegmentMap.write(directory, all);
    } catch (IOException e) {
      // Their files stay: the map may have them.
      doubtful.addAll(numbers);
      made.values().forEach(region -> region.close(false));
      throw e;
    }
    segments.putAll(made);
    count();
    return List.copyOf(made.values());
  }

  @Override
  public void take(List<Region> taken) throws IOException {
    List<Integer> numbers = new ArrayList<>();
    for (Map.Entry<Integer, Region> segment : segments.entrySet()) {
      if (taken.contains(segment.getValue())) {
        numbers.add(segment.getKey());
      }
    }
    numbers.forEach(segments::remove);
    doubtful.addAll(numbers);
    taken.forEach(region -> region.close(false));
    device.run(Device.Operation.WRITE, () -> {});
    leaveOldLayout();
    SegmentMap.write(directory, new TreeSet<>(segments.keySet()));
    numbers.forEach(doubtful::remove);
    for (int number : numbers) {
      delete(number);
    }
    count();
  }

  /** From here on releases that find segments by their number among the files do not begin. */
  private void leaveOldLayout() throws IOException {
    if (Files.exists(usualFile(directory, 0))) {
      if (!SegmentMap.isThere(directory)) {
        SegmentMap.write(directory, new TreeSet<>(segments.keySet()));
      }
      Files.move(usualFile(directory, 0), directory.resolve(FIRST), StandardCopyOption.ATOMIC_MOVE);
      NativeFile.syncDirectory(directory);
    }
  }

  private void delete(int number) throws IOException {
    Files.deleteIfExists(draft(directory, number));
    Files.deleteIfExists(file(directory, number));
    if (copy != null) {
      copy.drop(number);
    }
  }

  /** What a process left that died while it made the journal is all zeroes. */
  private static void requireUnused(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*")) {
      for (Path file : files) {
        try (InputStream bytes = Files.newInputStream(file)) {
          for (byte b : bytes.readNBytes(Journal.SEGMENT_HEADER_BYTES)) {
            if (b != 0) {
              throw new IOException(
                  file + " is in use, but " + usualFile(directory, 0) + " is missing: it was lost");
            }
          }
        }
      }
    }
  }

  /** Bytes that {@link #open} will write because the directory has no journal yet. */
  public static long missingBytes(Path directory, int segmentBytes, int segmentCount) {
    if (isMade(directory)) {
      return 0;
    }
    long missing = (long) segmentBytes * segmentCount;
    for (int i = 1; i < segmentCount; i++) {
      missing -= Files.exists(usualFile(directory, i)) ? segmentBytes : 0;
    }
    return missing;
  }

  /**
   * Whether a process that did not stop cleanly left records in memory that the files may lack.
   *
   * @param memory as in {@link #open}.
   */
  public static boolean hasNewerCopy(Path memory, Path directory) throws IOException {
    return memory != null && WorkingCopy.isLeft(memory, directory);
  }

  private static void make(Path directory, int segmentBytes, int segmentCount) throws IOException {
    requireRoom(directory, missingBytes(directory, segmentBytes, segmentCount));
    for (int i = segmentCount; Files.deleteIfExists(usualFile(directory, i)); i++) {
      // Left by an attempt to make a larger one.
    }
    SortedSet<Integer> numbers = new TreeSet<>();
    for (int i = 0; i < segmentCount; i++) {
      numbers.add(i);
    }
    prewrite(directory, segmentBytes, numbers);
    for (int i = segmentCount - 1; i >= 0; i--) {
      if (i == 0) {
        NativeFile.syncDirectory(directory);
      }
      Files.move(draft(directory, i), usualFile(directory, i), StandardCopyOption.ATOMIC_MOVE);
    }
    NativeFile.syncDirectory(directory);
    Path parent = directory.toAbsolutePath().getParent();
    NativeFile.syncDirectory(parent);
    NativeFile.syncDirectory(parent.getParent() == null ? parent : parent.getParent());
  }

  private static void requireRoom(Path directory, long needed) throws IOException {
    long usable = Files.getFileStore(directory).getUsableSpace();
    if (usable < needed) {
      throw new IOException(
          "the journal " + directory + " needs " + needed + " bytes; the device has " + usable);
    }
  }

  /** Where a segment lies, or would. */
  static Path file(Path directory, int number) {
    Path usual = usualFile(directory, number);
    return number == 0 && !Files.exists(usual) ? directory.resolve(FIRST) : usual;
  }

  /** Of a journal that was never resized. */
  private static Path usualFile(Path directory, int number) {
    return directory.resolve(PREFIX + "%03d".formatted(number));
  }

  private static Path draft(Path directory, int number) {
    return directory.resolve(usualFile(directory, number).getFileName() + ".new");
  }

  /**
   * Writes the drafts, and syncs them beside each other: the file system then commits them once.
   */
  private static void prewrite(Path directory, int bytes, SortedSet<Integer> numbers)
      throws IOException {
    List<FileChannel> drafts = new ArrayList<>();
    try {
      for (int i : numbers) {
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
      for (int i : numbers) {
        Files.deleteIfExists(draft(directory, i));
      }
      throw new IOException(
          "cannot make "
              + numbers.size()
              + " segments of the journal "
              + directory
              + ": "
              + e.getMessage(),
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
