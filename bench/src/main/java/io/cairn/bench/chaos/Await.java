package io.cairn.bench.chaos;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for what another process does: by asking until a deadline. */
public final class Await {
  private static final long PAUSE_MILLIS = 50;

  private Await() {}

  /**
   * Returns the seconds that it took.
   *
   * @throws ChaosFailure when it did not come in time; the text says what, and how it stands.
   */
  public static double until(
      String what, Duration limit, BooleanSupplier condition, Supplier<String> stand) {
    long begin = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - begin > limit.toNanos()) {
        throw new ChaosFailure(
            "not within " + limit.toSeconds() + " s: " + what + "; now: " + stand.get());
      }
      pause(PAUSE_MILLIS);
    }
    return (System.nanoTime() - begin) / 1e9;
  }

  /** As above, for what has nothing more to say. */
  public static double until(String what, Duration limit, BooleanSupplier condition) {
    return until(what, limit, condition, () -> "it is not so");
  }

  /** Lets the load run for a while: part of a story, not a way to wait for something. */
  public static void pass(Duration time) {
    pause(time.toMillis());
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }
}
