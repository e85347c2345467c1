package io.cairn.storage.device;

import io.cairn.storage.device.Device.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;

/**
 * Faults that a test plays on a device of a process that runs: as long as there is a file {@value
 * #FILE} in the device's directory, calls end as it says. It has a line such as {@code eio read
 * write sync}: a kind of fault, and the calls that it hits, all of them when none is named.
 *
 * <pre>
 * eio     the call fails
 * full    the call fails for want of space
 * hang    the call does not go on before the file is gone
 * </pre>
 */
public final class DeviceFaults {
  /** Name of the file. */
  public static final String FILE = "test-faults";

  private static final long LOOK_NANOS = 20_000_000;

  private final Path file;

  /** The faults of the device that the directory lies on. */
  public DeviceFaults(Path directory) {
    file = directory.resolve(FILE);
  }

  /** Does to the call what the file says, before the device is asked. */
  void obey(Operation operation) throws IOException {
    for (String kind = kind(operation); kind != null; kind = kind(operation)) {
      switch (kind) {
        case "eio" -> throw new IOException("Input/output error");
        case "full" -> throw new OutOfSpaceException("No space left on device");
        default -> LockSupport.parkNanos(LOOK_NANOS);
      }
    }
  }

  private String kind(Operation operation) throws IOException {
    String line;
    try {
      line = Files.readString(file).strip();
    } catch (NoSuchFileException e) {
      return null;
    }
    List<String> words = List.of(line.toLowerCase(Locale.ROOT).split("\\s+"));
    boolean hits = words.size() == 1 || words.contains(operation.toString());
    return line.isEmpty() || !hits ? null : words.getFirst();
  }
}
