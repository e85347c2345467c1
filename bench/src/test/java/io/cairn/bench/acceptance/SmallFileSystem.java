package io.cairn.bench.acceptance;

import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.junit.jupiter.api.Assumptions;

/** An ext4 of its own on a loop device, so small that a test can fill it; needs root. */
final class SmallFileSystem implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int FILL_BYTES = 256 << 10;
  private static final int SECTOR_BYTES = 512;

  private final Path mountPoint;
  private final Path filler;

  private SmallFileSystem(Path mountPoint) {
    this.mountPoint = mountPoint;
    filler = mountPoint.resolve("filler");
  }

  /** Mounts one of that size; where that is forbidden, the test is skipped and says so. */
  static SmallFileSystem mount(Path mountPoint, int sizeMebibytes) throws IOException {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may mount a file system");
    Files.createDirectories(mountPoint);
    Path image = mountPoint.resolveSibling(mountPoint.getFileName() + ".image");
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength((long) sizeMebibytes << 20);
    }
    new Tool("mkfs.ext4", "e2fsprogs").run(LIMIT, "-q", "-F", "-m", "0", image.toString()).ok();
    Tool.Result mounted =
        new Tool("mount", "mount").run(LIMIT, "-o", "loop", image + "", mountPoint + "");
    Assumptions.assumeTrue(
        mounted.exitCode() == 0, () -> "no file system can be mounted here: " + mounted);
    return new SmallFileSystem(mountPoint);
  }

  Path mountPoint() {
    return mountPoint;
  }

  long freeBytes() {
    try {
      return Files.getFileStore(mountPoint).getUsableSpace();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Takes all room that is left, to the last sector. */
  void fill() throws IOException {
    try (SeekableByteChannel channel =
        Files.newByteChannel(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      for (int size = FILL_BYTES; size >= SECTOR_BYTES; size /= 2) {
        try {
          while (channel.write(ByteBuffer.allocate(size)) > 0) {
            continue;
          }
        } catch (IOException full) {
          // Smaller pieces may still fit.
          continue;
        }
      }
    }
  }

  /** Gives the room back. */
  void makeRoom() throws IOException {
    Files.deleteIfExists(filler);
  }

  @Override
  public void close() {
    // Lazily: somebody may still hold a file there, and the next run must not find the mount.
    new Tool("umount", "mount").run(LIMIT, "-l", mountPoint.toString()).ok();
  }
}
