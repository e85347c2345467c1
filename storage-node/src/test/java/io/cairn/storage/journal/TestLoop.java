package io.cairn.storage.journal;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A loop and its helpers in one thread: what is ready runs in an order that a seed decides. */
final class TestLoop implements StoreLoop {
  private record Timer(long dueNanos, Runnable task) {}

  private final Random random;
  private final List<Runnable> ready = new ArrayList<>();
  private final List<Runnable> elsewhere = new ArrayList<>();
  private final List<Timer> timers = new ArrayList<>();
  private long nowNanos;

  TestLoop(Random random) {
    this.random = random;
  }

  @Override
  public void onLoop(Runnable task) {
    ready.add(task);
  }

  @Override
  public void offLoop(Runnable task) {
    elsewhere.add(task);
  }

  @Override
  public long nowNanos() {
    return nowNanos;
  }

  @Override
  public void later(long delayNanos, Runnable task) {
    timers.add(new Timer(nowNanos + delayNanos, task));
  }

  /** Runs one task; false when there is none but timers. */
  boolean step() {
    nowNanos += 1_000;
    if (!ready.isEmpty() && (elsewhere.isEmpty() || random.nextBoolean())) {
      ready.removeFirst().run();
      return true;
    }
    if (!elsewhere.isEmpty()) {
      elsewhere.remove(random.nextInt(elsewhere.size())).run();
      return true;
    }
    return false;
  }

  void advance(long nanos) {
    nowNanos += nanos;
    List<Timer> due = timers.stream().filter(timer -> timer.dueNanos() <= nowNanos).toList();
    timers.removeAll(due);
    due.forEach(timer -> timer.task().run());
  }

  /** Runs until nothing is left to do. */
  void settle() {
    while (step() || !timers.isEmpty()) {
      if (ready.isEmpty() && elsewhere.isEmpty()) {
        advance(20_000_000L);
      }
    }
  }

  /** Whether anything but timers is to be done. */
  boolean isBusy() {
    return !ready.isEmpty() || !elsewhere.isEmpty();
  }

  int timerCount() {
    return timers.size();
  }

  /** Forgets everything: the process died. */
  void clear() {
    ready.clear();
    elsewhere.clear();
    timers.clear();
  }
}
