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
 * A file on the NVMe device: header, entries, slots (FORMAT.md). Through the page cache, which is
 * the memory in front of it: what is there is read on the shard's loop.
 *
 * <pre>
 *  0 int magic "CRNR"   4 int checksum of the 64 bytes with this field as zero
 *  8 short version = 1  10 short zero   12 int shard   16 long cluster   24 long node
 * 32 int slots          36 zero up to 4096
 * </pre>
 */
public final class FileCacheDevice implements CacheDevice {
  static final int MAGIC = 0x524E5243;
  static final short VERSION = 1;
  private static final int HEADER_BYTES = 4096;
  private static final int CHECKED_BYTES = 64;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private final NativeFile file;
  private final int slots;
  private final long slotsPosition;

  private FileCacheDevice(NativeFile file, int slots) {
    this.file = file;
    this.slots = slots;
    slotsPosition = HEADER_BYTES + (long) CacheEntries.pages(slots) * CacheEntries.PAGE_BYTES;
  }

  /** Slots of a file that takes at most so many bytes. */
  static int slots(long sizeBytes) {
    double perSlot = Frame.BLOCK_BYTES + (double) CacheEntries.PAGE_BYTES / CacheEntries.PER_PAGE;
    double slots = (sizeBytes - HEADER_BYTES - CacheEntries.PAGE_BYTES) / perSlot;
    return (int) Math.min(slots, Integer.MAX_VALUE / 4);
  }

  /**
   * Opens the cache of a shard; an empty one when there is none, or one of another shard or size.
   *
   * @param sizeBytes of the file, at most; at least 1 MiB.
   */
  public static FileCacheDevice open(
      Path path, long sizeBytes, long clusterId, long nodeId, int shard) throws IOException {
    int slots = slots(sizeBytes);
    UnsafeBuffer header = new UnsafeBuffer(ByteBuffer.allocateDirect(HEADER_BYTES));
    header.putInt(0, MAGIC, LE);
    header.putShort(8, VERSION, LE);
    header.putInt(12, shard, LE);
    header.putLong(16, clusterId, LE);
    header.putLong(24, nodeId, LE);
    header.putInt(32, slots, LE);
    header.putInt(4, new Crc32c().of(header, 0, CHECKED_BYTES), LE);
    NativeFile file = NativeFile.open(path, NativeFile.Mode.CREATE);
    try {
      FileCacheDevice device = new FileCacheDevice(file, slots);
      UnsafeBuffer found = new UnsafeBuffer(ByteBuffer.allocateDirect(HEADER_BYTES));
      file.read(address(found, 0), HEADER_BYTES, 0);
      if (!found.equals(header)) {
        file.resize(0);
        file.allocate(0, device.slotsPosition + (long) slots * Frame.BLOCK_BYTES);
        file.write(address(header, 0), HEADER_BYTES, 0);
      }
      return device;
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

  private long position(int slot) {
    return slotsPosition + (long) slot * Frame.BLOCK_BYTES;
  }

  private static long entryPosition(int page) {
    return HEADER_BYTES + (long) page * CacheEntries.PAGE_BYTES;
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
    file.write(address(source, offset), (long) count * Frame.BLOCK_BYTES, position(slot));
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
