package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn iscsi target ls}. */
@Command(
    name = "ls",
    description = {
      "Lists the volumes as targets.",
      "ACTIVE is the gateway that has the volume; INITIATORS how many its ACL names, '-' without"
          + " one."
    })
final class IscsiTargetListCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      List<Reply.GatewaySessions> gateways = calls.sessions();
      Table table = new Table("VOLUME", ">SIZE", "ACTIVE", "RESERVED", ">INITIATORS", ">SESSIONS");
      ArrayNode json = ClusterJson.array();
      for (Reply.Target target : calls.targets()) {
        VolumeRecord volume = target.volume();
        String active =
            volume.owner() == null || volume.owner().maintenance()
                ? null
                : volume.owner().gateway();
        boolean reserved = target.reservations().type() != 0;
        boolean listed = target.access().listed();
        int initiators = target.access().initiators().size();
        long sessions =
            gateways.stream()
                .flatMap(gateway -> gateway.sessions().stream())
                .filter(session -> session.volume().equals(volume.name()))
                .count();
        table.row(
            volume.name(),
            Sizes.format(volume.sizeBytes()),
            active,
            reserved ? "yes" : "no",
            listed ? initiators : null,
            sessions);
        json.addObject()
            .put("volume", volume.name())
            .put("sizeBytes", volume.sizeBytes())
            .put("active", active)
            .put("reserved", reserved)
            .put("acl", listed)
            .put("initiators", initiators)
            .put("sessions", sessions);
      }
      options.print(json, table::print);
      return 0;
    }
  }
}
