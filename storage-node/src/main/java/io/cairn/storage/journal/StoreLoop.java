package io.cairn.storage.journal;

/** The shard's loop and the threads behind it, as the store sees them. */
public interface StoreLoop {
  /** Runs a task on the shard's loop; callable from any thread. */
  void onLoop(Runnable task);

  /** Runs blocking work on some other thread; tasks may run beside each other, in any order. */
  void offLoop(Runnable task);

  /**
   * As {@link #offLoop}, for work that nobody waits for: it gives way to everything else that wants
   * a processor.
   */
  default void inBackground(Runnable task) {
    offLoop(task);
  }

  /** Runs a task on the shard's loop after a while; called on the loop. */
  void later(long delayNanos, Runnable task);
}
