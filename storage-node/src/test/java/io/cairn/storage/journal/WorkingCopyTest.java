package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.SmallDevice;
import io.cairn.storage.env.Region;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which of two copies of a journal counts, and what is left of the one in memory. */
class WorkingCopyTest {
  private static final int BYTES = SegmentFiles.SEGMENT_BYTES_MIN;
  private static final int SEGMENTS = 4;
  private static final int AT = 3 * 4096 + 64;

  @TempDir Path temporary;
  private Path journal;
  private Path memory;

  @BeforeEach
  void name() throws IOException {
    journal = temporary.resolve("journal");
    memory = Files.createDirectory(temporary.resolve("memory"));
  }

  private List<Region> open(Path where) throws IOException {
    return SegmentFiles.open(journal, BYTES, SEGMENTS, where, Runnable::run, Runnable::run);
  }

  private static void close(List<Region> ring, boolean forced) {
    ring.forEach(region -> region.close(forced));
  }

  private static void put(List<Region> ring, long value) {
    ring.get(1).buffer().putLong(AT, value);
  }

  private static long get(List<Region> ring) {
    return ring.get(1).buffer().getLong(AT);
  }

  private static void force(List<Region> ring) {
    List<Throwable> outcomes = new ArrayList<>();
    ring.get(1).force(AT, Long.BYTES, outcomes::add);
    assertEquals(1, outcomes.size());
    assertEquals(null, outcomes.getFirst());
  }

  private List<Path> copies() throws IOException {
    try (Stream<Path> files = Files.list(memory)) {
      return files.toList();
    }
  }

  @Test
  void aKilledProcessLeavesWhatItDidNotForce() throws IOException {
    List<Region> ring = open(memory);
    put(ring, 1);
    force(ring);
    put(ring, 2);
    close(ring, false);
    ring = open(memory);
    assertEquals(2, get(ring));
    close(ring, false);
  }

  @Test
  void aLossOfPowerLeavesWhatWasForced() throws Exception {
    List<Region> ring = open(memory);
    put(ring, 1);
    force(ring);
    put(ring, 2);
    close(ring, false);
    empty(copies().getFirst());
    ring = open(memory);
    assertEquals(1, get(ring));
    close(ring, false);
  }

  @Test
  void aForceWritesNoMoreThanItsPages() throws Exception {
    List<Region> ring = open(memory);
    put(ring, 1);
    ring.get(1).buffer().putLong(AT + 4096, 7);
    ring.get(2).buffer().putLong(AT, 7);
    force(ring);
    close(ring, false);
    empty(copies().getFirst());
    ring = open(null);
    assertEquals(1, get(ring));
    assertEquals(0, ring.get(1).buffer().getLong(AT + 4096));
    assertEquals(0, ring.get(2).buffer().getLong(AT));
    close(ring, true);
  }

  @Test
  void aCleanEndLeavesNothingInMemory() throws IOException {
    List<Region> ring = open(memory);
    put(ring, 1);
    force(ring);
    close(ring, true);
    assertEquals(List.of(), copies());
    ring = open(memory);
    assertEquals(1, get(ring));
    close(ring, true);
  }

  @Test
  void aCopyThatStayedBehindIsOlderThanTheDevice() throws IOException {
    List<Region> ring = open(memory);
    put(ring, 1);
    close(ring, false);
    // The device is used elsewhere, and comes back.
    Path elsewhere = Files.createDirectory(temporary.resolve("elsewhere"));
    ring = open(elsewhere);
    assertEquals(0, get(ring));
    put(ring, 3);
    force(ring);
    close(ring, true);
    ring = open(memory);
    assertEquals(3, get(ring));
    close(ring, true);
  }

  @Test
  void aMappedLifeInBetweenMakesTheCopyOlderToo() throws IOException {
    List<Region> ring = open(memory);
    put(ring, 1);
    close(ring, false);
    ring = open(null);
    put(ring, 3);
    force(ring);
    close(ring, true);
    ring = open(memory);
    assertEquals(3, get(ring));
    close(ring, true);
  }

  @Test
  void aCopyThatWasNotFinishedIsMadeAnew() throws IOException {
    List<Region> ring = open(memory);
    put(ring, 1);
    force(ring);
    put(ring, 2);
    close(ring, false);
    Path copy = copies().getFirst();
    Files.writeString(copy.resolve("copy"), "unfinished\n" + journal + "\nhost\n");
    ring = open(memory);
    assertEquals(1, get(ring));
    close(ring, true);
  }

  @Test
  void aCopyThatLacksASegmentIsMadeAnew() throws IOException {
    List<Region> ring = open(memory);
    put(ring, 1);
    force(ring);
    close(ring, false);
    Files.delete(copies().getFirst().resolve("003"));
    ring = open(memory);
    assertEquals(1, get(ring));
    close(ring, true);
  }

  @Test
  void copiesOfJournalsThatAreGoneAreSwept() throws Exception {
    close(open(memory), false);
    Path left = copies().getFirst();
    empty(journal);
    Files.delete(journal);
    journal = temporary.resolve("another");
    List<Region> ring = open(memory);
    assertEquals(1, copies().size());
    assertNotEquals(left, copies().getFirst());
    close(ring, true);
  }

  @Test
  void aCopyThatOthersMayWriteIsNotBelieved() throws IOException {
    List<Region> ring = open(memory);
    put(ring, 1);
    force(ring);
    put(ring, 2);
    close(ring, false);
    Files.setPosixFilePermissions(
        copies().getFirst(), PosixFilePermissions.fromString("rwxrwxrwx"));
    ring = open(memory);
    assertEquals(1, get(ring));
    close(ring, true);
  }

  @Test
  void withoutRoomTheJournalIsMapped() throws Exception {
    try (SmallDevice small = SmallDevice.mount(temporary, 8 << 20)) {
      List<Region> ring = open(small.directory());
      put(ring, 1);
      force(ring);
      assertFalse(Files.exists(journal.resolve("copy")));
      close(ring, true);
      ring = open(memory);
      assertEquals(1, get(ring));
      assertTrue(Files.exists(journal.resolve("copy")));
      close(ring, true);
    }
  }

  private static void empty(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
  }
}
