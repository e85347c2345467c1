package io.cairn.bench.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Set;
import org.junit.jupiter.api.Test;

class BlockHistoryTest {
  private final BlockHistory history = new BlockHistory("cell");

  private void write(long value, long begin, long end) {
    BlockHistory.Write write = history.write(value, begin, 1);
    if (end > 0) {
      write.acknowledged(end);
    }
  }

  @Test
  void readsInOrderAreLinearizable() {
    write(1, 1, 2);
    history.read(1, 3, 4, 1);
    write(2, 5, 8);
    history.read(1, 6, 7, 1);
    history.read(2, 9, 10, 1);
    history.check();
  }

  @Test
  void readOfOverwrittenValueIsStale() {
    write(1, 1, 2);
    write(2, 3, 4);
    history.read(1, 5, 6, 1);
    assertViolation("I4");
  }

  @Test
  void newThenOldIsStaleEvenDuringTheWrite() {
    write(1, 1, 2);
    write(2, 3, 20);
    history.read(2, 5, 6, 1);
    history.read(1, 7, 8, 1);
    assertViolation("I4");
  }

  @Test
  void unfinishedWriteMayOrMayNotShow() {
    write(1, 1, 2);
    write(2, 3, 0);
    history.read(1, 5, 6, 1);
    history.read(2, 7, 8, 1);
    history.check();
  }

  @Test
  void zeroesAfterAnAcknowledgedWriteAreStale() {
    write(1, 1, 2);
    history.read(0, 3, 4, 1);
    assertViolation("I4");
  }

  @Test
  void zeroesAfterAWriteOfZeroesAreRight() {
    write(1, 1, 2);
    write(0, 3, 4);
    history.read(0, 5, 6, 1);
    history.check();
  }

  @Test
  void oldValueAfterAWriteOfZeroesIsStale() {
    write(1, 1, 2);
    write(0, 3, 4);
    history.read(1, 5, 6, 1);
    assertViolation("I4");
  }

  @Test
  void unflushedWriteMayBeLostWithItsOwner() {
    write(1, 1, 2);
    write(2, 3, 4);
    history.read(1, 5, 6, 2);
    history.check(2);
  }

  @Test
  void unflushedWriteIsNotLostWithoutAPowerLoss() {
    write(1, 1, 2);
    write(2, 3, 4);
    history.read(1, 5, 6, 2);
    assertViolation("I4");
  }

  @Test
  void flushedWriteIsNeverLost() {
    write(1, 1, 2);
    history.write(2, 3, 1).acknowledged(4);
    BlockHistory.Write flushed = history.write(3, 5, 1);
    flushed.acknowledged(6);
    flushed.flushed(1);
    history.read(2, 7, 8, 2);
    assertViolation("I7", 2);
  }

  @Test
  void flushAfterTheLossSavesOnlyWhatIsLeft() {
    write(1, 1, 2);
    BlockHistory.Write lost = history.write(2, 3, 1);
    lost.acknowledged(4);
    lost.flushed(2);
    history.read(1, 5, 6, 2);
    history.check(2);
  }

  @Test
  void flushedWriteSurvivesALaterLoss() {
    history.write(1, 1, 1).acknowledged(2);
    BlockHistory.Write flushed = history.write(2, 3, 2);
    flushed.acknowledged(4);
    flushed.flushed(3);
    history.read(1, 7, 8, 5);
    assertViolation("I7", 2, 4);
  }

  @Test
  void readsAfterALossAgree() {
    write(1, 1, 2);
    write(2, 3, 4);
    history.read(1, 5, 6, 2);
    history.read(2, 7, 8, 2);
    assertViolation("I7", 2);
  }

  @Test
  void whatWasGivenUpMayBeAnyOldValueAndIsTheSameFromThenOn() {
    history.write(1, 1, 1).acknowledged(2);
    BlockHistory.Write flushed = history.write(2, 3, 1);
    flushed.acknowledged(4);
    flushed.flushed(1);
    history.read(1, 7, 8, 3);
    history.read(1, 9, 10, 4);
    history.check(Set.of(2L), 2);
    assertViolation("I7", 2);
    history.read(2, 11, 12, 4);
    assertThrows(InvariantViolation.class, () -> history.check(Set.of(2L), 2));
  }

  @Test
  void whatWasGivenUpIsNeverInvented() {
    history.write(1, 1, 1).acknowledged(2);
    history.read(9, 7, 8, 3);
    assertThrows(InvariantViolation.class, () -> history.check(Set.of(2L), 2));
  }

  private void assertViolation(String invariant, long... lossy) {
    assertEquals(
        invariant, assertThrows(InvariantViolation.class, () -> history.check(lossy)).invariant());
  }
}
