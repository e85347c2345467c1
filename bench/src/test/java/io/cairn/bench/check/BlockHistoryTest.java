package io.cairn.bench.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class BlockHistoryTest {
  private final BlockHistory history = new BlockHistory("cell");

  private void write(long value, long begin, long end) {
    BlockHistory.Write write = history.write(value, begin);
    if (end > 0) {
      write.acknowledged(end);
    }
  }

  @Test
  void readsInOrderAreLinearizable() {
    write(1, 1, 2);
    history.read(1, 3, 4);
    write(2, 5, 8);
    history.read(1, 6, 7);
    history.read(2, 9, 10);
    history.check();
  }

  @Test
  void readOfOverwrittenValueIsStale() {
    write(1, 1, 2);
    write(2, 3, 4);
    history.read(1, 5, 6);
    assertViolation("I4");
  }

  @Test
  void newThenOldIsStaleEvenDuringTheWrite() {
    write(1, 1, 2);
    write(2, 3, 20);
    history.read(2, 5, 6);
    history.read(1, 7, 8);
    assertViolation("I4");
  }

  @Test
  void unfinishedWriteMayOrMayNotShow() {
    write(1, 1, 2);
    write(2, 3, 0);
    history.read(1, 5, 6);
    history.read(2, 7, 8);
    history.check();
  }

  @Test
  void zeroesAfterAnAcknowledgedWriteAreStale() {
    write(1, 1, 2);
    history.read(0, 3, 4);
    assertViolation("I4");
  }

  @Test
  void zeroesAfterAWriteOfZeroesAreRight() {
    write(1, 1, 2);
    write(0, 3, 4);
    history.read(0, 5, 6);
    history.check();
  }

  @Test
  void oldValueAfterAWriteOfZeroesIsStale() {
    write(1, 1, 2);
    write(0, 3, 4);
    history.read(1, 5, 6);
    assertViolation("I4");
  }

  @Test
  void unflushedWriteMayBeLostWithEverything() {
    write(1, 1, 2);
    write(2, 3, 4);
    history.totalLoss();
    history.read(1, 5, 6);
    history.check();
  }

  @Test
  void flushedWriteIsNeverLost() {
    write(1, 1, 2);
    history.write(2, 3).acknowledged(4);
    BlockHistory.Write flushed = history.write(3, 5);
    flushed.acknowledged(6);
    flushed.flushed();
    history.totalLoss();
    history.read(2, 7, 8);
    assertViolation("I7");
  }

  @Test
  void readsAfterALossAgree() {
    write(1, 1, 2);
    write(2, 3, 4);
    history.totalLoss();
    history.read(1, 5, 6);
    history.read(2, 7, 8);
    assertViolation("I7");
  }

  private void assertViolation(String invariant) {
    assertEquals(invariant, assertThrows(InvariantViolation.class, history::check).invariant());
  }
}
