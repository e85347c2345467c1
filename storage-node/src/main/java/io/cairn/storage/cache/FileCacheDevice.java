package io.cairn.storage.cache;

import io.cairn.storage.device.NativeFile;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A file on the NVMe device: a header, then groups of a page of entries and the slots that they are
 * of (FORMAT.md). So no slot moves when the file gets another size, which nothing but its length
 * says. Through the page cache, which is the memory in front of it: what is there is read on the
 * shard's loop.
 *
 * <pre>
 *  0 int magic "CRNR"   4 int checksum of the 64 bytes with this field as zero
 *  8 short version = 2  10 short zero   12 int shard   16 long cluster   24 long node
 * 32 zero up to 4096
 * </pre>
 */
public final class FileCacheDevice implements CacheDevice {
  static final int MAGIC = 0x524E5243;

  /** Version 1 had all entries before the first slot, and the number of slots in its header. */
  static final short VERSION = 2;

  private static final int HEADER_BYTES = 4096;
  private static final int CHECKED_BYTES = 64;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private final NativeFile file;
  private volatile int slots;

  private FileCacheDevice(NativeFile file, int slots) {
    this.file = file;
    this.slots = slots;
  }

  /** Slots of a file that takes at most so many bytes. */
  public static int slots(long sizeBytes) {
    long pages = (sizeBytes - HEADER_BYTES) / Frame.BLOCK_BYTES;
    long groups = (pages + CacheEntries.PER_PAGE) / (CacheEntries.PER_PAGE + 1);
    return Math.clamp(pages - groups, 0, Integer.MAX_VALUE / 4);
  }

  /** Bytes of a file with so many slots. */
  private static long fileBytes(int slots) {
    return HEADER_BYTES + ((long) slots + CacheEntries.pages(slots)) * Frame.BLOCK_BYTES;
  }

  /**
   * Opens the cache of a shard, which has the size that it has; an empty one when there is none, or
   * one of another shard or version.
   *
   * @param sizeBytes of the file when it is made, at most; at least 1 MiB.
   */
  public static FileCacheDevice open(
      Path path, long sizeBytes, long clusterId, long nodeId, int shard) throws IOException {
    UnsafeBuffer header = new UnsafeBuffer(ByteBuffer.allocateDirect(HEADER_BYTES));
    header.putInt(0, MAGIC, LE);
    header.putShort(8, VERSION, LE);
    header.putInt(12, shard, LE);
    header.putLong(16, clusterId, LE);
    header.putLong(24, nodeId, LE);
    header.putInt(4, new Crc32c().of(header, 0, CHECKED_BYTES), LE);
    NativeFile file = NativeFile.open(path, NativeFile.Mode.CREATE);
    try {
      UnsafeBuffer found = new UnsafeBuffer(ByteBuffer.allocateDirect(HEADER_BYTES));
      file.read(address(found, 0), HEADER_BYTES, 0);
      int slots = slots(file.sizeBytes());
      if (!found.equals(header) || slots == 0) {
        slots = slots(sizeBytes);
        file.resize(0);
        file.allocate(0, fileBytes(slots));
        file.write(address(header, 0), HEADER_BYTES, 0);
      }
      return new FileCacheDevice(file, slots);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** Takes a cache away that is not wanted any more. */
  public static void delete(Path path) throws IOException {
    Files.deleteIfExists(path);
  }

  private static long address(DirectBuffer buffer, int offset) {
    if (buffer.byteArray() != null) {
      throw new IllegalArgumentException("the C library needs memory that does not move");
    }
    return buffer.addressOffset() + offset;
  }

  private static long position(int slot) {
    long entryPages = slot / CacheEntries.PER_PAGE + 1L;
    return HEADER_BYTES + (slot + entryPages) * Frame.BLOCK_BYTES;
  }

  private static long entryPosition(int page) {
    return HEADER_BYTES + page * (CacheEntries.PER_PAGE + 1L) * Frame.BLOCK_BYTES;
  }

  /** What it takes of the device; any thread. */
  public long sizeBytes() {
    return fileBytes(slots);
  }

  @Override
  public int slots() {
    return slots;
  }

  @Override
  public void read(int slot, MutableDirectBuffer target, int offset) throws IOException {
    file.read(address(target, offset), Frame.BLOCK_BYTES, position(slot));
  }

  @Override
  public boolean readCached(int slot, MutableDirectBuffer target, int offset) {
    return file.readCached(address(target, offset), Frame.BLOCK_BYTES, position(slot));
  }

  @Override
  public void write(int slot, int count, DirectBuffer source, int offset) throws IOException {
    int done = 0;
    while (done < count) {
      int at = slot + done;
      int here = Math.min(count - done, CacheEntries.PER_PAGE - at % CacheEntries.PER_PAGE);
      long bytes = (long) here * Frame.BLOCK_BYTES;
      file.write(address(source, offset + done * Frame.BLOCK_BYTES), bytes, position(at));
      done += here;
    }
  }

  @Override
  public void resize(int newSlots) throws IOException {
    long oldBytes = fileBytes(slots);
    long newBytes = fileBytes(newSlots);
    if (newBytes > oldBytes) {
      try {
        file.allocate(oldBytes, newBytes - oldBytes);
      } catch (IOException e) {
        file.resize(oldBytes);
        throw e;
      }
    } else {
      file.resize(newBytes);
    }
    slots = newSlots;
  }

  @Override
  public void readEntries(int page, MutableDirectBuffer target, int offset) throws IOException {
    file.read(address(target, offset), CacheEntries.PAGE_BYTES, entryPosition(page));
  }

  @Override
  public void writeEntries(int page, DirectBuffer source, int offset) throws IOException {
    file.write(address(source, offset), CacheEntries.PAGE_BYTES, entryPosition(page));
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
