package io.cairn.metadata.clock;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * The time of day as the servers of the product know it. Nothing that holds data together depends
 * on it: it says when a scrub is due, when trash is old enough, and what people are shown. All
 * intervals are measured by {@link System#nanoTime}, which nobody can set.
 *
 * <p>A program that tries clocks that are wrong names a file by the property {@value
 * #OFFSET_PROPERTY}: the milliseconds in it are added, nothing while it is not there. Thread-safe.
 */
public final class WallClock {
  /** Names the file with the offset; without it the clock is the machine's. */
  public static final String OFFSET_PROPERTY = "cairn.test.clock";

  private static final Path OFFSET = offsetFile();

  private WallClock() {}

  private static Path offsetFile() {
    String file = System.getProperty(OFFSET_PROPERTY);
    return file == null ? null : Path.of(file);
  }

  /** Milliseconds since 1970. */
  public static long millis() {
    return System.currentTimeMillis() + (OFFSET == null ? 0 : offsetMillis(OFFSET));
  }

  static long offsetMillis(Path file) {
    try {
      return Long.parseLong(Files.readString(file).strip());
    } catch (NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
