package io.cairn.storage.journal;

import io.cairn.storage.device.TextFile;
import io.cairn.storage.wire.Crc32c;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The file that says which files are the journal's (FORMAT.md). A segment is the journal's from
 * when the map has it to when the map has it no more, whatever else there is: so a crash leaves no
 * journal that is resized by half, and a file that was lost is noticed.
 *
 * <p>Its name begins as those of the segments do, and it is never all zeroes: a release before the
 * map takes it for a segment in use, and refuses a directory without {@code segment-000}, which is
 * what a resized journal is.
 */
final class SegmentMap {
  private static final String NAME = "segment-map";
  private static final String TITLE = "cairn journal segments, version 1";

  private SegmentMap() {}

  private static Path file(Path directory) {
    return directory.resolve(NAME);
  }

  static boolean isThere(Path directory) {
    return Files.exists(file(directory));
  }

  /**
   * The numbers of the segments.
   *
   * @throws IOException with one line, when the map is damaged, or of a later release.
   */
  static SortedSet<Integer> read(Path directory) throws IOException {
    Path file = file(directory);
    List<String> lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    if (lines.size() != 3
        || !lines.get(0).equals(TITLE)
        || !lines.get(2).equals(checksum(lines.get(0), lines.get(1)))) {
      throw new IOException(file + " is damaged, or was written by a later release");
    }
    SortedSet<Integer> numbers = new TreeSet<>();
    for (String number : lines.get(1).split(" ")) {
      numbers.add(Integer.valueOf(number));
    }
    return numbers;
  }

  /** Says durably which they are; when this fails, either those before or these are. */
  static void write(Path directory, SortedSet<Integer> numbers) throws IOException {
    String list = numbers.stream().map("%03d"::formatted).collect(Collectors.joining(" "));
    String text = TITLE + "\n" + list + "\n" + checksum(TITLE, list) + "\n";
    TextFile.replace(file(directory), text);
  }

  private static String checksum(String title, String list) {
    byte[] bytes = (title + "\n" + list + "\n").getBytes(StandardCharsets.ISO_8859_1);
    int sum = new Crc32c().of(new UnsafeBuffer(bytes), 0, bytes.length);
    return "checksum %08x".formatted(sum);
  }
}
