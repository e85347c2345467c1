package io.cairn.client.attach;

import io.cairn.client.attach.Attachments.Attachment;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one device connected: whenever it loses a connection, offers new ones until the gateway
 * takes them. While there is none, the kernel lets requests wait. A keeper holds nothing that the
 * device needs: it may end at any time, and the next one goes on.
 *
 * <pre>
 * CONNECTED --a connection is lost--> RECONNECTING --the gateway takes new ones--> CONNECTED
 * any --the device is not this volume's any more--> over
 * </pre>
 */
final class Keeper {
  private static final Logger LOG = LoggerFactory.getLogger(Keeper.class);

  /** How often it looks whether the device is still there. */
  private static final int LOOK_MILLIS = 5_000;

  private static final int RETRY_MILLIS = 100;

  private final Attachments attachments;
  private final Connections connections;
  private final Path runDirectory;
  private final int index;

  Keeper(Attachments attachments, Connections connections, Path runDirectory, int index) {
    this.attachments = attachments;
    this.connections = connections;
    this.runDirectory = runDirectory;
    this.index = index;
  }

  private static Path file(Path runDirectory, int index) {
    return runDirectory.resolve("nbd" + index + ".keeper");
  }

  /** The process that keeps the device; empty when there is none. */
  static Optional<ProcessHandle> of(Path runDirectory, int index) {
    Path file = file(runDirectory, index);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return Optional.empty();
      }
      String pid = Files.readString(file, StandardCharsets.UTF_8).strip();
      return pid.isEmpty() ? Optional.empty() : ProcessHandle.of(Long.parseLong(pid));
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** Keeps the device until it is detached; returns at once when another keeper does. */
  void run() throws IOException {
    Files.createDirectories(runDirectory);
    Path file = file(runDirectory, index);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        return;
      }
      channel.truncate(0);
      // Through this very channel: closing another one of the file would give the lock up.
      channel.write(StandardCharsets.UTF_8.encode(Long.toString(ProcessHandle.current().pid())), 0);
      keep();
    }
  }

  private void keep() throws IOException {
    try (NbdControl events = NbdControl.listen();
        NbdControl kernel = NbdControl.open()) {
      Optional<Attachment> found = attachments.of(index);
      // What was lost before this keeper listened, nobody tells it: it offers connections at once.
      boolean lost = true;
      while (found.isPresent()) {
        if (lost) {
          lost = !reconnected(kernel, found.get());
        }
        int dead = events.awaitDead(lost ? RETRY_MILLIS : LOOK_MILLIS);
        lost |= dead == index;
        found = attachments.of(index);
      }
      LOG.info("/dev/nbd{} is detached", index);
    }
  }

  private boolean reconnected(NbdControl kernel, Attachment attachment) {
    try {
      connections.reconnect(kernel, attachment);
      LOG.info("volume {} is connected to {}", attachment.volume(), attachment.device());
      return true;
    } catch (IOException e) {
      LOG.debug("volume {}: {}", attachment.volume(), e.getMessage());
      return false;
    }
  }
}
