package io.cairn.bench.chaos;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program of this machine, with its package's name for whoever lacks it. */
public record Tool(String program, String debianPackage) {
  public static final Tool NBDINFO = new Tool("nbdinfo", "libnbd-bin");
  public static final Tool NBDCOPY = new Tool("nbdcopy", "libnbd-bin");
  public static final Tool QEMU_IMG = new Tool("qemu-img", "qemu-utils");
  public static final Tool QEMU_IO = new Tool("qemu-io", "qemu-utils");
  public static final Tool QEMU_NBD = new Tool("qemu-nbd", "qemu-utils");
  public static final Tool NBDKIT = new Tool("nbdkit", "nbdkit");
  public static final Tool ISCSI_LS = new Tool("iscsi-ls", "libiscsi-bin");
  public static final Tool ISCSI_INQ = new Tool("iscsi-inq", "libiscsi-bin");
  public static final Tool ISCSI_READCAPACITY16 = new Tool("iscsi-readcapacity16", "libiscsi-bin");
  public static final Tool ISCSI_SWP = new Tool("iscsi-swp", "libiscsi-bin");
  public static final Tool ISCSI_TEST_CU = new Tool("iscsi-test-cu", "libiscsi-bin");
  public static final Tool FIO = new Tool("fio", "fio");
  public static final Tool MKE2FS = new Tool("mke2fs", "e2fsprogs");
  public static final Tool E2FSCK = new Tool("e2fsck", "e2fsprogs");
  public static final Tool DEBUGFS = new Tool("debugfs", "e2fsprogs");

  /**
   * How a run ended.
   *
   * @param output standard output and error together.
   */
  public record Result(List<String> command, int exitCode, String output) {
    /** This, if it succeeded. */
    public Result ok() {
      if (exitCode != 0) {
        throw new ChaosFailure(this + " failed");
      }
      return this;
    }

    @Override
    public String toString() {
      return String.join(" ", command) + " (exit code " + exitCode + "):\n" + output;
    }
  }

  /** A run under way; its output goes to a file. */
  public static final class Running implements AutoCloseable {
    private final List<String> command;
    private final Process process;
    private final Path output;

    private Running(List<String> command, Process process, Path output) {
      this.command = command;
      this.process = process;
      this.output = output;
    }

    /** Whether it still runs. */
    public boolean isAlive() {
      return process.isAlive();
    }

    /** Its process. */
    public ProcessHandle handle() {
      return process.toHandle();
    }

    /** What it has said so far. */
    public String outputSoFar() {
      try {
        return new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
      } catch (IOException e) {
        return "(" + output + " cannot be read)";
      }
    }

    /** Waits until it has said that, or has ended. */
    public void awaitSaid(String text, Duration limit) {
      Await.until(text, limit, () -> !isAlive() || outputSoFar().contains(text), this::outputSoFar);
    }

    /** Waits for the end; what takes longer than the limit is killed, which is a failure. */
    public Result await(Duration limit) {
      try {
        if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
          throw new ChaosFailure(
              String.join(" ", command)
                  + " was not done after "
                  + limit.toSeconds()
                  + " s:\n"
                  + outputSoFar());
        }
        return new Result(command, process.exitValue(), outputSoFar());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ChaosFailure("interrupted", e);
      } finally {
        close();
      }
    }

    @Override
    public void close() {
      if (process.isAlive()) {
        process.destroyForcibly();
        process.onExit().join();
      }
    }
  }

  /** Runs it to its end. */
  public Result run(Duration limit, String... arguments) {
    try {
      Path output = Files.createTempFile("cairn-tool", ".out");
      try (Running running = start(output, arguments)) {
        return running.await(limit);
      } finally {
        Files.deleteIfExists(output);
      }
    } catch (IOException e) {
      throw new ChaosFailure(program + " cannot be run", e);
    }
  }

  /** Starts it. */
  public Running start(Path output, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(path().toString());
    command.addAll(Arrays.asList(arguments));
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectInput(new File("/dev/null"))
              .redirectOutput(output.toFile())
              .start();
      return new Running(command, process, output);
    } catch (IOException e) {
      throw new ChaosFailure(program + " cannot be started", e);
    }
  }

  /**
   * Where it lies.
   *
   * @throws ChaosFailure when it is not installed: a check that did not run is not a passed one.
   */
  public Path path() {
    List<String> places = new ArrayList<>(List.of(System.getenv("PATH").split(File.pathSeparator)));
    // Where the file systems' tools are, and who is not root has no path to.
    places.addAll(List.of("/usr/sbin", "/sbin"));
    for (String place : places) {
      // An absolute name stands for itself.
      Path candidate = Path.of(place).resolve(program);
      if (Files.isExecutable(candidate)) {
        return candidate;
      }
    }
    throw new ChaosFailure(
        program + " is not installed; on Debian: apt-get install " + debianPackage);
  }
}
