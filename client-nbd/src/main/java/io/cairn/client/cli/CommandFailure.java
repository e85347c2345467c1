package io.cairn.client.cli;

import java.io.Serial;

/**
 * A verb was refused or failed: the message is the one line that people get, and says why and what
 * to do. Ends the program with exit code 1.
 */
public final class CommandFailure extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** A failure that needs no further explanation. */
  public CommandFailure(String message) {
    super(message);
  }

  /** A failure with what caused it, for {@code --debug}. */
  public CommandFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
