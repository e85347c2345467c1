package io.cairn.client.cli;

import io.cairn.metadata.command.Command.DrainNode;
import io.cairn.metadata.command.Command.RemoveNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn node rm}: forgets a node that holds no replica. */
@Command(
    name = "rm",
    description = "Removes a node that holds no replica; its data directory can never come back.")
final class NodeRemoveCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NODE", description = "Id or name of the node.")
  private String node;

  @Option(
      names = "--force",
      description =
          "Has the replicas of a node that is gone placed anew at once, waits for that, and then"
              + " removes it.")
  private boolean force;

  @Override
  public Integer call() throws InterruptedException {
    try (ClusterCalls calls = options.connect()) {
      Reply.Cluster cluster = calls.cluster();
      NodeRecord found = NodeNames.find(cluster, node);
      if (cluster.nodes().stream().anyMatch(n -> n.up() && n.node().equals(found))) {
        throw new CommandFailure(
            "node " + found.name() + " is up; stop its process before you remove it");
      }
      if (force) {
        calls.change(new DrainNode(found.nodeId(), Departure.FORCED));
        NodeDeparture.await(calls, found);
      }
      calls.change(new RemoveNode(found.nodeId()));
      options.print(
          ClusterJson.object()
              .put("id", found.nodeId())
              .put("name", found.name())
              .put("removed", true),
          out -> out.println("removed node " + found.nodeId() + " " + found.name()));
      return 0;
    }
  }
}
