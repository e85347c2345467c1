package io.cairn.client.cli;

import io.cairn.metadata.model.NodeRecord;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code cairn node drain}: the verb is reserved; the metadata cannot move replicas yet. */
@Command(name = "drain", description = "Moves all replicas off a node. Not supported yet.")
final class NodeDrainCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NODE", description = "Id or name of the node.")
  private String node;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      NodeRecord found = NodeNames.find(calls.cluster(), node);
      throw new CommandFailure(
          "node "
              + found.name()
              + " was not drained: draining is not supported yet; nothing was changed");
    }
  }
}
