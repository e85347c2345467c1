package io.cairn.client.volume;

import java.util.ArrayList;
import java.util.List;

/** What the requests of a session wait for, in one line for an operator. */
final class WaitReason {
  /** Chunks that are named; when more wait, they mostly wait for the same. */
  private static final int CHUNKS_MAX = 3;

  private WaitReason() {}

  static String of(VolumeSession session) {
    if (session.allocation.refusalMessage() != null) {
      return "new chunks were refused: " + session.allocation.refusalMessage();
    }
    List<String> waiting = new ArrayList<>();
    int more = 0;
    for (OwnedChunk chunk : session.chunks()) {
      if (chunk.isWaiting() && waiting.size() == CHUNKS_MAX) {
        more++;
      } else if (chunk.isWaiting()) {
        waiting.add(of(chunk));
      }
    }
    if (!waiting.isEmpty()) {
      return String.join("; ", waiting) + (more == 0 ? "" : "; and " + more + " more chunks");
    }
    if (!session.allocation.isEmpty()) {
      return "the metadata is asked for new chunks";
    }
    return session.lease.hasWaiters()
        ? "in-sync replicas or the metadata have not confirmed the ownership"
        : "the volume is being opened";
  }

  private static String of(OwnedChunk chunk) {
    StringBuilder text = new StringBuilder("chunk ").append(chunk.record().index());
    int begun = text.length();
    for (OwnedReplica replica : chunk.replicas()) {
      String problem = problem(replica);
      if (problem != null) {
        text.append(text.length() == begun ? " waits: " : ", ");
        text.append("node ").append(replica.node.link.nodeId).append(' ').append(problem);
      }
    }
    return text.length() == begun ? text.append(" waits for its replicas").toString() : text + "";
  }

  private static String problem(OwnedReplica replica) {
    if (!replica.node.ready) {
      return "cannot be reached";
    }
    if (replica.problem != null) {
      return "refuses with " + replica.problem;
    }
    return replica.inSync() ? null : "catches up";
  }
}
