package io.cairn.client.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.spi.ContextAwareBase;
import ch.qos.logback.core.util.FileSize;
import io.cairn.metadata.http.RecentLines;
import java.nio.file.Path;
import org.slf4j.Logger;

/**
 * Sets logback up as {@link Logging} has chosen: one line per event, with UTC time, level, thread,
 * class and message, a stack trace in the same line. In code, because reading a file of XML takes a
 * third of the time that a verb may take.
 *
 * <p>{@code -Dlogback.configurationFile=FILE} replaces all of it, {@code -Dcairn.log.level=DEBUG}
 * says more, {@code -Dcairn.log.libraries=INFO} lets Ratis, gRPC and Netty speak. Tests have their
 * own {@code logback-test.xml}.
 */
public final class LogConfigurator extends ContextAwareBase implements Configurator {
  private static final String PATTERN =
      "%d{\"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'\", UTC} %-5level [%thread] %logger{0}:"
          + " %replace(%msg){'[\\r\\n]+', ' '}"
          + "%replace(%replace( %ex{24}){'[\\r\\n]+\\s*', ' | '}){' (\\| )?$', ''}%nopex%n";

  private static final String[] LIBRARIES = {
    "org.apache.ratis", "io.netty", "io.grpc", "net.openhft"
  };

  /** Reports every attempt of every call as an error; what comes of the call, the caller says. */
  private static final String RATIS_CLIENT = "org.apache.ratis.client";

  private static final long FILE_BYTES_MAX = 32L << 20;

  /** Made by logback, which finds it as a service. */
  public LogConfigurator() {}

  @Override
  public ExecutionStatus configure(LoggerContext logs) {
    Logging.Target target = Logging.target();
    boolean isTest = getClass().getClassLoader().getResource("logback-test.xml") != null;
    if (System.getProperty("logback.configurationFile") != null || target == null && isTest) {
      return ExecutionStatus.INVOKE_NEXT_IF_ANY;
    }
    ch.qos.logback.classic.Logger root = logs.getLogger(Logger.ROOT_LOGGER_NAME);
    switch (target) {
      case Logging.Target.Nowhere nowhere -> root.setLevel(Level.OFF);
      case Logging.Target.ToFile file -> open(logs, root, rolling(logs, file.file()));
      case Logging.Target.Stderr stderr -> open(logs, root, console());
      case null -> open(logs, root, console());
    }
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  private static void open(
      LoggerContext logs,
      ch.qos.logback.classic.Logger root,
      OutputStreamAppender<ILoggingEvent> appender) {
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(logs);
    encoder.setPattern(PATTERN);
    encoder.start();
    appender.setContext(logs);
    appender.setEncoder(encoder);
    appender.start();
    root.addAppender(appender);
    root.addAppender(remembering(logs));
    root.setLevel(Level.toLevel(System.getProperty("cairn.log.level"), Level.INFO));
    // A group whose servers come and go makes Ratis report every retry as a warning.
    Level libraries = Level.toLevel(System.getProperty("cairn.log.libraries"), Level.ERROR);
    for (String library : LIBRARIES) {
      logs.getLogger(library).setLevel(libraries);
    }
    if (libraries == Level.ERROR) {
      logs.getLogger(RATIS_CLIENT).setLevel(Level.OFF);
    }
  }

  /** The last lines are kept for a support bundle as well. */
  private static AppenderBase<ILoggingEvent> remembering(LoggerContext logs) {
    PatternLayout layout = new PatternLayout();
    layout.setContext(logs);
    layout.setPattern(PATTERN.replace("%n", ""));
    layout.start();
    AppenderBase<ILoggingEvent> appender =
        new AppenderBase<>() {
          @Override
          protected void append(ILoggingEvent event) {
            RecentLines.add(layout.doLayout(event));
          }
        };
    appender.setContext(logs);
    appender.start();
    return appender;
  }

  private static ConsoleAppender<ILoggingEvent> console() {
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setTarget("System.err");
    return appender;
  }

  private static RollingFileAppender<ILoggingEvent> rolling(LoggerContext logs, Path file) {
    RollingFileAppender<ILoggingEvent> appender = new RollingFileAppender<>();
    appender.setContext(logs);
    appender.setFile(file.toString());
    FixedWindowRollingPolicy names = new FixedWindowRollingPolicy();
    names.setContext(logs);
    names.setParent(appender);
    names.setFileNamePattern(file + ".%i");
    names.setMinIndex(1);
    names.setMaxIndex(1);
    names.start();
    SizeBasedTriggeringPolicy<ILoggingEvent> size = new SizeBasedTriggeringPolicy<>();
    size.setContext(logs);
    size.setMaxFileSize(new FileSize(FILE_BYTES_MAX));
    size.start();
    appender.setRollingPolicy(names);
    appender.setTriggeringPolicy(size);
    return appender;
  }
}
