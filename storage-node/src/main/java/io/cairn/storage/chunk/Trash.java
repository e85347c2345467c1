package io.cairn.storage.chunk;

import io.cairn.storage.device.NativeFile;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Files of chunks that are deleted, kept for a while with the space that was set aside for them. A
 * name in it carries how much that is, as the file's own length may be less; what has another name
 * is no chunk, and stays. For all threads.
 */
final class Trash {
  private static final Pattern NAME = Pattern.compile("\\d+-\\d+-\\d+\\.(\\d{1,18})");

  private final Path directory;
  private final AtomicLong bytes = new AtomicLong();

  /** A chunk in it. */
  private record Trashed(Path file, long sizeBytes, long atMillis) {}

  /** What lies in the directory. */
  Trash(Path directory) throws IOException {
    this.directory = directory;
    for (Trashed chunk : oldestFirst()) {
      bytes.addAndGet(chunk.sizeBytes());
    }
  }

  /** Set aside for what is in it. */
  long bytes() {
    return bytes.get();
  }

  /**
   * Moves a file here.
   *
   * @param sizeBytes set aside for it.
   * @return bytes that are free by that: an older one of its name makes place for it.
   */
  long take(Path source, ChunkId chunk, long sizeBytes, long nowMillis) throws IOException {
    Files.setLastModifiedTime(source, FileTime.fromMillis(nowMillis));
    Path target = directory.resolve(chunk + "." + sizeBytes);
    long freed = 0;
    synchronized (this) {
      if (Files.exists(target)) {
        freed = sizeBytes;
      }
      try {
        Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
      } catch (FileSystemException e) {
        throw ChunkFiles.outOfSpace(e);
      }
      bytes.addAndGet(sizeBytes - freed);
    }
    NativeFile.syncDirectory(directory);
    NativeFile.syncDirectory(source.getParent());
    return freed;
  }

  /**
   * Deletes what came here at that time or before.
   *
   * @param freed told the bytes of each.
   * @return files deleted.
   */
  int empty(long untilMillis, LongConsumer freed) throws IOException {
    int deleted = 0;
    for (Trashed chunk : oldestFirst()) {
      deleted += chunk.atMillis() <= untilMillis && delete(chunk, freed) ? 1 : 0;
    }
    return deleted;
  }

  /** Deletes the oldest, one after the other, for as long as that is needed; the same otherwise. */
  int emptyWhile(BooleanSupplier needed, LongConsumer freed) throws IOException {
    int deleted = 0;
    for (Trashed chunk : oldestFirst()) {
      if (!needed.getAsBoolean()) {
        break;
      }
      deleted += delete(chunk, freed) ? 1 : 0;
    }
    return deleted;
  }

  /** Unless another one has taken its place, or it is gone. */
  private synchronized boolean delete(Trashed chunk, LongConsumer freed) throws IOException {
    if (!Files.exists(chunk.file())
        || Files.getLastModifiedTime(chunk.file()).toMillis() != chunk.atMillis()) {
      return false;
    }
    Files.delete(chunk.file());
    bytes.addAndGet(-chunk.sizeBytes());
    freed.accept(chunk.sizeBytes());
    return true;
  }

  private synchronized List<Trashed> oldestFirst() throws IOException {
    List<Trashed> chunks = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        long sizeBytes = name.matches() ? Long.parseLong(name.group(1)) : 0;
        if (sizeBytes > 0) {
          long atMillis = Files.getLastModifiedTime(file).toMillis();
          chunks.add(new Trashed(file, sizeBytes, atMillis));
        }
      }
    }
    chunks.sort(Comparator.comparingLong(Trashed::atMillis).thenComparing(Trashed::file));
    return chunks;
  }
}
