package io.cairn.metadata.ratis;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What the names of Ratis' log files say; their content is Ratis' own matter. */
final class LogFiles {
  private static final Pattern NAME = Pattern.compile("log_(?:inprogress_)?(\\d+)(?:-\\d+)?");

  private LogFiles() {}

  /** Index of the first entry that the files may have; -1 when there are none. */
  static long firstIndex(Path current) throws IOException {
    if (!Files.isDirectory(current)) {
      return -1;
    }
    try (Stream<Path> files = Files.list(current)) {
      return files
          .map(file -> NAME.matcher(file.getFileName().toString()))
          .filter(Matcher::matches)
          .mapToLong(name -> Long.parseLong(name.group(1)))
          .min()
          .orElse(-1);
    }
  }

  /** Whether a server of the group has ever had a log in its directory. */
  static boolean isThere(Path log) throws IOException {
    if (!Files.isDirectory(log)) {
      return false;
    }
    try (Stream<Path> groups = Files.list(log)) {
      for (Path group : groups.toList()) {
        if (Files.exists(group.resolve("current/raft-meta"))
            || firstIndex(group.resolve("current")) >= 0) {
          return true;
        }
      }
    }
    return false;
  }
}
