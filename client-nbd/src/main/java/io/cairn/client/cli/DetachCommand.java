package io.cairn.client.cli;

import io.cairn.metadata.view.ClusterJson;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn detach}. */
@Command(
    name = "detach",
    description = "Takes a volume's block device away from this host. May be repeated.")
final class DetachCommand implements Callable<Integer> {
  @Mixin private DeviceOptions options;

  @Parameters(paramLabel = "VOLUME|DEVICE", description = "The volume, or such as /dev/nbd0.")
  private String name;

  @Option(names = "--force", description = "Detaches even what is in use: its requests fail.")
  private boolean force;

  @Override
  public Integer call() {
    try {
      String device = options.devices().detach(name, force);
      options.print(
          ClusterJson.object().put("device", device),
          out -> out.println(device == null ? name + " is not attached" : device));
      return 0;
    } catch (IOException | IllegalArgumentException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
  }
}
