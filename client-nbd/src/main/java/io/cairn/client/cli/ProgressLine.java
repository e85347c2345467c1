package io.cairn.client.cli;

import java.io.Console;
import java.util.Locale;

/**
 * One line on stderr that says how far something has come, written over again and again; nothing
 * where nobody watches. Whoever shows one takes it away before anything else is printed. Not
 * thread-safe.
 */
final class ProgressLine implements AutoCloseable {
  private static final int BAR = 30;

  private final boolean shows;
  private int width;

  ProgressLine() {
    Console console = System.console();
    shows = console != null && console.isTerminal();
  }

  /** Shows the text in place of the last one. */
  void show(String text) {
    if (shows) {
      width = Math.max(width, text.length());
      write(String.format(Locale.ROOT, "%-" + width + "s", text));
    }
  }

  /** Shows a bar and the text. */
  void show(long done, long all, String text) {
    int filled = all == 0 ? BAR : (int) (BAR * done / all);
    show("[" + "#".repeat(filled) + " ".repeat(BAR - filled) + "] " + text);
  }

  private static void write(String text) {
    System.err.print("\r" + text);
    System.err.flush();
  }

  /** Takes the line away. */
  @Override
  public void close() {
    if (width > 0) {
      write(" ".repeat(width) + "\r");
      width = 0;
    }
  }
}
