package io.cairn.storage.wire;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.agrona.BufferUtil;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * CRC32C (Castagnoli, RFC 3720 appendix B.4) over Agrona buffers without allocation on the steady
 * path. Not thread-safe: one per loop.
 */
public final class Crc32c {
  private static final long ARRAY_BASE = BufferUtil.ARRAY_BASE_OFFSET;

  /** CRC32C of a block of zeroes. */
  public static final int ZERO_BLOCK =
      new Crc32c().of(new UnsafeBuffer(new byte[Frame.BLOCK_BYTES]), 0, Frame.BLOCK_BYTES);

  private final CRC32C crc = new CRC32C();
  private final NativeMemory unnamed = new NativeMemory();
  private ByteBuffer source;
  private ByteBuffer view;

  /** The checksum of a range. */
  public int of(DirectBuffer buffer, int offset, int length) {
    crc.reset();
    byte[] array = buffer.byteArray();
    ByteBuffer bytes = buffer.byteBuffer();
    if (array != null) {
      crc.update(array, (int) (buffer.addressOffset() - ARRAY_BASE) + offset, length);
    } else if (bytes != null) {
      if (source != bytes) {
        source = bytes;
        view = bytes.duplicate();
      }
      int start = buffer.wrapAdjustment() + offset;
      view.limit(start + length).position(start);
      crc.update(view);
    } else {
      long address = buffer.addressOffset() + offset;
      ByteBuffer memory = unnamed.over(address);
      int start = (int) (address - NativeMemory.base(address));
      memory.limit(start + length).position(start);
      crc.update(memory);
    }
    return (int) crc.getValue();
  }

  /**
   * Whether blocks have the checksums that are stated for them.
   *
   * @param stated holds one little-endian CRC32C per block from statedOffset on.
   */
  public boolean holds(
      DirectBuffer blocks, int offset, int blockCount, DirectBuffer stated, int statedOffset) {
    for (int i = 0; i < blockCount; i++) {
      if (of(blocks, offset + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES)
          != stated.getInt(statedOffset + 4 * i, Frame.ORDER)) {
        return false;
      }
    }
    return true;
  }
}
