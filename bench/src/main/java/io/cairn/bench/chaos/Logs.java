package io.cairn.bench.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What servers have logged. */
public final class Logs {
  private static final int TAIL_LINES = 20;

  private Logs() {}

  /** The end of a log, for whoever looks for why something failed. */
  public static String tail(Path log) {
    try {
      List<String> lines = Files.readAllLines(log);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size()));
    } catch (IOException e) {
      return "(there is no " + log + ")";
    }
  }
}
