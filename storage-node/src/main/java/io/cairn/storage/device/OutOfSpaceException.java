package io.cairn.storage.device;

import java.io.IOException;

/** The device has no room at the moment. */
public final class OutOfSpaceException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Says what did not fit. */
  public OutOfSpaceException(String message) {
    super(message);
  }
}
