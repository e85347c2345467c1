package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
    return files(where).regions();
  }

  private SegmentFiles files(Path where) throws IOException {
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
  void onlyWhatAKilledProcessLeftMayBeNewerThanTheFiles() throws IOException {
    assertFalse(SegmentFiles.hasNewerCopy(memory, journal));
    close(open(memory), false);
    assertTrue(SegmentFiles.hasNewerCopy(memory, journal));
    assertFalse(SegmentFiles.hasNewerCopy(null, journal));
    close(open(memory), true);
    assertFalse(SegmentFiles.hasNewerCopy(memory, journal));
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
  void aKilledProcessLeavesWhatItDidNotForceInSegmentsThatWereMadeLater() throws IOException {
    SegmentFiles files = files(memory);
    put(files.regions(), 3);
    List<Region> made = files.make(2);
    made.get(1).buffer().putLong(AT, 5);
    files.take(List.of(made.get(0), files.regions().get(2)));
    close(files.regions(), false);
    files = files(memory);
    assertEquals(4, files.regions().size());
    assertEquals(3, get(files.regions()));
    assertEquals(5, files.regions().get(3).buffer().getLong(AT));
    close(files.regions(), false);
  }

  @Test
  void ofSegmentsThatTheJournalDoesNotHaveNothingIsLeft() throws IOException {
    SegmentFiles files = files(memory);
    Path map = journal.resolve("segment-map");
    byte[] before = Files.readAllBytes(map);
    put(files.regions(), 3);
    files.make(2);
    close(files.regions(), false);
    Files.write(map, before);
    List<Region> ring = open(memory);
    assertEquals(SEGMENTS, ring.size());
    assertEquals(3, get(ring));
    assertFalse(Files.exists(copies().getFirst().resolve("004")));
    close(ring, true);
    assertEquals(List.of(), copies());
  }

  @Test
  void withoutRoomInMemoryTheJournalKeepsItsSize() throws Exception {
    try (SmallDevice small = SmallDevice.mount(temporary, 40 << 20)) {
      SegmentFiles files = files(small.directory());
      String reason = assertThrows(IOException.class, () -> files.make(4)).getMessage();
      assertTrue(reason.contains("are needed"), reason);
      assertTrue(Files.exists(journal.resolve("copy")));
      put(files.regions(), 4);
      close(files.regions(), false);
      List<Region> ring = open(small.directory());
      assertEquals(SEGMENTS, ring.size());
      assertEquals(4, get(ring));
      close(ring, true);
    }
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
