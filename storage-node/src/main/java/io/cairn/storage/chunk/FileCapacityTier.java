package io.cairn.storage.chunk;

import io.cairn.metadata.clock.WallClock;
import io.cairn.storage.device.DirectBatch;
import io.cairn.storage.device.NativeFile;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A sparse file per chunk below {@code chunks/VOLUME/}, deleted ones for a while below {@code
 * trash/}. Space is set aside for whole chunks when they are created, so that the device cannot be
 * full half-way through a write unless somebody else fills it.
 */
public final class FileCapacityTier implements CapacityTier, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FileCapacityTier.class);

  /** Writes that go to a device at one time, and their bytes. */
  private static final int BATCH_WRITES = 128;

  private static final int BATCH_BYTES = 4 << 20;

  /** Part of the capacity that is kept free as long as the trash has anything to give for it. */
  private static final int ROOM_PART = 10;

  /** Beside the next chunk: without as much left the metadata takes a node for full. */
  private static final long ROOM_MIN_BYTES = 128L << 20;

  private final Path chunks;
  private final Trash trash;
  private final long capacityBytes;
  private final AtomicLong reservedBytes = new AtomicLong();

  /** Of those that were set aside for. */
  private final AtomicLong largestChunkBytes = new AtomicLong();

  private volatile Runnable whenTight = () -> {};
  private final ChunkFiles files;

  /** Batches that no run uses now. */
  private final ArrayDeque<DirectBatch> idle = new ArrayDeque<>();

  private FileCapacityTier(Path chunks, Trash trash, long capacityBytes, int openFilesMax) {
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

  /** How chunk files are written and read here, for people; tried with a file of its own. */
  public String accessText() {
    Path probe = chunks.resolveSibling("access-probe");
    try (NativeFile buffered = NativeFile.open(probe, NativeFile.Mode.CREATE);
        NativeFile direct = NativeFile.open(probe, NativeFile.Mode.DIRECT)) {
      Files.delete(probe);
      return buffered != null && direct != null
          ? "direct writes by kernel AIO, reads through the page cache"
          : "writes and reads through the page cache, as its file system takes no direct ones";
    } catch (IOException e) {
      // A device without room for one more file can still be read.
      return "how it is written cannot be tried: " + e.getMessage();
    }
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
    FileCapacityTier tier = new FileCapacityTier(chunks, new Trash(trash), capacity, openFilesMax);
    tier.reservedBytes.addAndGet(tier.trash.bytes());
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

  /** Most that chunks may take. */
  public long capacityBytes() {
    return capacityBytes;
  }

  /** Set aside for chunks, those in the trash included. */
  public long reservedBytes() {
    return reservedBytes.get();
  }

  /**
   * Has somebody told, on any thread that sets space aside or brings something to the trash, that
   * {@link #makeRoom} is due: it must not do so itself.
   */
  public void whenTight(Runnable listener) {
    whenTight = listener;
  }

  /**
   * Whether the trash is to give space back before its time.
   *
   * @param freeBytes that chunks may still take.
   */
  public boolean isTight(long freeBytes) {
    long roomBytes = Math.max(capacityBytes / ROOM_PART, largestChunkBytes.get() + ROOM_MIN_BYTES);
    return trash.bytes() > 0 && freeBytes < Math.min(roomBytes, capacityBytes);
  }

  private void lookIfTight() {
    if (isTight(capacityBytes - reservedBytes.get())) {
      whenTight.run();
    }
  }

  int openFiles() {
    return files.count();
  }

  @Override
  public boolean reserve(long sizeBytes) {
    largestChunkBytes.accumulateAndGet(sizeBytes, Math::max);
    long after = reservedBytes.addAndGet(sizeBytes);
    boolean fits = after <= capacityBytes;
    if (!fits) {
      reservedBytes.addAndGet(-sizeBytes);
    }
    lookIfTight();
    return fits;
  }

  @Override
  public void adopt(long sizeBytes) {
    largestChunkBytes.accumulateAndGet(sizeBytes, Math::max);
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
      opened.cached = true;
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
  public void readAhead(ChunkId chunk, int blockOffset, int blockCount) {
    try {
      ChunkFiles.Opened opened = files.acquire(chunk, false);
      if (opened == null) {
        return;
      }
      try {
        opened.file.willNeed(position(blockOffset), position(blockCount));
      } finally {
        files.leave(opened);
      }
    } catch (IOException e) {
      LOG.debug("not read ahead: {}", e.toString());
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
      long freedBytes = trash.take(source, chunk, sizeBytes, WallClock.millis());
      reservedBytes.addAndGet(-freedBytes);
      lookIfTight();
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
    return trash.empty(WallClock.millis() - delayMillis, bytes -> reservedBytes.addAndGet(-bytes));
  }

  /**
   * Deletes what is in the trash, the oldest first, until there is room for new chunks again:
   * nobody is refused space for what nobody needs.
   *
   * @param freeBytes that chunks may still take, asked again after each.
   * @return files deleted before their time.
   */
  public int makeRoom(LongSupplier freeBytes) throws IOException {
    return trash.emptyWhile(
        () -> isTight(freeBytes.getAsLong()), bytes -> reservedBytes.addAndGet(-bytes));
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
