package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ReadRunsTest {
  private static final long SLOW = ReadRuns.SLOW_NANOS;
  private static final long FAST = SLOW - 1;

  private final ReadRuns runs = new ReadRuns();

  private int goesOn(int block, int count) {
    return runs.goesOn(null, block, count);
  }

  /** Asks whom the run prefers, or else the one that is given. */
  private long ask(int block, int count, int otherwise) {
    int preferred = goesOn(block, count);
    return runs.asked(null, block, count, preferred < 0 ? otherwise : preferred);
  }

  private void read(int block, int count, int bit, long tookNanos) {
    long run = ask(block, count, bit);
    runs.answered(run, bit, tookNanos);
    runs.ended(run, count);
  }

  /** A run of reads of 32 blocks that replica 2 keeps; it goes on at 96. */
  private void keep() {
    read(0, 32, 0, SLOW);
    read(32, 32, 1, SLOW);
    read(64, 32, 2, SLOW);
  }

  @Test
  void slowRunStaysWithWhoAnsweredIt() {
    keep();
    for (int block = 96; block < 1024; block += 32) {
      assertEquals(2, goesOn(block, 32));
      read(block, 32, 2, FAST);
    }
    assertEquals(-1, goesOn(5000, 8), "another reader");
  }

  @Test
  void fastRunTakesTheReplicasInTurn() {
    for (int block = 0; block < 1024; block += 32) {
      assertEquals(-1, goesOn(block, 32));
      read(block, 32, 1, block % 64 == 0 ? SLOW : FAST);
    }
  }

  @Test
  void largeReadsAreNoRun() {
    for (int block = 0; block < 16_384; block += 256) {
      assertEquals(-1, goesOn(block, 256));
      read(block, 256, 1, SLOW);
    }
  }

  @Test
  void othersHelpWhileMuchIsAskedOfOne() {
    keep();
    int half = ReadRuns.OUTSTANDING_MAX / 2;
    long first = ask(96, half, 0);
    ask(96 + half, half, 0);
    int next = 96 + 2 * half;
    assertEquals(-1, goesOn(next, 32));
    assertEquals(ReadRuns.NONE, ask(next, 32, 0), "of who helps nothing is told");
    runs.answered(first, 2, SLOW);
    runs.ended(first, half);
    assertEquals(2, goesOn(next + 32, 32));
  }

  @Test
  void runGoesToWhoAnswersAHedgedRead() {
    keep();
    long hung = ask(96, 100, 0);
    long hedged = ask(196, 28, 0);
    runs.answered(hedged, 0, SLOW);
    runs.ended(hedged, 28);
    assertEquals(0, goesOn(224, 100), "what is asked of the one before does not count");
    read(224, 100, 0, FAST);
    runs.answered(hung, 2, SLOW);
    runs.ended(hung, 100);
    assertEquals(0, goesOn(324, ReadRuns.READ_MAX));
  }

  @Test
  void readersThatJumpMakeNoRunForgotten() {
    keep();
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 100_000; i++) {
      int block = 1000 + random.nextInt(10_000_000);
      goesOn(block, 1);
      runs.asked(null, block, 1, 0);
    }
    assertEquals(2, goesOn(96, 32));
  }

  @Test
  void oldestRunIsForgotten() {
    for (int i = 0; i < 100; i++) {
      for (int read = 0; read < 3; read++) {
        read(1000 * i + read, 1, 1, SLOW);
      }
    }
    assertEquals(-1, goesOn(3, 1));
    assertEquals(1, goesOn(99_003, 1));
  }
}
