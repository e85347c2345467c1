package io.cairn.client.volume;

import io.cairn.storage.env.Payload;

/**
 * Block access to one attached volume, for the protocol servers. All calls and callbacks happen on
 * the volume's event loop. Any offset and any length within the volume are served; requests wait
 * rather than fail while the cluster mends itself. Every callback runs exactly once, possibly
 * before the call returns.
 */
public interface VolumeIo {
  /** Current size in bytes; grows after a resize. */
  long sizeBytes();

  /** Chunk size in bytes: the preferred unit of large requests. */
  int chunkSizeBytes();

  /**
   * Reads.
   *
   * @param sink gets the bytes; borrowed for the call, retain to keep.
   */
  void read(long offsetBytes, int lengthBytes, ReadCallback sink);

  /**
   * Writes; the payload is retained until it is no longer needed.
   *
   * @param fua answered when durable on every in-sync replica.
   */
  void write(long offsetBytes, Payload payload, boolean fua, Callback done);

  /**
   * Writes zeroes or trims.
   *
   * @param mayPunch whether the range may become a hole.
   */
  void zero(long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done);

  /** Makes every write that completed before this call durable on every in-sync replica. */
  void flush(Callback done);

  /** Reports the extents of a range, block-granular, clipped to the range. */
  void extents(long offsetBytes, long lengthBytes, ExtentsCallback sink);

  /** How a request ended when it did not succeed. */
  enum Failure {
    /** Another owner has the volume: this session is over for good. */
    FENCED,
    /** No replica has a readable copy of a block. */
    UNREADABLE,
    /** Capacity is exhausted and the I/O timeout elapsed, or chunk placement is impossible. */
    NO_SPACE,
    /** The optional I/O timeout elapsed. */
    TIMED_OUT,
    /** The session is closing. */
    CLOSED
  }

  /** End of a request. */
  interface Callback {
    /** The end; failure is null on success. */
    void done(Failure failure);
  }

  /** End of a read. */
  interface ReadCallback {
    /** The bytes on success (borrowed), or null and the failure. */
    void done(Payload payload, Failure failure);
  }

  /** End of an extents query: parallel arrays, lengths in bytes; kind 0 hole, 1 zero, 2 data. */
  interface ExtentsCallback {
    /** The extents in order, count entries. */
    void done(long[] lengths, int[] kinds, int count, Failure failure);
  }
}
