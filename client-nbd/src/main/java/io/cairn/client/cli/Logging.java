package io.cairn.client.cli;

import java.nio.file.Path;
import java.util.logging.LogManager;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Which log lines are written, and where. Must be chosen before anything logs: the back end asks
 * once, at its first use, see {@link LogConfigurator}.
 */
public final class Logging {
  /** Where events go. */
  sealed interface Target {
    /** Nowhere. */
    record Nowhere() implements Target {}

    /** One line each on stderr. */
    record Stderr() implements Target {}

    /** One line each at the end of a file. */
    record ToFile(Path file) implements Target {}
  }

  private static volatile Target target;

  private Logging() {}

  /** What was chosen; null when nothing was. */
  static Target target() {
    return target;
  }

  /** A process that runs until it is stopped: events on stderr. */
  static void ofProcess() {
    choose(new Target.Stderr());
  }

  /** A process in whose terminal somebody works: events go to a file. */
  public static void ofProcess(Path file) {
    choose(new Target.ToFile(file));
  }

  /** A verb that lives for a moment: its one line on stderr says all, the libraries are silent. */
  static void ofMoment() {
    choose(new Target.Nowhere());
  }

  private static void choose(Target chosen) {
    target = chosen;
    // Ratis' gRPC logs by java.util.logging, in two lines and a format of its own.
    LogManager.getLogManager().reset();
    if (!(chosen instanceof Target.Nowhere)) {
      SLF4JBridgeHandler.install();
    }
  }
}
