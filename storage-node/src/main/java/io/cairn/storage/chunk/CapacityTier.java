package io.cairn.storage.chunk;

import java.io.IOException;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Where destaged blocks live: per chunk a range of blocks, thin. All calls block and may come from
 * any thread but a shard's loop, except {@link #reserve} and {@link #adopt}, which do no I/O.
 *
 * <p>What it does not promise: that blocks that were written and not synced survive a power loss,
 * or that a block that was being written is whole after one. The journal still has those.
 */
public interface CapacityTier {
  /** Sets space aside for a chunk; false when there is not enough, and nothing was set aside. */
  boolean reserve(long sizeBytes);

  /** Counts space of chunks that were there before this process. */
  void adopt(long sizeBytes);

  /**
   * Writes blocks; makes the chunk's file when there is none.
   *
   * @throws OutOfSpaceException when the device is full: the call may be repeated later.
   */
  void write(ChunkId chunk, int blockOffset, int blockCount, DirectBuffer source, int sourceOffset)
      throws IOException;

  /** Makes blocks read as zeroes; keeps their space when allocate is set, else gives it back. */
  void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate) throws IOException;

  /** Reads blocks; those never written are zeroes. */
  void read(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException;

  /**
   * Makes what was written to the chunk durable. A failure is final for the device: who gets one
   * must not try again.
   */
  void sync(ChunkId chunk) throws IOException;

  /**
   * Moves the chunk to the trash, to be deleted after the tier's delay; its space is free once it
   * is. Repeating it has no effect.
   *
   * @param sizeBytes what was set aside for it.
   */
  void trash(ChunkId chunk, long sizeBytes) throws IOException;

  /** The device has no room at the moment. */
  final class OutOfSpaceException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Says what did not fit. */
    public OutOfSpaceException(String message) {
      super(message);
    }
  }
}
