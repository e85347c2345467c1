package io.cairn.storage.transport;

import io.netty.channel.SelectStrategy;
import io.netty.util.IntSupplier;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How an event loop waits: for a short time it asks again and again whether something has come,
 * before it lets its thread sleep. To be woken costs more than a request itself, in time and in
 * processor time, and at depth 1 each request wakes a thread at every hop.
 *
 * <p>It asks only where that pays. As a branch predictor does it keeps, for each pattern of the
 * last waits, whether the wait after it was a short one, and learns from those it slept through as
 * well: a loop that nobody asks for anything, or once in a millisecond, sleeps at once. While it
 * asks it yields the processor to whoever else can run. What was measured stands in {@code
 * storage-node/docs/what-was-tried.md}.
 *
 * <p>Used by its loop only. Nothing waits longer for it.
 */
final class BusyPoll implements SelectStrategy {
  /** Go round once more: nothing has come, and nothing is to be slept for. */
  static final int AGAIN = 0;

  private static final int HISTORY_BITS = 4;
  private static final int HISTORY_MASK = (1 << HISTORY_BITS) - 1;
  private static final int WORTH_MAX = 7;
  private static final int WORTH_IT = 4;

  private final long windowNanos;
  private final LongSupplier nanoTime;

  /** By the last waits, a bit each: how often the next one was short, saturating. */
  private final byte[] worth = new byte[1 << HISTORY_BITS];

  private int history;
  private State state = State.WORKING;
  private long beginNanos;

  private enum State {
    /** The loop has had something to do. */
    WORKING,
    /** It asks again and again. */
    ASKING,
    /** It asked for nothing and sleeps; the wait has been learnt from. */
    GIVEN_UP,
    /** It sleeps; how long, will be learnt from. */
    ASLEEP
  }

  /**
   * A loop that has not waited yet, and sleeps until short waits were seen.
   *
   * @param window how long it asks; more than 0.
   */
  BusyPoll(Duration window, LongSupplier nanoTime) {
    this.windowNanos = window.toNanos();
    this.nanoTime = nanoTime;
  }

  @Override
  public int calculateStrategy(IntSupplier ready, boolean hasTasks) throws Exception {
    if (state == State.ASLEEP) {
      // With what it was woken for, which takes about as long as it would have asked.
      learn(nanoTime.getAsLong() - beginNanos < 2 * windowNanos);
    }
    if (state != State.ASKING) {
      state = State.WORKING;
    }
    if (hasTasks) {
      return came(ready.get());
    }
    if (state == State.WORKING && worth[history] < WORTH_IT) {
      beginNanos = nanoTime.getAsLong();
      state = State.ASLEEP;
      return SELECT;
    }
    int count = ready.get();
    if (count > 0) {
      return came(count);
    }
    long now = nanoTime.getAsLong();
    if (state == State.WORKING) {
      state = State.ASKING;
      beginNanos = now;
    } else if (now - beginNanos >= windowNanos) {
      learn(false);
      state = State.GIVEN_UP;
      return SELECT;
    }
    Thread.yield();
    return AGAIN;
  }

  private int came(int count) {
    learn(true);
    state = State.WORKING;
    return count;
  }

  private void learn(boolean shortWait) {
    int value = worth[history] + (shortWait ? 1 : -1);
    worth[history] = (byte) Math.clamp(value, 0, WORTH_MAX);
    history = (history << 1 | (shortWait ? 1 : 0)) & HISTORY_MASK;
  }
}
