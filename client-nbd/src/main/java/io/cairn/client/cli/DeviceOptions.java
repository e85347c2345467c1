package io.cairn.client.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.client.attach.HostDevices;
import io.cairn.client.attach.HostDevices.Attached;
import io.cairn.metadata.view.ClusterJson;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that the verbs on this host's devices share. */
final class DeviceOptions {
  /** The environment's variable that names this host's gateway. */
  static final String GATEWAY_VARIABLE = "CAIRN_GATEWAY";

  private static final String DEV_GATEWAY = "127.0.0.1:10809";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--run-directory",
      paramLabel = "DIR",
      defaultValue = "/run/cairn",
      description = "Where the processes say that they run. Default: ${DEFAULT-VALUE}")
  private Path runDirectory;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "table|json",
      defaultValue = "table",
      description = "Format of the output. Default: ${DEFAULT-VALUE}")
  private OutputFormat output;

  HostDevices devices() {
    Logging.ofMoment();
    return new HostDevices(runDirectory);
  }

  Path runDirectory() {
    return runDirectory;
  }

  /** The gateway that was named, or this host's. */
  String gateway(String named) {
    String variable = Cairn.of(spec).environment().get(GATEWAY_VARIABLE);
    if (named != null) {
      return named;
    }
    return variable == null || variable.isBlank() ? DEV_GATEWAY : variable.strip();
  }

  ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  static ObjectNode json(Attached attached) {
    ObjectNode json =
        ClusterJson.object()
            .put("device", attached.device())
            .put("volume", attached.volume())
            .put("gateway", attached.gateway())
            .put("sizeBytes", attached.sizeBytes());
    if (attached.keeper().isPresent()) {
      json.put("keeper", attached.keeper().getAsLong());
    } else {
      json.putNull("keeper");
    }
    return json;
  }

  /** Prints the JSON, or what people read instead of it. */
  void print(JsonNode json, Consumer<PrintWriter> text) {
    output.print(spec.commandLine().getOut(), json, text);
  }
}
