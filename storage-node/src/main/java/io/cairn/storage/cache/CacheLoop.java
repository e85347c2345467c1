package io.cairn.storage.cache;

/** The shard's loop and the threads behind it, as the cache sees them. */
public interface CacheLoop {
  /** Runs a task on the shard's loop; callable from any thread. */
  void onLoop(Runnable task);

  /** Runs blocking work on some other thread; tasks may run beside each other, in any order. */
  void offLoop(Runnable task);

  /** Runs a task on the shard's loop after a while; called on the loop. */
  void later(long delayNanos, Runnable task);
}
