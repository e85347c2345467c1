package io.cairn.client.volume;

import java.util.ArrayList;
import java.util.function.Supplier;

/**
 * Objects that are used again, so that a request in the steady state allocates nothing. Whoever
 * takes one gives it back once nobody refers to it any more; one that is never given back is the
 * collector's.
 */
final class Pool<T> {
  /** Objects that are kept for later; a burst beyond it is left to the collector. */
  private static final int KEPT_MAX = 4096;

  private final Supplier<T> maker;
  private final ArrayList<T> free = new ArrayList<>();

  Pool(Supplier<T> maker) {
    this.maker = maker;
  }

  T take() {
    return free.isEmpty() ? maker.get() : free.removeLast();
  }

  void give(T used) {
    if (free.size() < KEPT_MAX) {
      free.add(used);
    }
  }
}
