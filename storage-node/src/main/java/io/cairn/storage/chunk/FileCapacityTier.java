package io.cairn.storage.chunk;

import io.cairn.storage.device.DirectBatch;
import io.cairn.storage.device.NativeFile;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
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
  /** Writes that go to a device at one time, and their bytes. */
  private static final int BATCH_WRITES = 128;

  private static final int BATCH_BYTES = 4 << 20;

  private static final Pattern TRASHED = Pattern.compile("\\d+-\\d+-\\d+\\.(\\d{1,18})");

  private final Path chunks;
  private final Path trash;
  private final long capacityBytes;
  private final AtomicLong reservedBytes = new AtomicLong();
  private final ChunkFiles files;

  /** Batches that no run uses now. */
  private final ArrayDeque<DirectBatch> idle = new ArrayDeque<>();

  private FileCapacityTier(Path chunks, Path trash, long capacityBytes, int openFilesMax) {
    this.chunks = chunks;
    this.trash = trash;
    this.capacityBytes = capacityBytes;
    this.files = new ChunkFiles(chunks, openFilesMax);
  }

  /**
   * Opens a directory, which it makes when there is none.
   *
   * @param limitBytes most that chunks may take; 0 for what the file system has beyond the reserve.
   * @param reserveBytes left free for everything that is not chunks.
   */
  public static FileCapacityTier open(Path directory, long limitBytes, long reserveBytes)
      throws IOException {
    return open(directory, limitBytes, reserveBytes, ChunkFiles.openFilesMax());
  }

  static FileCapacityTier open(Path directory, long limitBytes, long reserveBytes, int openFilesMax)
      throws IOException {
    Path chunks = Files.createDirectories(directory.resolve("chunks"));
    Path trash = Files.createDirectories(directory.resolve("trash"));
    syncTree(directory, chunks);
    long usable = Files.getFileStore(directory).getUsableSpace() - reserveBytes;
    long present = occupiedBytes(chunks) + occupiedBytes(trash);
    long possible = Math.max(0, usable) + present;
    long capacity = limitBytes == 0 ? possible : Math.min(limitBytes, possible);
    FileCapacityTier tier = new FileCapacityTier(chunks, trash, capacity, openFilesMax);
    tier.adopt(trashedBytes(trash));
    return tier;
  }

  /** A process that was killed may have made files whose names are not durable yet. */
  private static void syncTree(Path directory, Path chunks) throws IOException {
    try (DirectoryStream<Path> volumes = Files.newDirectoryStream(chunks, Files::isDirectory)) {
      for (Path volume : volumes) {
        NativeFile.syncDirectory(volume);
      }
    }
    NativeFile.syncDirectory(chunks);
    NativeFile.syncDirectory(directory);
  }

  private static long occupiedBytes(Path root) throws IOException {
    long bytes = 0;
    try (var files = Files.walk(root)) {
      for (Path path : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        try (NativeFile file = NativeFile.open(path, NativeFile.Mode.BUFFERED)) {
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
    return files.count();
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

  /** Whether anything was ever written to the chunk. */
  boolean hasFile(ChunkId chunk) {
    return Files.exists(files.path(chunk));
  }

  private static long address(DirectBuffer buffer, int offset) {
    if (buffer.byteArray() != null) {
      throw new IllegalArgumentException("the C library needs memory that does not move");
    }
    return buffer.addressOffset() + offset;
  }

  private static long position(int block) {
    return (long) block * Frame.BLOCK_BYTES;
  }

  @Override
  public void write(
      ChunkId chunk, int blockOffset, int blockCount, DirectBuffer source, int sourceOffset)
      throws IOException {
    ChunkFiles.Opened opened = files.acquire(chunk, true);
    opened.dirty = true;
    try {
      opened.file.write(address(source, sourceOffset), position(blockCount), position(blockOffset));
    } finally {
      files.leave(opened);
    }
  }

  @Override
  public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
      throws IOException {
    ChunkFiles.Opened opened = files.acquire(chunk, allocate);
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
      files.leave(opened);
    }
  }

  @Override
  public void read(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    ChunkFiles.Opened opened = files.acquire(chunk, false);
    if (opened == null) {
      throw new NoSuchFileException(files.path(chunk).toString());
    }
    try {
      opened.file.read(address(target, targetOffset), position(blockCount), position(blockOffset));
    } finally {
      files.leave(opened);
    }
  }

  @Override
  public void readDevice(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    ChunkFiles.Opened opened = files.acquire(chunk, false);
    if (opened == null) {
      throw new NoSuchFileException(files.path(chunk).toString());
    }
    try (Arena arena = Arena.ofConfined()) {
      long bytes = position(blockCount);
      NativeFile direct = opened.direct(0);
      if (direct == null) {
        opened.file.read(address(target, targetOffset), bytes, position(blockOffset));
        return;
      }
      // Direct transfers need memory that is aligned; one for each call, as only scrubs call this.
      MemorySegment aligned = arena.allocate(bytes, NativeFile.DIRECT_ALIGNMENT);
      direct.read(aligned, position(blockOffset));
      target.putBytes(targetOffset, aligned.asByteBuffer(), 0, (int) bytes);
    } finally {
      files.leave(opened);
    }
  }

  @Override
  public void sync(ChunkId chunk) throws IOException {
    ChunkFiles.Opened opened = files.acquire(chunk, false);
    if (opened == null) {
      return;
    }
    try {
      files.sync(List.of(opened));
    } finally {
      files.leave(opened);
    }
  }

  @Override
  public void trash(ChunkId chunk, long sizeBytes) throws IOException {
    files.forget(chunk);
    Path source = files.path(chunk);
    if (Files.exists(source)) {
      Files.setLastModifiedTime(source, FileTime.fromMillis(System.currentTimeMillis()));
      Path target = trash.resolve(chunk + "." + sizeBytes);
      synchronized (trash) {
        boolean twice = Files.exists(target);
        try {
          Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileSystemException e) {
          throw ChunkFiles.outOfSpace(e);
        }
        if (twice) {
          // An older one of that name, given back a short time ago, makes place for this one.
          reservedBytes.addAndGet(-sizeBytes);
        }
      }
      NativeFile.syncDirectory(trash);
      NativeFile.syncDirectory(source.getParent());
    } else {
      // Never written, or moved by a process that died before it could say so: counted in the
      // trash.
      reservedBytes.addAndGet(-sizeBytes);
    }
  }

  /**
   * Deletes the files of chunks that no catalogue knows; while nobody uses them.
   *
   * @return files deleted.
   */
  public int deleteUnknown(Predicate<ChunkId> unknown) throws IOException {
    int deleted = 0;
    try (DirectoryStream<Path> volumes = Files.newDirectoryStream(chunks, Files::isDirectory)) {
      for (Path volume : volumes) {
        try (DirectoryStream<Path> inVolume = Files.newDirectoryStream(volume)) {
          for (Path file : inVolume) {
            ChunkId chunk = ChunkFiles.chunk(file);
            if (chunk != null && unknown.test(chunk)) {
              Files.delete(file);
              deleted++;
            }
          }
        }
      }
    }
    return deleted;
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
        synchronized (trash) {
          if (setAside(file) > 0 && Files.getLastModifiedTime(file).toMillis() <= before) {
            Files.delete(file);
            reservedBytes.addAndGet(-setAside(file));
            deleted++;
          }
        }
      }
    }
    return deleted;
  }

  @Override
  public Writer writer() {
    DirectBatch batch;
    synchronized (idle) {
      batch = idle.poll();
    }
    return new DirectWriter(
        this, files, batch == null ? new DirectBatch(BATCH_WRITES, BATCH_BYTES) : batch);
  }

  void giveBack(DirectBatch batch) {
    synchronized (idle) {
      idle.push(batch);
    }
  }

  @Override
  public boolean readCached(
      ChunkId chunk,
      int blockOffset,
      int blockCount,
      MutableDirectBuffer target,
      int targetOffset) {
    ChunkFiles.Opened opened = files.acquireOpen(chunk);
    if (opened == null) {
      return false;
    }
    try {
      return opened.file.readCached(
          address(target, targetOffset), position(blockCount), position(blockOffset));
    } finally {
      files.leaveQuietly(opened);
    }
  }

  @Override
  public void close() throws IOException {
    synchronized (idle) {
      idle.forEach(DirectBatch::close);
      idle.clear();
    }
    files.close();
  }
}
