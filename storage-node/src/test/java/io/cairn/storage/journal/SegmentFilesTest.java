package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.SmallDevice;
import io.cairn.storage.env.Region;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
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
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(4, files.count());
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
  void anotherNumberOfSegmentsIsRefused() throws IOException {
    openAndClose(BYTES, 5);
    assertTrue(refusal(BYTES, 4).contains("has 5 segments, not the configured 4"));
    assertTrue(refusal(BYTES, 6).contains("has 5 segments, not the configured 6"));
    openAndClose(BYTES, 5);
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
