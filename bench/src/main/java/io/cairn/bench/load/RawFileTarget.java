package io.cairn.bench.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of this machine, each write past the page cache and on the device before it is answered.
 * Depth is as many of fio's threads. There is no server: what it costs is fio's own time.
 */
final class RawFileTarget implements Target {
  private final Path file;

  /** The file is made by the first write. */
  RawFileTarget(Path file) {
    this.file = file;
  }

  @Override
  public String name() {
    return "raw-file";
  }

  @Override
  public String description() {
    return "a file by psync, O_DIRECT and O_DSYNC: one copy, always durable; depth is threads";
  }

  @Override
  public boolean can(Row row) {
    return row.form() != Row.Form.PACED;
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--ioengine=psync",
                "--filename=" + file,
                "--direct=1",
                "--sync=dsync",
                "--thread",
                "--numjobs=" + row.depth()));
    if (!row.random()) {
      // Each thread has its own part, as one sequential stream cannot have a depth.
      long part = regionBytes / row.depth() >> 20 << 20;
      if (part > 0) {
        arguments.add("--offset_increment=" + part);
      }
    }
    return arguments;
  }

  @Override
  public List<ProcessHandle> servers(Row row) {
    return List.of();
  }

  @Override
  public void close() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
