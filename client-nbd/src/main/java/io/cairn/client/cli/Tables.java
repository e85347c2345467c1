package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.Health;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The tables that more than one verb prints. */
final class Tables {
  private static final String GOOD = "good";

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
            "DEVICES",
            "SEEN");
    for (Reply.NodeStatus status : cluster.nodes()) {
      NodeRecord node = status.node();
      boolean heard = status.lastSeenAgoMillis() >= 0;
      table.row(
          node.nodeId(),
          node.name(),
          state(status),
          node.host() + ":" + node.port(),
          place(node),
          heard ? Sizes.format(status.usedBytes()) : null,
          heard ? Sizes.format(status.freeBytes()) : null,
          heard ? percent(status.journalUsedBytes(), status.journalSizeBytes()) : null,
          status.replicaCount(),
          devices(status),
          heard ? status.lastSeenAgoMillis() / 1000 + "s ago" : "not since the leader changed");
    }
    return table;
  }

  /** Such as "up, leaves". */
  static String state(Reply.NodeStatus status) {
    return (status.up() ? "up" : "down")
        + (status.node().departure() == null ? "" : ", leaves")
        + (status.node().flushing() ? ", flush: " + NodeFlushCacheCommand.left(status) : "");
  }

  /** Such as "4 good" or "1 failed, 3 good"; null where the node did not say. */
  private static String devices(Reply.NodeStatus status) {
    Map<String, Integer> states = new TreeMap<>();
    // What is wrong stands first.
    status.devices().stream()
        .filter(device -> !device.state().equals(GOOD))
        .forEach(device -> states.merge(device.state(), 1, Integer::sum));
    List<String> parts = new ArrayList<>();
    states.forEach((state, count) -> parts.add(count + " " + state));
    long good = status.devices().stream().filter(device -> device.state().equals(GOOD)).count();
    if (good > 0) {
      parts.add(good + " " + GOOD);
    }
    return parts.isEmpty() ? null : String.join(", ", parts);
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
  static String place(NodeRecord node) {
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
