package io.cairn.bench.check;

import java.io.Serial;

/** An invariant of the design does not hold; the message begins with its name. */
public final class InvariantViolation extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final String invariant;

  /**
   * A violation.
   *
   * @param invariant short name such as "I4".
   */
  public InvariantViolation(String invariant, String detail) {
    super(invariant + ": " + detail);
    this.invariant = invariant;
  }

  /** The short name of what was violated. */
  public String invariant() {
    return invariant;
  }
}
