package io.cairn.storage.env;

import org.agrona.DirectBuffer;

/**
 * One ordered, reliable byte connection, seen from one end. All calls happen on the loop that the
 * link belongs to.
 *
 * <p>What a link does not promise: that a frame that was sent arrives. After {@link #close()} or a
 * failure, frames under way are lost from some point on, never from the middle, and the owner of
 * the link is told once.
 */
public interface Link {
  /** Identifies the link within its process; never reused. */
  long id();

  /**
   * Queues one frame.
   *
   * @param header the frame's header; copied before this call returns.
   * @param payload the bytes behind the header, or null; borrowed, the link retains what it needs.
   */
  void send(DirectBuffer header, int headerOffset, int headerLength, Payload payload);

  /** Whether frames may still leave. */
  boolean isOpen();

  /**
   * The receiver takes frames again, see {@link Dialer.Handler#takesMore}; none comes from within.
   */
  default void resume() {}

  /** Closes at once; idempotent. */
  void close();
}
