package io.cairn.storage.chunk;

import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A sparse file per chunk below {@code chunks/VOLUME/}, deleted ones for a while below {@code
 * trash/}. Space is set aside for whole chunks when they are created, so that the device cannot be
 * full half-way through a write unless somebody else fills it.
 */
public final class FileCapacityTier implements CapacityTier, AutoCloseable {
  /** Files that are kept open. */
  static final int OPEN_FILES_MAX = 256;

  private static final Pattern TRASHED = Pattern.compile("\\d+-\\d+-\\d+\\.(\\d{1,18})");

  private final Path chunks;
  private final Path trash;
  private final long capacityBytes;
  private final AtomicLong reservedBytes = new AtomicLong();
  private final Map<ChunkId, Opened> open = new LinkedHashMap<>(16, 0.75f, true);

  /** An open file and its users; closed by the last one once it was put aside. */
  private static final class Opened {
    final NativeFile file;
    int users = 1;

    /** Written and not synced: were it closed now, a failure to write it could go unseen. */
    boolean dirty;

    Opened(NativeFile file) {
      this.file = file;
    }
  }

  private FileCapacityTier(Path chunks, Path trash, long capacityBytes) {
    this.chunks = chunks;
    this.trash = trash;
    this.capacityBytes = capacityBytes;
  }

  /**
   * Opens a directory, which it makes when there is none.
   *
   * @param limitBytes most that chunks may take; 0 for what the file system has beyond the reserve.
   * @param reserveBytes left free for everything that is not chunks.
   */
  public static FileCapacityTier open(Path directory, long limitBytes, long reserveBytes)
      throws IOException {
    Path chunks = Files.createDirectories(directory.resolve("chunks"));
    Path trash = Files.createDirectories(directory.resolve("trash"));
    syncTree(directory, chunks);
    long usable = Files.getFileStore(directory).getUsableSpace() - reserveBytes;
    long present = occupiedBytes(chunks) + occupiedBytes(trash);
    long possible = Math.max(0, usable) + present;
    long capacity = limitBytes == 0 ? possible : Math.min(limitBytes, possible);
    FileCapacityTier tier = new FileCapacityTier(chunks, trash, capacity);
    tier.adopt(trashedBytes(trash));
    return tier;
  }

  /** A process that was killed may have made files whose names are not durable yet. */
  private static void syncTree(Path directory, Path chunks) throws IOException {
    try (DirectoryStream<Path> volumes = Files.newDirectoryStream(chunks, Files::isDirectory)) {
      for (Path volume : volumes) {
        syncDirectory(volume);
      }
    }
    syncDirectory(chunks);
    syncDirectory(directory);
  }

  private static long occupiedBytes(Path root) throws IOException {
    long bytes = 0;
    try (var files = Files.walk(root)) {
      for (Path path : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        try (NativeFile file = NativeFile.open(path, false)) {
          bytes += file == null ? 0 : file.occupiedBytes();
        }
      }
    }
    return bytes;
  }

