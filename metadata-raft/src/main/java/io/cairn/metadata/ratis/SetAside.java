package io.cairn.metadata.ratis;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Keeps a damaged directory for whoever wants to look at it: the last one of each name. */
final class SetAside {
  private static final String SUFFIX = ".damaged";

  private SetAside() {}

  /**
   * Renames a directory, if it is there.
   *
   * @return its new name.
   */
  static Path move(Path directory) throws IOException {
    Path aside = directory.resolveSibling(directory.getFileName() + SUFFIX);
    if (Files.exists(directory)) {
      remove(aside);
      Files.move(directory, aside);
    }
    return aside;
  }

  private static void remove(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    List<Path> all;
    try (Stream<Path> tree = Files.walk(directory)) {
      all = tree.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.delete(path);
    }
  }
}
