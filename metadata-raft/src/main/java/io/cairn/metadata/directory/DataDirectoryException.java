package io.cairn.metadata.directory;

import java.io.IOException;
import java.io.Serial;

/** A data directory cannot be used; the message is one line that names it and says why. */
public final class DataDirectoryException extends IOException {
  @Serial private static final long serialVersionUID = 1;

  DataDirectoryException(String message) {
    super(message);
  }

  DataDirectoryException(String message, Throwable cause) {
    super(message, cause);
  }
}
