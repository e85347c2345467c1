package io.cairn.storage.chunk;

import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Set;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Where destaged blocks live: per chunk a range of blocks, thin. All calls block and may come from
 * any thread but a shard's loop, except {@link #reserve}, {@link #adopt} and {@link #isSlow}, which
 * do no I/O, and {@link #readCached}.
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
   * Reads blocks if that takes no waiting, as when they are in the page cache; may be called on a
   * shard's loop.
   *
   * @return whether they were read; when not, the target's bytes may have changed.
   */
  default boolean readCached(
      ChunkId chunk,
      int blockOffset,
      int blockCount,
      MutableDirectBuffer target,
      int targetOffset) {
    return false;
  }

  /**
   * Whether reads take so long that readers gain by {@link #readAhead}, as of now; any thread, at
   * once.
   */
  default boolean isSlow() {
    return false;
  }

  /**
   * Somebody will probably read these blocks soon: begins to fetch them to where reads find them
   * faster, and does not wait for that. Changes nothing that can be read, and may do nothing; a
   * failure is found by who reads them.
   */
  default void readAhead(ChunkId chunk, int blockOffset, int blockCount) {}

  /** As {@link #read}, from the device itself: what a cache holds in its place does not count. */
  default void readDevice(
      ChunkId chunk, int blockOffset, int blockCount, MutableDirectBuffer target, int targetOffset)
      throws IOException {
    read(chunk, blockOffset, blockCount, target, targetOffset);
  }

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

  /**
   * A way to write many blocks that a tier may make cheaper than one by one; for one thread, and
   * closed by it.
   */
  default Writer writer() {
    return new EachAtOnce(this);
  }

  /** Writes of one run of the destager; nothing is promised of them before {@link #sync}. */
  interface Writer extends AutoCloseable {
    /**
     * From now on all sources are memory of this process that stays as it is until {@link #sync} or
     * {@link #close}: they may be written from where they lie.
     */
    default void sourcesStay() {}

    /**
     * As {@link CapacityTier#write}, sooner or later; the source is not needed any more, unless
     * {@link #sourcesStay} was said.
     *
     * @param crcs CRC32C of each block, the first one's at crcOffset.
     * @return how many blocks do not have theirs; they are written all the same.
     */
    int write(
        ChunkId chunk,
        int blockOffset,
        int blockCount,
        DirectBuffer source,
        int offset,
        int[] crcs,
        int crcOffset)
        throws IOException;

    /** As {@link CapacityTier#zero}. */
    void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate) throws IOException;

    /** Makes everything that was written durable, as {@link CapacityTier#sync} does. */
    void sync() throws IOException;

    /** Drops what was not synced. */
    @Override
    void close();
  }

  /** The writer of a tier that has nothing better. */
  final class EachAtOnce implements Writer {
    private final CapacityTier tier;
    private final BlockCheck check = new BlockCheck();
    private final Set<ChunkId> touched = new LinkedHashSet<>();

    private EachAtOnce(CapacityTier tier) {
      this.tier = tier;
    }

    @Override
    public int write(
        ChunkId chunk,
        int blockOffset,
        int blockCount,
        DirectBuffer source,
        int offset,
        int[] crcs,
        int crcOffset)
        throws IOException {
      tier.write(chunk, blockOffset, blockCount, source, offset);
      touched.add(chunk);
      return check.badMapped(source, offset, blockCount, crcs, crcOffset);
    }

    @Override
    public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
        throws IOException {
      tier.zero(chunk, blockOffset, blockCount, allocate);
      touched.add(chunk);
    }

    @Override
    public void sync() throws IOException {
      for (ChunkId chunk : touched) {
        tier.sync(chunk);
      }
      touched.clear();
    }

    @Override
    public void close() {}
  }
}
