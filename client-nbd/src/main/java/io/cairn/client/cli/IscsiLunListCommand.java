package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.cairn.client.scsi.Identity;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn iscsi lun ls}: by what hosts know the units. */
@Command(
    name = "ls",
    description = {
      "Lists the logical units and by what hosts know them, through whichever gateway.",
      "On Linux WWN is the end of /dev/disk/by-id/wwn-…; VMware calls it naa.…"
    })
final class IscsiLunListCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Table table = new Table("VOLUME", ">LUN", ">SIZE", "WWN", "SERIAL");
      ArrayNode json = ClusterJson.array();
      for (Reply.Target target : calls.targets()) {
        VolumeRecord volume = target.volume();
        Identity identity = new Identity(target.clusterId(), volume.volumeId(), "", 1);
        String wwn = "0x%016x".formatted(identity.naa());
        table.row(volume.name(), 0, Sizes.format(volume.sizeBytes()), wwn, identity.serial());
        json.addObject()
            .put("volume", volume.name())
            .put("lun", 0)
            .put("sizeBytes", volume.sizeBytes())
            .put("wwn", wwn)
            .put("serial", identity.serial());
      }
      options.print(json, table::print);
      return 0;
    }
  }
}
