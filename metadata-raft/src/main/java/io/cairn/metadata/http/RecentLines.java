package io.cairn.metadata.http;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The last lines of this process's log, for whoever asks when it is too late to look over its
 * shoulder. There is one log in a process, so there is one of these. Thread-safe.
 */
public final class RecentLines {
  /** Lines that are kept. */
  static final int LINES_MAX = 1000;

  /** A longer line is cut: an exception may have any text. */
  static final int LENGTH_MAX = 2000;

  private static final Deque<String> LINES = new ArrayDeque<>();

  private RecentLines() {}

  /** Remembers a line. */
  public static void add(String line) {
    String kept = line.length() <= LENGTH_MAX ? line : line.substring(0, LENGTH_MAX) + "…";
    synchronized (LINES) {
      if (LINES.size() == LINES_MAX) {
        LINES.removeFirst();
      }
      LINES.addLast(kept);
    }
  }

  /** What is remembered, the oldest line first. */
  static List<String> all() {
    synchronized (LINES) {
      return List.copyOf(LINES);
    }
  }
}