  private static long trashedBytes(Path trash) throws IOException {
    long bytes = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(trash)) {
      for (Path file : files) {
        bytes += setAside(file);
      }
    }
    return bytes;
  }

  /**
   * A name in the trash carries what is given back: the file's own length may be less. What has
   * another name is not a chunk and counts nothing.
   */
  private static long setAside(Path trashed) {
    Matcher name = TRASHED.matcher(trashed.getFileName().toString());
    return name.matches() ? Long.parseLong(name.group(1)) : 0;
  }

  /** Most that chunks may take. */
  public long capacityBytes() {
    return capacityBytes;
  }

  /** Set aside for chunks, those in the trash included. */
  public long reservedBytes() {
    return reservedBytes.get();
  }

  int openFiles() {
    synchronized (open) {
      return open.size();
    }
  }

  @Override
  public boolean reserve(long sizeBytes) {
    long after = reservedBytes.addAndGet(sizeBytes);
    if (after > capacityBytes) {
      reservedBytes.addAndGet(-sizeBytes);
      return false;
    }
    return true;
  }

  @Override
  public void adopt(long sizeBytes) {
    reservedBytes.addAndGet(sizeBytes);
  }

  private Path path(ChunkId id) {
    return chunks.resolve(Long.toString(id.volumeId())).resolve(id.layer() + "-" + id.index());
  }

  private Opened acquire(ChunkId id, boolean create) throws IOException {
    synchronized (open) {
      Opened known = open.get(id);
      if (known != null) {
        known.users++;
        return known;
      }
      Path path = path(id);
      NativeFile file = NativeFile.open(path, false);
      if (file == null) {
        if (!create) {
          return null;
        }
        file = create(path);
      }
      Opened opened = new Opened(file);
      // One user is the table itself.
      opened.users++;
      open.put(id, opened);
      if (open.size() > OPEN_FILES_MAX) {
        closeEldest();
      }
      return opened;
    }
  }

  private NativeFile create(Path path) throws IOException {
    try {
      Files.createDirectories(path.getParent());
    } catch (FileSystemException e) {
      throw outOfSpace(e);
    }
    NativeFile file = NativeFile.open(path, true);
    syncDirectory(path.getParent());
    syncDirectory(chunks);
    return file;
  }

  /** The JDK tells a full device from others by its text only. */
  private static IOException outOfSpace(FileSystemException e) {
    String reason = String.valueOf(e.getReason());
    return reason.startsWith("No space left") || reason.startsWith("Disk quota")
        ? new OutOfSpaceException(e.getMessage())
        : e;
  }

  private void closeEldest() throws IOException {
    Iterator<Opened> eldest = open.values().iterator();
    while (eldest.hasNext()) {
      Opened candidate = eldest.next();
      if (!candidate.dirty) {
        eldest.remove();
        leave(candidate);
        return;
      }
    }
  }

  private void leave(Opened opened) throws IOException {
    synchronized (open) {
      if (--opened.users == 0) {
        opened.file.close();
      }
    }
  }

  private static void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  @SuppressWarnings("restricted")
  private static MemorySegment bytes(DirectBuffer buffer, int offset, int blockCount) {
    if (buffer.byteArray() != null) {
      throw new IllegalArgumentException("the C library needs memory that does not move");
    }
    long length = (long) blockCount * Frame.BLOCK_BYTES;
    return MemorySegment.ofAddress(buffer.addressOffset() + offset).reinterpret(length);
  }

  private static long position(int block) {
    return (long) block * Frame.BLOCK_BYTES;
  }

  @Override
  public void write(
      ChunkId chunk, int blockOffset, int blockCount, DirectBuffer source, int sourceOffset)
      throws IOException {
    Opened opened = acquire(chunk, true);
    opened.dirty = true;
    try {
      opened.file.write(bytes(source, sourceOffset, blockCount), position(blockOffset));
    } finally {
      leave(opened);
    }
  }

  @Override
  public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
      throws IOException {
    Opened opened = acquire(chunk, allocate);
    if (opened == null) {
      return;
    }
    opened.dirty = true;
    try {
      if (allocate) {
        opened.file.zero(position(blockOffset), position(blockCount));
      } else {
        opened.file.punch(position(blockOffset), position(blockCount));
      }
    } finally {
      leave(opened);
    }
  }

  @Override
  public void read(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    Opened opened = acquire(chunk, false);
    if (opened == null) {
      throw new NoSuchFileException(path(chunk).toString());
    }
    try {
      opened.file.read(bytes(target, targetOffset, blockCount), position(blockOffset));
    } finally {
      leave(opened);
    }
  }

  @Override
  public void sync(ChunkId chunk) throws IOException {
    Opened opened = acquire(chunk, false);
    if (opened == null) {
      return;
    }
    try {
      opened.file.sync();
      opened.dirty = false;
    } finally {
      leave(opened);
    }
  }

  @Override
  public void trash(ChunkId chunk, long sizeBytes) throws IOException {
    synchronized (open) {
      Opened opened = open.remove(chunk);
      if (opened != null) {
        leave(opened);
      }
    }
    Path source = path(chunk);
    if (Files.exists(source)) {
      Files.setLastModifiedTime(source, FileTime.fromMillis(System.currentTimeMillis()));
      Path target = trash.resolve(chunk + "." + sizeBytes);
      try {
        Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
      } catch (FileSystemException e) {
        throw outOfSpace(e);
      }
      syncDirectory(trash);
      syncDirectory(source.getParent());
    } else {
      // Never written, or moved by a process that died before it could say so: counted in the
      // trash.
      reservedBytes.addAndGet(-sizeBytes);
    }
  }

  /**
   * Deletes what has been in the trash for long enough.
   *
   * @return files deleted.
   */
  public int emptyTrash(long delayMillis) throws IOException {
    long before = System.currentTimeMillis() - delayMillis;
    int deleted = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(trash)) {
      for (Path file : files) {
        if (setAside(file) > 0 && Files.getLastModifiedTime(file).toMillis() <= before) {
          Files.delete(file);
          reservedBytes.addAndGet(-setAside(file));
          deleted++;
        }
      }
    }
    return deleted;
  }

  @Override
  public void close() throws IOException {
    synchronized (open) {
      for (Opened opened : open.values()) {
        leave(opened);
      }
      open.clear();
    }
  }
}
