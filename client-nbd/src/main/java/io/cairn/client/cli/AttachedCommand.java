package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.cairn.client.attach.HostDevices.Attached;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn attached}. */
@Command(name = "attached", description = "Lists the volumes that are block devices of this host.")
final class AttachedCommand implements Callable<Integer> {
  @Mixin private DeviceOptions options;

  @Override
  public Integer call() {
    try {
      List<Attached> all = options.devices().list();
      ArrayNode json = ClusterJson.array();
      all.forEach(attached -> json.add(DeviceOptions.json(attached)));
      Table table = new Table("DEVICE", "VOLUME", ">SIZE", "GATEWAY", ">KEEPER");
      for (Attached attached : all) {
        table.row(
            attached.device(),
            attached.volume(),
            Sizes.format(attached.sizeBytes()),
            attached.gateway(),
            attached.keeper().isPresent() ? attached.keeper().getAsLong() : null);
      }
      options.print(json, table::print);
      return 0;
    } catch (IOException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
  }
}
