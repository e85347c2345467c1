package io.cairn.storage.wire;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * Byte buffers over memory of which only the address is known, without a new one for each use: one
 * buffer covers all addresses from a multiple of 1 GiB on. Whoever uses it sees to it that the
 * memory is there. Not thread-safe: one per owner.
 */
public final class NativeMemory {
  private static final int REGION_SHIFT = 30;

  /** Ranges must not be longer. */
  public static final int RANGE_BYTES_MAX = (1 << REGION_SHIFT) - 8;

  /** As many as a buffer may have: every range that begins in the first GiB ends in it. */
  private static final int REGION_BYTES = Integer.MAX_VALUE - 8;

  private static final int SLOTS = 16;

  private final long[] keys = new long[SLOTS];
  private final ByteBuffer[] buffers = new ByteBuffer[SLOTS];

  /** The address of which a buffer's index 0 is. */
  public static long base(long address) {
    return address >>> REGION_SHIFT << REGION_SHIFT;
  }

  /**
   * The buffer that holds the range from the address on; its limit and position are the caller's to
   * set.
   */
  @SuppressWarnings("restricted")
  public ByteBuffer over(long address) {
    long key = address >>> REGION_SHIFT;
    int slot = (int) key & SLOTS - 1;
    if (buffers[slot] == null || keys[slot] != key) {
      keys[slot] = key;
      buffers[slot] =
          MemorySegment.ofAddress(base(address)).reinterpret(REGION_BYTES).asByteBuffer();
    }
    return buffers[slot];
  }
}
