package io.cairn.storage.chunk;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** A file system of its own, so small that a test can fill it; needs root. */
public final class SmallDevice implements AutoCloseable {
  private static final int FILL_BYTES = 64 << 10;

  private final Path mountPoint;

  private SmallDevice(Path mountPoint) {
    this.mountPoint = mountPoint;
  }

  /** Makes an ext4 of that size below the directory, or skips the test where that is forbidden. */
  public static SmallDevice mount(Path directory, int sizeBytes) throws Exception {
    Path image = directory.resolve("image");
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(sizeBytes);
    }
    Path mountPoint = Files.createDirectory(directory.resolve("device"));
    if (!run("mkfs.ext4", "-q", "-m", "0", image.toString())
        || !run("mount", "-o", "loop", image.toString(), mountPoint.toString())) {
      abort("no permission to mount a file system");
    }
    return new SmallDevice(mountPoint);
  }

  private static boolean run(String... command) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getInputStream().readAllBytes();
      return process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /** Where it is mounted. */
  public Path directory() {
    return mountPoint;
  }

  /** Takes all space that is left. */
  public Path fill() throws IOException {
    Path filler = mountPoint.resolve("filler");
    byte[] bytes = new byte[FILL_BYTES];
    Arrays.fill(bytes, (byte) 1);
    try (var channel =
        Files.newByteChannel(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      for (int size = FILL_BYTES; size >= 512; size /= 2) {
        try {
          while (true) {
            channel.write(java.nio.ByteBuffer.wrap(bytes, 0, size));
          }
        } catch (IOException e) {
          // Smaller pieces may still fit.
        }
      }
    }
    return filler;
  }

  /** Gives it back. */
  public void empty() throws IOException {
    Files.delete(mountPoint.resolve("filler"));
  }

  @Override
  public void close() {
    try {
      run("umount", "-l", mountPoint.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
