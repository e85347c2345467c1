package io.cairn.metadata.ratis;

import java.io.IOException;

/** The database with the state holds something else than what was written to it. */
final class DamagedStateException extends IOException {
  private static final long serialVersionUID = 1;

  DamagedStateException(String message, Throwable cause) {
    super(message, cause);
  }
}
