package io.cairn.client.cli;

import java.util.logging.LogManager;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Which log lines are written. Must be called before anything logs: the back end reads its file,
 * {@code logback.xml}, at its first use.
 */
public final class Logging {
  private static final String LEVEL_PROPERTY = "cairn.log.level";
  private static final String LIBRARIES_PROPERTY = "cairn.log.libraries";

  private Logging() {}

  /** A process that runs until it is stopped: events on stderr, one line each. */
  public static void ofProcess() {
    bridge();
  }

  /** A verb that lives for a moment: its one line on stderr says all, the libraries are silent. */
  static void ofMoment() {
    if (System.getProperty(LEVEL_PROPERTY) == null) {
      System.setProperty(LEVEL_PROPERTY, "OFF");
      System.setProperty(LIBRARIES_PROPERTY, "OFF");
    }
    LogManager.getLogManager().reset();
  }

  /** Ratis' gRPC logs by java.util.logging, in two lines and its own format. */
  private static void bridge() {
    LogManager.getLogManager().reset();
    SLF4JBridgeHandler.install();
  }
}
