package io.cairn.storage.journal;

import io.cairn.storage.cache.CacheLoop;

/** The shard's loop and the threads behind it, as the store sees them. */
public interface StoreLoop extends CacheLoop {
  /**
   * As {@link #offLoop}, for work that nobody waits for: it gives way to everything else that wants
   * a processor.
   */
  default void inBackground(Runnable task) {
    offLoop(task);
  }

  /** The time, on a clock that only means anything beside itself. */
  long nowNanos();
}
