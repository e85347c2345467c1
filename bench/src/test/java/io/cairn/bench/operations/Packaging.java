package io.cairn.bench.operations;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The files below {@code docker}. */
final class Packaging {
  private Packaging() {}

  /** A file or directory by its path within {@code docker}. */
  static Path path(String name) {
    Path here = Path.of("").toAbsolutePath();
    Path root = Files.isDirectory(here.resolve("docker")) ? here : here.getParent();
    return root.resolve("docker").resolve(name);
  }

  static String text(Path file) {
    try {
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String text(String name) {
    return text(path(name));
  }

  /** The files right below a directory whose names end so, in the order of their names. */
  static List<Path> files(String directory, String suffix) {
    try (Stream<Path> files = Files.list(path(directory))) {
      return files.filter(file -> file.toString().endsWith(suffix)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
