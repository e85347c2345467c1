package io.cairn.client.cli;

import io.cairn.client.attach.HostDevices;
import io.cairn.client.attach.HostDevices.Attached;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code cairn attach}. */
@Command(
    name = "attach",
    description = {
      "Makes a volume a block device of this host, and prints the device. A process stays behind"
          + " that connects it again when the gateway was restarted; requests wait meanwhile.",
      "May be repeated: what is attached stays as it is, and gets its process back."
    })
final class AttachCommand implements Callable<Integer> {
  @Mixin private DeviceOptions options;

  @Parameters(index = "0", paramLabel = "VOLUME", description = "The volume.")
  private String volume;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "DEVICE",
      description = "Such as /dev/nbd0. Default: one that is free")
  private String device;

  @Option(
      names = "--gateway",
      paramLabel = "HOST:PORT|SOCKET",
      description =
          "Where the gateway of this host serves NBD. Default: $"
              + DeviceOptions.GATEWAY_VARIABLE
              + ", else 127.0.0.1:10809")
  private String gateway;

  @Option(
      names = "--connections",
      paramLabel = "N",
      defaultValue = "4",
      description = "Connections to the gateway. Default: ${DEFAULT-VALUE}")
  private int connections;

  @Option(
      names = "--block-size",
      paramLabel = "BYTES",
      defaultValue = "4096",
      description = "Smallest unit of requests: 512 to 4096. Default: ${DEFAULT-VALUE}")
  private int blockBytes;

  @Option(
      names = "--request-timeout",
      paramLabel = "SECONDS",
      defaultValue = "3",
      description =
          "After so long a request is sent again, as it may have been lost with a gateway."
              + " Default: ${DEFAULT-VALUE}")
  private int requestSeconds;

  @Option(
      names = "--dead-timeout",
      paramLabel = "SECONDS",
      defaultValue = "86400",
      description =
          "How long requests wait for a gateway to come back before they fail."
              + " Default: ${DEFAULT-VALUE}")
  private int deadSeconds;

  @Option(names = "--keep", hidden = true)
  private boolean keep;

  @Option(
      names = "--foreground",
      description = "Leaves no process behind but stays itself until the volume is detached.")
  private boolean foreground;

  @Override
  public Integer call() {
    check("--connections", connections, 1, 16);
    check("--block-size", blockBytes, 512, 4096);
    check("--request-timeout", requestSeconds, 1, 3600);
    check("--dead-timeout", deadSeconds, 1, 30 * 86400);
    if (Integer.bitCount(blockBytes) != 1) {
      throw usage("--block-size " + blockBytes + " is no power of two");
    }
    HostDevices devices = options.devices();
    try {
      if (keep) {
        Logging.ofProcess();
        devices.keep(device, connections);
        return 0;
      }
      Attached attached =
          devices.attach(
              volume,
              device,
              options.gateway(gateway),
              new HostDevices.Wish(connections, blockBytes, requestSeconds, deadSeconds));
      options.print(DeviceOptions.json(attached), out -> out.println(attached.device()));
      if (foreground) {
        Logging.ofProcess();
        devices.keep(attached.device(), connections);
      } else if (attached.keeper().isEmpty()) {
        startKeeper(attached);
      }
      return 0;
    } catch (IOException | IllegalArgumentException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
  }

  private void check(String option, int value, int min, int max) {
    if (value < min || value > max) {
      throw usage(option + " " + value + " is outside " + min + " to " + max);
    }
  }

  private ParameterException usage(String message) {
    return options.usage(message);
  }

  /** The process is in a session of its own, so that it outlives this terminal. */
  private void startKeeper(Attached attached) throws IOException {
    List<String> command = new ArrayList<>();
    command.add("setsid");
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xmx32m"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.add(System.getProperty("cairn.class.path", System.getProperty("java.class.path")));
    command.add(Cairn.class.getName());
    command.addAll(List.of("attach", attached.volume(), attached.device(), "--keep"));
    command.addAll(List.of("--connections", Integer.toString(connections)));
    command.addAll(List.of("--run-directory", options.runDirectory().toString()));
    Files.createDirectories(options.runDirectory());
    Path log =
        options
            .runDirectory()
            .resolve(Path.of(attached.device()).getFileName() + ".log")
            .toAbsolutePath();
    new ProcessBuilder(command)
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .start();
  }
}
