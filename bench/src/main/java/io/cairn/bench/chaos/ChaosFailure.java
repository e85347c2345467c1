package io.cairn.bench.chaos;

import java.io.Serial;

/** The cluster did what it must not do, or the run could not be done. */
public final class ChaosFailure extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** A failure with a text for people. */
  public ChaosFailure(String message) {
    super(message);
  }

  /** A failure that something else brought about. */
  public ChaosFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
