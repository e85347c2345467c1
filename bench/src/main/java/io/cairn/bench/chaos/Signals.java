package io.cairn.bench.chaos;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Signals that Java cannot send. */
public final class Signals {
  private Signals() {}

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
