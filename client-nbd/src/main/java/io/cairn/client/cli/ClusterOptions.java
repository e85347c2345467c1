package io.cairn.client.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.metadata.options.Address;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that all operator's verbs share: where the cluster is and how to print. */
final class ClusterOptions {
  /** Where {@code cairn dev} puts its metadata servers. */
  static final String DEV_METADATA = "127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103";

  /** The environment's variable that names the cluster. */
  static final String METADATA_VARIABLE = "CAIRN_METADATA";

  private static final int TIMEOUT_MAX_SECONDS = 3600;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--metadata",
      paramLabel = "HOST:PORT,…",
      description =
          "Metadata servers of the cluster. Default: $"
              + METADATA_VARIABLE
              + ", else "
              + DEV_METADATA)
  private String metadata;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "table|json",
      defaultValue = "table",
      description = "Format of the output. Default: ${DEFAULT-VALUE}")
  private OutputFormat output;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description = "How long to look for the leader of the metadata. Default: ${DEFAULT-VALUE}")
  private int timeoutSeconds;

  /** Connects; the caller closes. */
  ClusterCalls connect() {
    if (timeoutSeconds < 1 || timeoutSeconds > TIMEOUT_MAX_SECONDS) {
      throw usage("--timeout " + timeoutSeconds + " is outside 1 to " + TIMEOUT_MAX_SECONDS);
    }
    Duration deadline = Duration.ofSeconds(timeoutSeconds);
    Logging.ofMoment();
    Cairn cairn = Cairn.of(spec);
    return new ClusterCalls(cairn.connector().connect(addresses(cairn), deadline), deadline);
  }

  private List<String> addresses(Cairn cairn) {
    String variable = cairn.environment().get(METADATA_VARIABLE);
    boolean fromVariable = metadata == null && variable != null && !variable.isBlank();
    String source = fromVariable ? METADATA_VARIABLE : "--metadata";
    String text = metadata != null ? metadata : fromVariable ? variable : DEV_METADATA;
    List<String> addresses = List.of(text.trim().split("\\s*,\\s*", -1));
    for (String address : addresses) {
      try {
        if (Address.parse(address).port() == 0) {
          throw usage(source + " '" + text + "': port 0 is nowhere to connect to");
        }
      } catch (IllegalArgumentException e) {
        throw usage(source + " '" + text + "': " + e.getMessage());
      }
    }
    return addresses;
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** Prints the JSON, or what people read instead of it. */
  void print(JsonNode json, Consumer<PrintWriter> text) {
    output.print(spec.commandLine().getOut(), json, text);
  }

  /** Prints one of many results as it comes: JSON on one line, or what people read instead. */
  void printLine(JsonNode json, Consumer<PrintWriter> text) {
    output.printLine(spec.commandLine().getOut(), json, text);
  }

  /** Tells people something beside the result; programs that read the output do not see it. */
  void note(String line) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("cairn: note: " + line);
    err.flush();
  }
}
