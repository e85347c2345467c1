package io.cairn.metadata.options;

import java.io.Serial;

/**
 * A setting was refused. The message is one line for the operator: where the setting stands, its
 * key, its value, and what is allowed.
 */
public final class OptionException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  OptionException(String message) {
    super(message);
  }
}
