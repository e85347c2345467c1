package io.cairn.bench.sim;

import java.io.Serial;

/** A run that failed: seed, what was violated, the last events, and the line that replays it. */
final class SimFailure extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final String invariant;

  SimFailure(long seed, SimRun.Stores stores, String invariant, Throwable cause, String events) {
    super(
        "seed "
            + seed
            + " violates "
            + invariant
            + ": "
            + cause.getMessage()
            + "\nlast events:\n"
            + events
            + "replay: cairn sim --seed "
            + seed
            + (stores == SimRun.Stores.EITHER ? "" : " --stores " + stores),
        cause);
    this.invariant = invariant;
  }

  String invariant() {
    return invariant;
  }
}
