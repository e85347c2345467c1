package io.cairn.client.cli;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.List;
import java.util.Set;

/** What is said of devices that are out of use. */
final class DeviceText {
  private static final Set<String> OUT_OF_USE = Set.of("failed", "stalled", "missing");

  private DeviceText() {}

  /** Devices of a node whose shards are out of service because of them. */
  static List<Query.NodeDevice> outOfUse(Reply.NodeStatus status) {
    return status.devices().stream().filter(device -> OUT_OF_USE.contains(device.state())).toList();
  }

  /** Such as "/disk0 failed, 12 replicas are still on it". */
  static String line(Reply.NodeStatus status, Query.NodeDevice device) {
    Long replicas = status.replicasOn(device);
    String holds =
        replicas == null
            ? ""
            : replicas == 0
                ? ", nothing on it counts any more: it may be taken out"
                : ", " + replicas + " replicas are still on it";
    return device.directory() + " " + device.state() + holds;
  }

  /** What an operator does about it. */
  static String advice(Query.NodeDevice device) {
    return device.state().equals("stalled")
        ? "it is used again as soon as it answers; what it has is placed anew on other nodes after"
            + " node.away.grace"
        : "to replace it put an empty one in its place and start the node again; what it had is"
            + " placed anew on other nodes after node.away.grace";
  }
}
