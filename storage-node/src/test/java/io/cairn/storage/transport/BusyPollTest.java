package io.cairn.storage.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.SelectStrategy;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class BusyPollTest {
  private static final long ASK_NANOS = 1_000;

  private long now = 1;
  private final BusyPoll poll = new BusyPoll(Duration.ofNanos(50_000), () -> now);
  private long sleeps;
  private long asks;

  @Test
  void sleepsAtFirst() throws Exception {
    assertEquals(SelectStrategy.SELECT, poll.calculateStrategy(() -> 0, false));
  }

  @Test
  void asksWhereTheNextOneComesSoon() throws Exception {
    waits(20, 30_000);
    sleeps = 0;
    waits(100, 30_000);
    assertEquals(0, sleeps);
  }

  @Test
  void sleepsWhereTheNextOneComesLate() throws Exception {
    waits(20, 30_000);
    waits(20, 1_000_000);
    asks = 0;
    waits(100, 1_000_000);
    assertEquals(0, asks);
  }

  @Test
  void noMoreThanTheWindowIsAskedForWhatComesLate() throws Exception {
    waits(20, 30_000);
    asks = 0;
    waits(1, 1_000_000);
    assertTrue(asks * ASK_NANOS <= 52_000, asks + " times");
  }

  /** As in a gateway whose client comes once in a millisecond: the answers are near. */
  @Test
  void learnsWhichOfTwoWaitsIsShort() throws Exception {
    alternate(40);
    sleeps = 0;
    asks = 0;
    alternate(100);
    assertEquals(100, sleeps, "before each request");
    assertTrue(asks <= 100 * 31, asks + " times");
  }

  @Test
  void tasksAreRunAtOnce() throws Exception {
    waits(20, 30_000);
    assertEquals(BusyPoll.AGAIN, poll.calculateStrategy(() -> 0, false));
    assertEquals(3, poll.calculateStrategy(() -> 3, true));
  }

  private void alternate(int times) throws Exception {
    for (int i = 0; i < times; i++) {
      waits(1, 30_000);
      waits(1, 1_000_000);
    }
  }

  /** What comes so long after the one before, so many times. */
  private void waits(int times, long gapNanos) throws Exception {
    for (int i = 0; i < times; i++) {
      long comesAt = now + gapNanos;
      while (true) {
        int strategy = poll.calculateStrategy(() -> now >= comesAt ? 1 : 0, false);
        if (strategy == SelectStrategy.SELECT) {
          sleeps++;
          now = Math.max(now, comesAt);
          break;
        }
        if (strategy > 0) {
          break;
        }
        asks++;
        now += ASK_NANOS;
      }
    }
  }
}
