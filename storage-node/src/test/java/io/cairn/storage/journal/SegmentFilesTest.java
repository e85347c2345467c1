package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.SmallDevice;
import io.cairn.storage.env.Region;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentFilesTest {
  private static final int BYTES = SegmentFiles.SEGMENT_BYTES_MIN;
  private static final JournalIdentity IDENTITY = new JournalIdentity(1, 2, 3);

  @TempDir Path temporary;
  private Path directory;

  @BeforeEach
  void name() {
    directory = temporary.resolve("journal");
  }

  private List<Region> open(int segmentBytes, int count) throws IOException {
    return files(segmentBytes, count).regions();
  }

  private SegmentFiles files(int segmentBytes, int count) throws IOException {
    return SegmentFiles.open(directory, segmentBytes, count, null, Runnable::run, Runnable::run);
  }

  private void openAndClose(int segmentBytes, int count) throws IOException {
    open(segmentBytes, count).forEach(region -> region.close(true));
  }

  private Path segment(int number) {
    return directory.resolve("segment-%03d".formatted(number));
  }

  private static long recover(List<Region> ring, int life) {
    Journal journal = new Journal(IDENTITY, ring);
    journal.recover(0, life, record -> {});
    journal.sync();
    return journal.durableLsn();
  }

  private String refusal(int segmentBytes, int count) {
    return assertThrows(IOException.class, () -> open(segmentBytes, count)).getMessage();
  }

  @Test
  void aNewJournalIsWrittenOnceBeforeItIsUsed() throws Exception {
    openAndClose(BYTES, 4);
    for (int i = 0; i < 4; i++) {
      assertEquals(BYTES, Files.size(segment(i)));
      long blocks = (long) Files.getAttribute(segment(i), "unix:size") / 512;
      assertTrue(blocks >= BYTES / 512);
    }
    assertEquals(Set.of("000", "001", "002", "003", "map"), names());
  }

  /** What is there, without what all names begin with. */
  private Set<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> file.getFileName().toString().replace("segment-", ""))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  @Test
  void whatIsForcedIsThereAfterAReopen() throws IOException {
    List<Region> ring = open(BYTES, 4);
    long end = recover(ring, 1);
    ring.forEach(region -> region.close(true));
    ring = open(BYTES, 4);
    assertTrue(recover(ring, 2) > end);
    ring.forEach(region -> region.close(true));
  }

  @Test
  void aJournalIsOpenedWithTheSegmentsThatItHas() throws IOException {
    openAndClose(BYTES, 5);
    for (int asked : new int[] {4, 6}) {
      List<Region> ring = open(BYTES, asked);
      assertEquals(5, ring.size());
      ring.forEach(region -> region.close(true));
    }
  }

  @Test
  void ofAnEarlierReleasesJournalTheNumberOfSegmentsIsAllThatTellsALoss() throws IOException {
    openAndClose(BYTES, 5);
    Files.delete(directory.resolve("segment-map"));
    assertTrue(refusal(BYTES, 4).contains("has 5 segments, not the configured 4"));
    assertTrue(refusal(BYTES, 6).contains("has 5 segments, not the configured 6"));
    openAndClose(BYTES, 5);
    Files.delete(segment(4));
    assertTrue(refusal(BYTES, 4).contains("segment-004 is missing: it was lost"));
  }

  @Test
  void aMapThatIsDamagedIsRefused() throws IOException {
    openAndClose(BYTES, 4);
    Path map = directory.resolve("segment-map");
    Files.writeString(map, Files.readString(map).replace("003", "002"));
    assertTrue(refusal(BYTES, 4).contains("segment-map is damaged"));
  }

  @Test
  void whatTheMapOfAResizedJournalHasIsTheJournal() throws IOException {
    SegmentFiles files = files(BYTES, 4);
    List<Region> made = files.make(3);
    assertEquals(7 * (long) BYTES, files.sizeBytes());
    made.forEach(region -> assertEquals(0, region.buffer().getLong(0)));
    made.get(1).buffer().putLong(0, 7);
    files.take(List.of(made.get(0), files.regions().get(0), files.regions().get(2)));
    assertEquals(Set.of("001", "003", "005", "006", "map"), names());
    assertEquals(4 * (long) BYTES, files.sizeBytes());
    files.regions().forEach(region -> region.close(true));

    files = files(BYTES, 4);
    assertEquals(4, files.regions().size());
    assertEquals(7, files.regions().get(2).buffer().getLong(0));
    files.make(2);
    assertEquals(Set.of("first", "001", "002", "003", "005", "006", "map"), names());
    assertEquals(7, files.regions().get(4).buffer().getLong(0));
    files.regions().forEach(region -> region.close(true));
  }

  @Test
  void whatACrashLeftOfSegmentsThatWereMadeOrTakenAwayIsDeleted() throws IOException {
    openAndClose(BYTES, 4);
    byte[] map = Files.readAllBytes(directory.resolve("segment-map"));
    SegmentFiles files = files(BYTES, 4);
    files.make(2);
    files.regions().forEach(region -> region.close(true));
    // Their files are there, and the first one has its new name; the map has not been written.
    Files.write(directory.resolve("segment-map"), map);
    Files.write(directory.resolve("segment-006.new"), map);
    Files.write(directory.resolve("segment-map.new"), new byte[10]);
    List<Region> ring = open(BYTES, 4);
    assertEquals(4, ring.size());
    ring.forEach(region -> region.close(true));
    assertEquals(Set.of("first", "001", "002", "003", "map", "map.new"), names());
    files = files(BYTES, 4);
    assertEquals(6, files.make(2).size() + ring.size());
    files.regions().forEach(region -> region.close(true));
  }

  /** What the release before the map asks of a directory, word for word: see {@link SegmentMap}. */
  private boolean isTakenByTheReleaseBefore() throws IOException {
    if (Files.exists(segment(0))) {
      return true;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "segment-*")) {
      for (Path file : files) {
        try (InputStream bytes = Files.newInputStream(file)) {
          for (byte b : bytes.readNBytes(Journal.SEGMENT_HEADER_BYTES)) {
            if (b != 0) {
              return false;
            }
          }
        }
      }
    }
    return true;
  }

  @Test
  void aReleaseThatCannotFindItsSegmentsDoesNotTakeAResizedJournal() throws IOException {
    SegmentFiles files = files(BYTES, 4);
    assertTrue(isTakenByTheReleaseBefore());
    files.regions().forEach(region -> region.close(true));
    files = files(BYTES, 4);
    assertTrue(isTakenByTheReleaseBefore());
    // Also when nothing was ever written to its segments.
    List<Region> made = files.make(1);
    assertFalse(isTakenByTheReleaseBefore());
    files.take(made);
    assertFalse(isTakenByTheReleaseBefore());
    files.regions().forEach(region -> region.close(true));
    openAndClose(BYTES, 4);
    assertFalse(isTakenByTheReleaseBefore());
  }

  @Test
  void aSegmentThatTheMapHasAndThatIsMissingIsRefused() throws IOException {
    SegmentFiles files = files(BYTES, 4);
    files.make(2);
    files.regions().forEach(region -> region.close(true));
    Files.delete(segment(5));
    assertTrue(refusal(BYTES, 4).contains("segment-005 is missing: it was lost"));
  }

  @Test
  void aFullDeviceKeepsTheSizeThatTheJournalHas() throws Exception {
    try (SmallDevice device = SmallDevice.mount(temporary, 24 << 20)) {
      directory = device.directory().resolve("journal");
      SegmentFiles files = files(BYTES, 4);
      String reason = assertThrows(IOException.class, () -> files.make(3)).getMessage();
      assertTrue(reason.contains("needs " + 3 * BYTES + " bytes; the device has "), reason);
      assertEquals(4, files.regions().size());
      files.regions().forEach(region -> region.close(true));
      openAndClose(BYTES, 4);
    }
  }

  @Test
  void anotherSizeIsRefused() throws IOException {
    openAndClose(BYTES, 4);
    assertTrue(refusal(2 * BYTES, 4).contains(BYTES + " bytes, not the configured " + 2 * BYTES));
    openAndClose(BYTES, 4);
  }

  @Test
  void aSegmentThatWasCutIsRefused() throws IOException {
    openAndClose(BYTES, 4);
    try (FileChannel channel = FileChannel.open(segment(2), StandardOpenOption.WRITE)) {
      channel.truncate(BYTES / 2);
    }
    assertTrue(refusal(BYTES, 4).contains("segment-002"));
  }

  @Test
  void aProcessThatDiedWhileItMadeTheJournalIsGoneOnFrom() throws IOException {
    openAndClose(BYTES, 6);
    Files.delete(segment(0));
    Files.delete(segment(1));
    Files.move(segment(2), directory.resolve("segment-002.new"));
    try (FileChannel channel =
        FileChannel.open(directory.resolve("segment-002.new"), StandardOpenOption.WRITE)) {
      channel.truncate(4711);
    }
    Files.delete(directory.resolve("segment-map"));
    // It was to have six segments; now it gets five.
    List<Region> ring = open(BYTES, 5);
    recover(ring, 1);
    ring.forEach(region -> region.close(true));
    openAndClose(BYTES, 5);
    assertFalse(Files.exists(segment(5)));
  }

  @Test
  void aJournalThatLostItsFirstSegmentIsNotMadeAnew() throws IOException {
    List<Region> ring = open(BYTES, 4);
    recover(ring, 1);
    ring.forEach(region -> region.close(true));
    Files.delete(segment(0));
    assertTrue(refusal(BYTES, 4).contains("is missing: it was lost"));
    Files.delete(directory.resolve("segment-map"));
    String reason = refusal(BYTES, 4);
    assertTrue(reason.contains("segment-001 is in use"), reason);
    assertTrue(reason.contains("segment-000 is missing"), reason);
  }

  @Test
  void aFullDeviceIsRefusedBeforeAnythingIsWritten() throws Exception {
    try (SmallDevice device = SmallDevice.mount(temporary, 24 << 20)) {
      directory = device.directory().resolve("journal");
      String reason = refusal(BYTES, 8);
      assertTrue(reason.contains("needs " + 8 * BYTES + " bytes; the device has "), reason);
      try (Stream<Path> files = Files.list(directory)) {
        assertEquals(0, files.count());
      }
      openAndClose(BYTES, 4);
    }
  }
}
