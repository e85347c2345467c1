package io.cairn.storage.cache;

import java.io.IOException;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Slots of a block each, and pages of entries that say what is in them. Calls block and may come
 * from any thread but a shard's loop, except {@link #readCached}.
 *
 * <p>What it does not promise: that anything that was written is there after a loss of power, or is
 * whole, or that slots and entries belong together. Whoever reads compares checksums.
 */
public interface CacheDevice extends AutoCloseable {
  /** How many blocks there is place for. */
  int slots();

  /**
   * Makes place for more blocks, or gives that of the last ones back; what is in the other slots
   * stays. While nothing is written.
   *
   * @throws IOException when there is no room; the device then has what it had.
   */
  void resize(int slots) throws IOException;

  /** Reads a slot. */
  void read(int slot, MutableDirectBuffer target, int offset) throws IOException;

  /**
   * Reads a slot if that takes no waiting; may be called on a shard's loop.
   *
   * @return whether it was read; when not, the target's bytes may have changed.
   */
  boolean readCached(int slot, MutableDirectBuffer target, int offset);

  /** Writes slots that lie side by side. */
  void write(int slot, int count, DirectBuffer source, int offset) throws IOException;

  /** Reads a page of entries, {@link CacheEntries#PAGE_BYTES} of them. */
  void readEntries(int page, MutableDirectBuffer target, int offset) throws IOException;

  /** Writes a page of entries. */
  void writeEntries(int page, DirectBuffer source, int offset) throws IOException;

  @Override
  void close() throws IOException;
}
