package io.cairn.metadata.clock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WallClockTest {
  @TempDir private Path directory;

  @Test
  void isTheMachinesWithoutTheProperty() {
    long before = System.currentTimeMillis();
    long now = WallClock.millis();
    assertTrue(before <= now && now <= System.currentTimeMillis());
  }

  @Test
  void addsWhatTheFileSaysWhileItIsThere() throws IOException {
    Path file = directory.resolve("clock");
    assertEquals(0, WallClock.offsetMillis(file));
    Files.writeString(file, "-3600000\n");
    assertEquals(-3_600_000, WallClock.offsetMillis(file));
    Files.writeString(file, "an hour");
    assertThrows(NumberFormatException.class, () -> WallClock.offsetMillis(file));
  }
}
