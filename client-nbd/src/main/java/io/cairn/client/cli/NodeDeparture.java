package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.view.Health;
import java.util.concurrent.TimeUnit;

/** Waits until a node that is to leave has no replica, and shows on stderr how far it has come. */
final class NodeDeparture {
  private static final long ASK_MILLIS = 500;

  /** Nodes restart: what is out of reach for so many looks is not on its way back. */
  private static final int ROUNDS_LOST = 10;

  private NodeDeparture() {}

  /**
   * Returns once the node has no replica.
   *
   * @throws CommandFailure when somebody wants the node to stay after all, or when nobody else has
   *     what it was in sync with.
   */
  static void await(ClusterCalls calls, NodeRecord node) throws InterruptedException {
    try (ProgressLine progress = new ProgressLine()) {
      long most = 0;
      int rounds = 0;
      while (true) {
        Reply.NodeStatus status = calls.node(node.nodeId());
        if (status == null || status.replicaCount() == 0) {
          return;
        }
        if (status.node().departure() == null) {
          throw new CommandFailure("node " + node.name() + " is to stay: the drain was cancelled");
        }
        rounds = status.up() || !holdsLast(calls, node) ? 0 : rounds + 1;
        if (rounds == ROUNDS_LOST) {
          throw new CommandFailure(
              "node "
                  + node.name()
                  + " has the last in-sync replicas of chunks and leaves only once they are given"
                  + " up: 'cairn volume recover' says what that is");
        }
        most = Math.max(most, status.replicaCount());
        progress.show(
            most - status.replicaCount(),
            most,
            status.replicaCount() + " of " + most + " replicas left");
        TimeUnit.MILLISECONDS.sleep(ASK_MILLIS);
      }
    }
  }

  /**
   * Whether chunks cannot be had without the node: of those in sync it is the last, or all are
   * down.
   */
  private static boolean holdsLast(ClusterCalls calls, NodeRecord node) {
    for (Reply.Volume volume : calls.cluster().volumes()) {
      if (Health.of(volume).unavailable() > 0
          && calls.losses(volume.volume().name()).chunks().stream()
              .anyMatch(chunk -> chunk.lostNodes().contains(node.nodeId()))) {
        return true;
      }
    }
    return false;
  }
}
