package io.cairn.storage.env;

import org.agrona.DirectBuffer;

/**
 * Reference-counted bytes of a request or a reply.
 *
 * <p>A payload is born with one reference, which belongs to whoever created it. A method that takes
 * a payload borrows it for the duration of the call; who keeps it longer retains it and releases it
 * later, exactly once. The bytes must not change while anyone but the creator holds a reference.
 * Reference counts are not thread-safe beyond what the implementation states.
 */
public interface Payload {
  /** The buffer that holds the bytes; valid while a reference is held. */
  DirectBuffer buffer();

  /** Index of the first byte within {@link #buffer()}. */
  int offset();

  /** Length in bytes. */
  int length();

  /** Adds a reference. */
  void retain();

  /** Drops a reference; the last one frees the bytes. */
  void release();

  /**
   * A view of a part, which shares the bytes and holds a reference of its own that its receiver
   * must release.
   *
   * @param offset first byte, relative to this payload.
   * @param length length in bytes.
   */
  Payload slice(int offset, int length);
}
