package io.cairn.storage.chunk;

import com.sun.management.UnixOperatingSystemMXBean;
import io.cairn.storage.device.NativeFile;
import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The chunk files that are open, the least recently used of them closed when there are too many.
 * For all threads; only {@link #acquireOpen} is for a shard's loop.
 */
final class ChunkFiles implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ChunkFiles.class);

  /** Files that are kept open at most, each with up to two descriptors. */
  private static final int OPEN_FILES_MAX = 16_384;

  /** Part of the process's descriptors that the files may have. */
  private static final int DESCRIPTORS_PART = 8;

  /** A file grows by this much at once: a direct write behind the end waits for the one before. */
  private static final long GROWTH_BYTES = 16L << 20;

  /** Files that are synced together, from so many on. */
  static final int SYNCED_AS_ONE_MIN = 32;

  private static final Pattern NAME = Pattern.compile("(\\d{1,18})/(\\d{1,9})-(\\d{1,9})");

  private final Path root;
  private final int openFilesMax;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<ChunkId, Opened> open = new LinkedHashMap<>(16, 0.75f, true);

  /** An open file and its users; closed by the last one once it was put aside. */
  static final class Opened {
    final NativeFile file;
    private final Path path;
    private NativeFile direct;
    private boolean directTried;
    private long sizeBytes;
    private final AtomicInteger users = new AtomicInteger(1);

    /** Written and not synced: were it closed now, a failure to write it could go unseen. */
    volatile boolean dirty;

    /** Written through the page cache and not synced: only its own sync tells of a failure. */
    volatile boolean cached;

    /** Whether a loss of power leaves the file its name; such a file stays open, as it is dirty. */
    private volatile boolean named;

    Opened(NativeFile file, Path path, boolean named) throws IOException {
      this.named = named;
      this.file = file;
      this.path = path;
      this.sizeBytes = file.sizeBytes();
    }

    /** The file for direct writes up to a position; null where the file system has none. */
    synchronized NativeFile direct(long endBytes) throws IOException {
      if (!directTried) {
        direct = NativeFile.open(path, NativeFile.Mode.DIRECT);
        directTried = true;
      }
      if (direct != null && endBytes > sizeBytes) {
        long grown = (endBytes + GROWTH_BYTES - 1) / GROWTH_BYTES * GROWTH_BYTES;
        file.resize(grown);
        sizeBytes = grown;
      }
      return direct;
    }

    private void close() throws IOException {
      try {
        if (direct != null) {
          direct.close();
        }
      } finally {
        file.close();
      }
    }
  }

  /** None yet; at most so many are kept open, but for those that are dirty. */
  ChunkFiles(Path root, int openFilesMax) {
    this.root = root;
    this.openFilesMax = openFilesMax;
  }

  /** What the process's limit of descriptors allows. */
  static int openFilesMax() {
    long descriptors =
        ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
            ? unix.getMaxFileDescriptorCount()
            : 0;
    return Math.clamp(descriptors / DESCRIPTORS_PART, 64, OPEN_FILES_MAX);
  }

  Path path(ChunkId id) {
    return root.resolve(Long.toString(id.volumeId())).resolve(id.layer() + "-" + id.index());
  }

  /** The chunk whose file that is; null when it is none. */
  static ChunkId chunk(Path file) {
    Matcher name = NAME.matcher(file.getParent().getFileName() + "/" + file.getFileName());
    return name.matches()
        ? new ChunkId(
            Long.parseLong(name.group(1)),
            Integer.parseInt(name.group(2)),
            Integer.parseInt(name.group(3)))
        : null;
  }

  int count() {
    lock.lock();
    try {
      return open.size();
    } finally {
      lock.unlock();
    }
  }

  /** The file, to be left later; null when there is none and it is not to be made. */
  Opened acquire(ChunkId id, boolean create) throws IOException {
    lock.lock();
    try {
      Opened known = open.get(id);
      if (known != null) {
        known.users.incrementAndGet();
        return known;
      }
      Path path = path(id);
      NativeFile file = NativeFile.open(path, NativeFile.Mode.BUFFERED);
      boolean made = file == null;
      if (made) {
        if (!create) {
          return null;
        }
        file = create(path);
      }
      Opened opened = new Opened(file, path, !made);
      // Before anybody writes it: it must not be put aside while its name may be lost.
      opened.dirty = made;
      // One user is the table itself.
      opened.users.incrementAndGet();
      open.put(id, opened);
      closeEldest();
      return opened;
    } finally {
      lock.unlock();
    }
  }

  /** The file if it is open and nobody is at the table; never waits. */
  Opened acquireOpen(ChunkId id) {
    if (!lock.tryLock()) {
      return null;
    }
    try {
      Opened known = open.get(id);
      if (known != null) {
        known.users.incrementAndGet();
      }
      return known;
    } finally {
      lock.unlock();
    }
  }

  private NativeFile create(Path path) throws IOException {
    try {
      Files.createDirectories(path.getParent());
    } catch (FileSystemException e) {
      throw outOfSpace(e);
    }
    return NativeFile.open(path, NativeFile.Mode.CREATE);
  }

  /** Makes what was written to the files durable, and the names of those that were made. */
  void sync(Collection<Opened> written) throws IOException {
    if (written.size() >= SYNCED_AS_ONE_MIN
        && written.stream().noneMatch(opened -> opened.cached)) {
      // Each sync of a file flushes the device's cache: here one does for all.
      written.iterator().next().file.syncFileSystem();
    } else {
      syncEach(written);
    }
    for (Opened opened : written) {
      opened.named = true;
      opened.dirty = false;
      opened.cached = false;
    }
  }

  /** Each directory once, since to a file system that is a transaction. */
  private void syncEach(Collection<Opened> written) throws IOException {
    Set<Path> directories = new LinkedHashSet<>();
    for (Opened opened : written) {
      opened.file.sync();
      if (!opened.named) {
        directories.add(opened.path.getParent());
      }
    }
    if (!directories.isEmpty()) {
      for (Path directory : directories) {
        NativeFile.syncDirectory(directory);
      }
      NativeFile.syncDirectory(root);
    }
  }

  /** The JDK tells a full device from others by its text only. */
  static IOException outOfSpace(FileSystemException e) {
    String reason = String.valueOf(e.getReason());
    return reason.startsWith("No space left") || reason.startsWith("Disk quota")
        ? new OutOfSpaceException(e.getMessage())
        : e;
  }

  /** There may be more than one too many, as those that are dirty stay. */
  private void closeEldest() throws IOException {
    Iterator<Opened> eldest = open.values().iterator();
    while (open.size() > openFilesMax && eldest.hasNext()) {
      Opened candidate = eldest.next();
      if (!candidate.dirty) {
        eldest.remove();
        leave(candidate);
      }
    }
  }

  /** Never waits. */
  void leave(Opened opened) throws IOException {
    if (opened.users.decrementAndGet() == 0) {
      opened.close();
    }
  }

  /** As {@link #leave}; a file that cannot be closed was synced, or is dirty and stays open. */
  void leaveQuietly(Opened opened) {
    try {
      leave(opened);
    } catch (IOException e) {
      LOG.warn("a chunk file was not closed: {}", e.toString());
    }
  }

  /** The file will be moved or deleted. */
  void forget(ChunkId id) throws IOException {
    lock.lock();
    try {
      Opened opened = open.remove(id);
      if (opened != null) {
        leave(opened);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() throws IOException {
    lock.lock();
    try {
      for (Opened opened : open.values()) {
        leave(opened);
      }
      open.clear();
    } finally {
      lock.unlock();
    }
  }
}
