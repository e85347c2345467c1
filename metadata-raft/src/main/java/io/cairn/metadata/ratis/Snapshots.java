package io.cairn.metadata.ratis;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.ratis.util.MD5FileUtil;

/** The snapshot files of a server: whether they are what was written. */
final class Snapshots {
  private static final Pattern NAME = Pattern.compile("snapshot\\.\\d+_\\d+");

  private Snapshots() {}

  /**
   * Removes files whose digest is missing or does not match: they must neither be taken over nor
   * sent to others.
   *
   * @return their names.
   */
  static List<String> removeDamaged(Path directory) throws IOException {
    List<String> removed = new ArrayList<>();
    if (!Files.isDirectory(directory)) {
      return removed;
    }
    List<Path> snapshots;
    try (Stream<Path> files = Files.list(directory)) {
      snapshots = files.filter(f -> NAME.matcher(f.getFileName().toString()).matches()).toList();
    }
    for (Path snapshot : snapshots) {
      if (!isWhole(snapshot)) {
        Files.deleteIfExists(MD5FileUtil.getDigestFileForFile(snapshot.toFile()).toPath());
        Files.delete(snapshot);
        removed.add(snapshot.getFileName().toString());
      }
    }
    return removed;
  }

  private static boolean isWhole(Path snapshot) {
    try {
      var stated = MD5FileUtil.readStoredMd5ForFile(snapshot.toFile());
      return stated != null && stated.equals(MD5FileUtil.computeMd5ForFile(snapshot.toFile()));
    } catch (IOException | RuntimeException e) {
      // The file with the digest is no such file any more, or a device cannot read one of them.
      return false;
    }
  }
}
