package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import java.util.List;

/** Finds the node that an operator means. */
final class NodeNames {
  private NodeNames() {}

  /**
   * The node with that id or name.
   *
   * @throws CommandFailure when there is none, or several have the name.
   */
  static NodeRecord find(Reply.Cluster cluster, String idOrName) {
    List<NodeRecord> found =
        cluster.nodes().stream()
            .map(Reply.NodeStatus::node)
            .filter(n -> n.name().equals(idOrName) || Long.toString(n.nodeId()).equals(idOrName))
            .toList();
    if (found.isEmpty()) {
      throw new CommandFailure("there is no node " + idOrName + "; 'cairn node ls' lists them");
    }
    if (found.size() > 1) {
      throw new CommandFailure(
          "several nodes are called "
              + idOrName
              + "; use one of their ids: "
              + String.join(", ", found.stream().map(n -> Long.toString(n.nodeId())).toList()));
    }
    return found.getFirst();
  }
}
