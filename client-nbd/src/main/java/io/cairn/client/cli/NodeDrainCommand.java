package io.cairn.client.cli;

import io.cairn.metadata.command.Command.DrainNode;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code cairn node drain}: has a node's replicas placed on others, and waits until it has none.
 * What the operator wants is on record: whoever stops waiting changes nothing, and may wait again.
 */
@Command(
    name = "drain",
    description =
        "Moves all replicas off a node and waits until it has none. Ending the command does not end"
            + " the move: run it again to go on waiting, or with --cancel to keep the node.")
final class NodeDrainCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NODE", description = "Id or name of the node.")
  private String node;

  @Option(
      names = "--force",
      description =
          "Also where too few nodes stay: chunks keep fewer replicas, but as many as writes need.")
  private boolean force;

  @Option(names = "--cancel", description = "Keeps the node after all.")
  private boolean cancel;

  @Option(names = "--no-wait", description = "Begins the move and does not wait for its end.")
  private boolean noWait;

  @Override
  public Integer call() throws InterruptedException {
    try (ClusterCalls calls = options.connect()) {
      NodeRecord found = NodeNames.find(calls.cluster(), node);
      Departure departure = force ? Departure.FORCED : Departure.DRAINED;
      calls.change(new DrainNode(found.nodeId(), cancel ? null : departure));
      boolean drained = !noWait && !cancel;
      if (drained) {
        NodeDeparture.await(calls, found);
      }
      options.print(
          ClusterJson.object()
              .put("id", found.nodeId())
              .put("name", found.name())
              .put(
                  "departure",
                  cancel ? "none" : departure.name().toLowerCase(java.util.Locale.ROOT))
              .put("drained", drained),
          out ->
              out.println(
                  "node "
                      + found.name()
                      + (cancel
                          ? " stays"
                          : drained
                              ? " holds no replica any more; stop it and run 'cairn node rm'"
                              : " gives its replicas to others")));
      return 0;
    }
  }
}
