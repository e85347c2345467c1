package io.cairn.client.cli;

import io.cairn.metadata.options.OptionException;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionValues;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.Security;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What the verbs of the roles share: settings, start, run until a signal, clean stop. */
abstract class RoleCommand implements Callable<Integer> {
  private static final long FAILURE_CHECK_MILLIS = 1_000;

  /**
   * Seconds for which an address that a name had is believed, and that a name has none. The JVM
   * would do so for 30 and 10; a container that was replaced has another address at once.
   */
  private static final String ADDRESS_SECONDS = "3";

  private static final String NO_ADDRESS_SECONDS = "1";

  @Spec private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Settings of the role, flat YAML: one 'key: value' a line.")
  private Path config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Sets one option, over the file and the environment; repeatable.")
  private Map<String, String> overrides = new LinkedHashMap<>();

  @Option(names = "--print-options", description = "Prints all options of the role, and ends.")
  private boolean printOptions;

  /** The role's declared options. */
  abstract OptionSet options();

  /** Starts the role as {@link Role#start} says. */
  abstract Role.Server start(OptionValues values) throws IOException;

  @Override
  public Integer call() throws Exception {
    if (printOptions) {
      PrintWriter out = spec.commandLine().getOut();
      out.print(options().reference());
      out.flush();
      return 0;
    }
    askAgainForAddresses();
    Logging.ofProcess();
    Logger log = LoggerFactory.getLogger(getClass());
    String role = options().role();
    try (StopSignal signal = new StopSignal();
        Role.Server server = started(signal)) {
      signal.started();
      log.info("{} runs, process {}", role, ProcessHandle.current().pid());
      while (!signal.await(FAILURE_CHECK_MILLIS)) {
        if (server.failure() != null) {
          throw new CommandFailure(role + ": " + server.failure());
        }
      }
      log.info("{} stops", role);
    } catch (InterruptedException e) {
      log.info("{} was stopped while it started", role);
    }
    return 0;
  }

  /** Before the first look-up: the JVM reads this once. */
  private static void askAgainForAddresses() {
    String seconds = "networkaddress.cache.ttl";
    Security.setProperty(seconds, ADDRESS_SECONDS);
    Security.setProperty("networkaddress.cache.negative.ttl", NO_ADDRESS_SECONDS);
    // gRPC, by which the metadata servers talk, keeps addresses by itself.
    System.setProperty(seconds, ADDRESS_SECONDS);
  }

  private Role.Server started(StopSignal signal) throws InterruptedException {
    try {
      return start(options().read(config, Cairn.of(spec).environment(), overrides));
    } catch (OptionException e) {
      throw new CommandFailure(e.getMessage(), e);
    } catch (IOException | UncheckedIOException e) {
      if (signal.isSet()) {
        throw new InterruptedException(e.toString());
      }
      throw new CommandFailure(options().role() + " cannot start: " + reason(e), e);
    }
  }

  private static String reason(Exception e) {
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }
}
