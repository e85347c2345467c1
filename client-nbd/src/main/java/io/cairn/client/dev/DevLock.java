package io.cairn.client.dev;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Keeps a second {@code cairn dev} off a directory. The kernel gives the lock back at any end. */
record DevLock(Path directory, FileChannel channel) implements AutoCloseable {
  /**
   * Makes the directory and locks it.
   *
   * @throws IOException with a line for people.
   */
  static DevLock take(Path directory) throws IOException {
    FileChannel channel;
    try {
      Files.createDirectories(directory);
      channel =
          FileChannel.open(
              directory.resolve("dev.lock"),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
    } catch (AccessDeniedException e) {
      throw new IOException(directory + " cannot be used: no permission", e);
    } catch (IOException e) {
      throw new IOException(directory + " cannot be used: " + e.getMessage(), e);
    }
    if (!lock(channel)) {
      String holder = text(channel);
      channel.close();
      throw new IOException(
          directory
              + " is in use by another cairn dev"
              + (holder.isEmpty() ? "" : ", process " + holder)
              + "; stop it, or choose another --data");
    }
    channel.truncate(0);
    channel.write(
        ByteBuffer.wrap(
            Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)),
        0);
    return new DevLock(directory, channel);
  }

  private static boolean lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  private static String text(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(20);
    channel.read(bytes, 0);
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII)
        .replaceAll("\\D", "");
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
