package io.cairn.bench.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Signals that Java cannot send. */
public final class Signals {
  private static final Duration STOP = Duration.ofSeconds(30);

  private Signals() {}

  /**
   * SIGSTOP; returns once none of its threads runs any more. The signal alone does not do that: one
   * thread has to be scheduled to take it, and on a busy machine the others answer requests for
   * tens of milliseconds meanwhile.
   */
  public static void stop(ProcessHandle process) {
    send("STOP", List.of(process));
    Await.until(
        "process " + process.pid() + " stands still",
        STOP,
        () -> !process.isAlive() || isStopped(process));
  }

  /** Whether every thread is; see proc_pid_stat(5). */
  private static boolean isStopped(ProcessHandle process) {
    try (Stream<Path> threads =
        Files.list(Path.of("/proc", Long.toString(process.pid()), "task"))) {
      for (Path thread : threads.toList()) {
        String stat = Files.readString(thread.resolve("stat"));
        // The name before it may hold anything, a parenthesis too.
        if (stat.charAt(stat.lastIndexOf(')') + 2) != 'T') {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Sends one signal, like KILL or STOP, to processes in one call: as near to at once as can be.
   */
  public static void send(String signal, List<ProcessHandle> processes) {
    if (processes.isEmpty()) {
      return;
    }
    List<String> command = new ArrayList<>(List.of("kill", "-" + signal));
    processes.forEach(process -> command.add(Long.toString(process.pid())));
    try {
      int exitCode = new ProcessBuilder(command).inheritIO().start().waitFor();
      if (exitCode != 0) {
        throw new ChaosFailure(String.join(" ", command) + " failed");
      }
    } catch (IOException e) {
      throw new ChaosFailure(String.join(" ", command) + " cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }
}
