package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Sends replicas on their way to other nodes though their nodes stay, as the metadata wishes. What
 * follows is what follows of a departure: the new replica is brought up, the old one leaves the
 * in-sync set and then the record ({@link Placing}). A wish that cannot be met now is forgotten:
 * the metadata will have another.
 */
final class Moves {
  /** A new replica that has refused everything for so long will not get there: no room, say. */
  private static final long STUCK_NANOS = 10_000_000_000L;

  private final VolumeSession session;
  private final Placing placing;
  private final List<Reply.WantedMove> wishes = new ArrayList<>();

  /** Chunks of which a replica is on its way, as we heard of them. */
  private final Set<OwnedChunk> moving = new LinkedHashSet<>();

  private long begun;

  /**
   * No wishes yet.
   *
   * @param placing submits the proposals: one at a time, whatever of.
   */
  Moves(VolumeSession session, Placing placing) {
    this.session = session;
    this.placing = placing;
  }

  /** A chunk is known now, or its record is another one. */
  void follow(OwnedChunk chunk) {
    if (chunk.record().movesFromNodeId() == null) {
      moving.remove(chunk);
    } else {
      moving.add(chunk);
    }
  }

  void wish(List<Reply.WantedMove> moves) {
    wishes.clear();
    wishes.addAll(moves);
  }

  /** Whether something may still be begun. */
  boolean isDue() {
    return !wishes.isEmpty();
  }

  long begun() {
    return begun;
  }

  /** Whether the replica is on its way here in place of one that stays if it does not come. */
  static boolean isStuck(OwnedChunk chunk, OwnedReplica replica) {
    return chunk.record().movesFromNodeId() != null
        && !replica.inSync()
        && replica.failingSinceNanos != Long.MAX_VALUE
        && chunk.session.now() - replica.failingSinceNanos >= STUCK_NANOS;
  }

  /** Proposes what is wished for, one a node at a time; what cannot be done is dropped. */
  void propose(long nowNanos) {
    if (wishes.isEmpty() || !placing.isIdle(nowNanos)) {
      return;
    }
    Set<Long> engaged = engaged();
    List<OwnedChunk> chosen = new ArrayList<>();
    List<Command.MoveReplicas.Move> moves = new ArrayList<>();
    for (Reply.WantedMove wish : List.copyOf(wishes)) {
      OwnedChunk chunk = session.chunk(wish.index());
      if (chunk == null || !isWhole(chunk)) {
        wishes.remove(wish);
        continue;
      }
      if (engaged.contains(wish.fromNodeId()) || engaged.contains(wish.toNodeId())) {
        continue;
      }
      engaged.add(wish.fromNodeId());
      engaged.add(wish.toNodeId());
      if (chunk.state() == OwnedChunk.State.CLOSED) {
        chunk.open(nowNanos);
      } else if (chunk.state() == OwnedChunk.State.READY) {
        wishes.remove(wish);
        chosen.add(chunk);
        moves.add(
            new Command.MoveReplicas.Move(
                wish.layer(),
                wish.index(),
                chunk.record().epoch(),
                wish.fromNodeId(),
                wish.toNodeId()));
      }
    }
    if (!moves.isEmpty()) {
      begun += moves.size();
      placing.submit(
          chosen, new Command.MoveReplicas(session.volumeId(), session.generation(), moves));
    }
  }

  /** Nodes that take part in a move of this volume. */
  private Set<Long> engaged() {
    Set<Long> nodes = new TreeSet<>();
    for (OwnedChunk chunk : moving) {
      nodes.add(chunk.record().movesFromNodeId());
      chunk.replicas().stream()
          .filter(replica -> !replica.inSync())
          .forEach(replica -> nodes.add(replica.node.link.nodeId));
    }
    return nodes;
  }

  private static boolean isWhole(OwnedChunk chunk) {
    return chunk.record().movesFromNodeId() == null
        && chunk.record().inSyncCount() == chunk.replicas().size();
  }
}
