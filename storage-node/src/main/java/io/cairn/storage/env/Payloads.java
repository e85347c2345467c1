package io.cairn.storage.env;

import org.agrona.MutableDirectBuffer;

/** Allocates payloads. */
public interface Payloads {
  /** A payload of zeroes with one reference, which belongs to the caller. */
  Writable allocate(int length);

  /** The same with bytes that may be anything: the caller writes all of them. */
  default Writable allocateUnset(int length) {
    return allocate(length);
  }

  /** A payload whose creator may still write it, as long as nobody else holds it. */
  interface Writable extends Payload {
    /** The bytes, for the creator; {@link #offset()} is the first. */
    MutableDirectBuffer mutable();
  }
}
