package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.Health;
import java.util.Locale;

/** The tables that more than one verb prints. */
final class Tables {
  private Tables() {}

  static Table nodes(Reply.Cluster cluster) {
    Table table =
        new Table(
            ">ID",
            "NAME",
            "STATE",
            "ADDRESS",
            "PLACE",
            ">USED",
            ">FREE",
            ">JOURNAL",
            ">REPLICAS",
            "SEEN");
    for (Reply.NodeStatus status : cluster.nodes()) {
      NodeRecord node = status.node();
      boolean heard = status.lastSeenAgoMillis() >= 0;
      table.row(
          node.nodeId(),
          node.name(),
          (status.up() ? "up" : "down")
              + (node.departure() == null ? "" : ", leaves")
              + (node.flushing() ? ", flush: " + NodeFlushCacheCommand.left(status) : ""),
          node.host() + ":" + node.port(),
          place(node),
          heard ? Sizes.format(status.usedBytes()) : null,
          heard ? Sizes.format(status.freeBytes()) : null,
          heard ? percent(status.journalUsedBytes(), status.journalSizeBytes()) : null,
          status.replicaCount(),
          heard ? status.lastSeenAgoMillis() / 1000 + "s ago" : "not since the leader changed");
    }
    return table;
  }

  static Table volumes(Reply.Cluster cluster) {
    Table table =
        new Table(
            "NAME", ">SIZE", ">REPLICAS", "DURABILITY", "STATE", ">CHUNKS", ">IN SYNC", "OWNER");
    for (Reply.Volume reply : cluster.volumes()) {
      VolumeRecord volume = reply.volume();
      Reply.VolumeHealth health = Health.of(reply);
      table.row(
          volume.name(),
          Sizes.format(volume.sizeBytes()),
          volume.replicas(),
          volume.durability().name().toLowerCase(Locale.ROOT),
          Health.worst(reply).name().toLowerCase(Locale.ROOT),
          health.chunks(),
          health.inSync(),
          volume.owner() == null
              ? null
              : volume.owner().gateway() + (volume.owner().maintenance() ? " (mends)" : ""));
    }
    return table;
  }

  /** zone/rack/host, of which the parts that are not set are left out. */
  private static String place(NodeRecord node) {
    StringBuilder place = new StringBuilder();
    for (String part : new String[] {node.zone(), node.rack(), node.hostLabel()}) {
      if (part != null && !part.isEmpty()) {
        place.append(place.isEmpty() ? "" : "/").append(part);
      }
    }
    return place.toString();
  }

  private static String percent(long part, long whole) {
    return whole == 0 ? null : 100 * part / whole + "%";
  }
}
