package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import java.util.PriorityQueue;

/** Virtual time: a queue of events, run in the order of their time and then of their birth. */
final class SimWorld {
  private static final long WINDOW_NANOS = 1_000_000L;
  private static final long WINDOW_EVENTS_MAX = 3_000;

  private final PriorityQueue<Event> queue = new PriorityQueue<>();
  private final Trace trace;
  private long nowNanos = 1_000_000_000L;
  private long born;
  private long executed;
  private long windowEndNanos;
  private long windowBegin;

  SimWorld(Trace trace) {
    this.trace = trace;
  }

  /** Something that is going to happen. */
  private record Event(long atNanos, long number, SimProcess process, int life, Runnable action)
      implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(atNanos, other.atNanos);
      return byTime != 0 ? byTime : Long.compare(number, other.number);
    }
  }

  long nowNanos() {
    return nowNanos;
  }

  Trace trace() {
    return trace;
  }

  void log(String event) {
    trace.add(nowNanos, event);
  }

  /** Runs an action of the world itself. */
  void after(long delayNanos, Runnable action) {
    queue.add(new Event(nowNanos + delayNanos, born++, null, 0, action));
  }

  /**
   * Runs an action within a process: dropped when that life of the process is over by then, held
   * back while it is stalled.
   */
  void after(SimProcess process, long delayNanos, Runnable action) {
    queue.add(new Event(nowNanos + delayNanos, born++, process, process.life(), action));
  }

  /** Runs the next event; false when there is none at or before the deadline. */
  boolean step(long deadlineNanos) {
    Event event = queue.peek();
    if (event == null || event.atNanos > deadlineNanos) {
      return false;
    }
    queue.poll();
    nowNanos = Math.max(nowNanos, event.atNanos);
    executed++;
    if (nowNanos >= windowEndNanos) {
      windowEndNanos = nowNanos + WINDOW_NANOS;
      windowBegin = executed;
    } else if (executed - windowBegin > WINDOW_EVENTS_MAX) {
      throw new InvariantViolation("liveness", "something spins instead of waiting");
    }
    if (event.process == null) {
      event.action.run();
    } else if (event.process.isLife(event.life)) {
      event.process.run(event.action);
    }
    return true;
  }

  long executed() {
    return executed;
  }
}
