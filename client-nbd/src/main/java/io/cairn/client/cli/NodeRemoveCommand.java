package io.cairn.client.cli;

import io.cairn.metadata.command.Command.RemoveNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code cairn node rm}: forgets a node that holds no replica. */
@Command(
    name = "rm",
    description = "Removes a node that holds no replica; its data directory can never come back.")
final class NodeRemoveCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NODE", description = "Id or name of the node.")
  private String node;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Cluster cluster = calls.cluster();
      NodeRecord found = NodeNames.find(cluster, node);
      if (cluster.nodes().stream().anyMatch(n -> n.up() && n.node().equals(found))) {
        throw new CommandFailure(
            "node " + found.name() + " is up; stop its process before you remove it");
      }
      calls.change(new RemoveNode(found.nodeId()));
      options.print(
          Json.object().put("id", found.nodeId()).put("name", found.name()).put("removed", true),
          out -> out.println("removed node " + found.nodeId() + " " + found.name()));
      return 0;
    }
  }
}
