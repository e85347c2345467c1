package io.cairn.storage.env;

import java.util.function.Consumer;
import org.agrona.MutableDirectBuffer;

/**
 * A fixed range of persistent bytes: a journal segment or a small control file. The production form
 * is a preallocated, prewritten file with its bytes in memory; the simulator's form loses, tears
 * and rots what its fault model permits.
 */
public interface Region {
  /** The bytes. What was written here and not forced may or may not survive a power loss. */
  MutableDirectBuffer buffer();

  /** Length in bytes. */
  int sizeBytes();

  /**
   * Whether the bytes lie in memory that begins with a page and no device stands behind: to look at
   * them cannot fail, and a device may be given them as they lie.
   */
  default boolean isMemory() {
    return false;
  }

  /**
   * Makes all bytes written before this call durable; one call at a time, the next one after the
   * answer.
   *
   * @param onDone runs on the caller's loop with null, or with the failure, after which the
   *     region's device must not be used again: a failed sync is final.
   */
  void force(int offsetBytes, int lengthBytes, Consumer<Throwable> onDone);

  /**
   * Gives the memory back; the bytes stay.
   *
   * @param forced whether everything that matters was forced: what only keeps the other bytes over
   *     the process's death is then not needed any more.
   */
  void close(boolean forced);
}
