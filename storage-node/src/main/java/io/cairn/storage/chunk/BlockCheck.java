package io.cairn.storage.chunk;

import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Counts blocks that do not have the checksum they should have. For one thread. */
final class BlockCheck {
  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer scratch = new UnsafeBuffer(new byte[Frame.BLOCK_BYTES]);

  /** Of blocks in memory of our own. */
  int bad(DirectBuffer blocks, int offset, int blockCount, int[] crcs, int crcOffset) {
    int bad = 0;
    for (int i = 0; i < blockCount; i++) {
      int sum = crc.of(blocks, offset + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      bad += sum == crcs[crcOffset + i] ? 0 : 1;
    }
    return bad;
  }

  /**
   * Of blocks that may be a mapped file's: a device that fails under it is an InternalError to a
   * copy, but the end of the process to a checksum, which the JVM takes in code of its own.
   */
  int badMapped(DirectBuffer blocks, int offset, int blockCount, int[] crcs, int crcOffset) {
    int bad = 0;
    for (int i = 0; i < blockCount; i++) {
      scratch.putBytes(0, blocks, offset + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      bad += bad(scratch, 0, 1, crcs, crcOffset + i);
    }
    return bad;
  }
}
