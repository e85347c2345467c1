package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.view.Health;
import java.util.concurrent.TimeUnit;

/** Waits until a node that is to leave has no replica, and shows on stderr how far it has come. */
final class NodeDeparture {
  private static final long ASK_MILLIS = 500;
  private static final int BAR = 30;

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
    boolean shows = System.console() != null;
    long most = 0;
    int rounds = 0;
    while (true) {
      Reply.NodeStatus status = status(calls.cluster(), node);
      if (status == null || status.replicaCount() == 0) {
        clear(shows);
        return;
      }
      if (status.node().departure() == null) {
        clear(shows);
        throw new CommandFailure("node " + node.name() + " is to stay: the drain was cancelled");
      }
      rounds = status.up() || !holdsLast(calls, node) ? 0 : rounds + 1;
      if (rounds == ROUNDS_LOST) {
        clear(shows);
        throw new CommandFailure(
            "node "
                + node.name()
                + " has the last in-sync replicas of chunks and leaves only once they are given up:"
                + " 'cairn volume recover' says what that is");
      }
      most = Math.max(most, status.replicaCount());
      if (shows) {
        int done = (int) (BAR * (most - status.replicaCount()) / most);
        System.err.print(
            "\r["
                + "#".repeat(done)
                + " ".repeat(BAR - done)
                + "] "
                + status.replicaCount()
                + " of "
                + most
                + " replicas left   ");
        System.err.flush();
      }
      TimeUnit.MILLISECONDS.sleep(ASK_MILLIS);
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

  private static void clear(boolean shows) {
    if (shows) {
      System.err.print("\r" + " ".repeat(BAR + 40) + "\r");
      System.err.flush();
    }
  }

  private static Reply.NodeStatus status(Reply.Cluster cluster, NodeRecord node) {
    return cluster.nodes().stream()
        .filter(status -> status.node().nodeId() == node.nodeId())
        .findFirst()
        .orElse(null);
  }
}
