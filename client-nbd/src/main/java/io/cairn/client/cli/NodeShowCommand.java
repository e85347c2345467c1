package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn node show}: one node with its devices. */
@Command(name = "show", description = "Shows a storage node and how its devices are.")
final class NodeShowCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NODE", description = "Id or name of the node.")
  private String node;

  @Option(
      names = "--brief",
      description = "Without what it wrote to its devices, for which the node itself is asked.")
  private boolean brief;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Cluster cluster = calls.cluster();
      long id = NodeNames.find(cluster, node).nodeId();
      Reply.NodeStatus status =
          cluster.nodes().stream().filter(n -> n.node().nodeId() == id).findFirst().orElseThrow();
      WrittenBytes written = brief ? null : WrittenBytes.of(status.node().name(), calls);
      ObjectNode json = ClusterJson.node(status);
      if (written != null) {
        json.set("written", written.json());
      }
      options.print(json, out -> print(status, written, out));
      return 0;
    }
  }

  private static void print(Reply.NodeStatus status, WrittenBytes written, PrintWriter out) {
    NodeRecord node = status.node();
    out.println("node      " + node.name() + " (" + node.nodeId() + ")");
    out.println("state     " + Tables.state(status));
    out.println("address   " + node.host() + ":" + node.port());
    out.println("place     " + Tables.place(node));
    out.println("shards    " + node.shardCount());
    out.println("replicas  " + status.replicaCount());
    out.println("capacity  " + Sizes.format(node.capacityBytes()));
    if (status.lastSeenAgoMillis() >= 0) {
      out.println("used      " + Sizes.format(status.usedBytes()));
      out.println("free      " + Sizes.format(status.freeBytes()) + " for new chunks");
      out.println("journals  " + Sizes.format(status.journalSizeBytes()));
    }
    if (node.cache() != null) {
      out.println("wanted    " + NodeResizeCacheCommand.text(node, node.cache()));
    }
    if (written != null) {
      out.println("written   " + written.line());
    }
    if (status.trouble() != null) {
      out.println("trouble   " + status.trouble());
    }
    if (!status.devices().isEmpty()) {
      out.println();
      Table table = new Table("TIER", "DIRECTORY", "STATE", ">REPLICAS", "REASON");
      for (Query.NodeDevice device : status.devices()) {
        table.row(
            device.tier(),
            device.directory(),
            device.state(),
            status.replicasOn(device),
            device.reason());
      }
      table.print(out);
      for (Query.NodeDevice device : DeviceText.outOfUse(status)) {
        out.println(DeviceText.line(status, device) + "; " + DeviceText.advice(device));
      }
    }
  }
}
