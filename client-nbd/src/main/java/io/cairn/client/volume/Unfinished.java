package io.cairn.client.volume;

import io.cairn.storage.wire.Reply;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.agrona.collections.LongHashSet;

/**
 * In-sync replicas that an earlier owner began to make equal to the others, and did not live to: in
 * sync on record only, until their chunk is opened. Each shard names them once, one with the answer
 * to each PING, and their chunks are opened. Those that this session begins and does not end it
 * knows itself.
 */
final class Unfinished {
  /** What one shard said on its present connection. */
  private static final class Round {
    final LongHashSet names = new LongHashSet();
    boolean over;
  }

  private final VolumeSession session;
  private final Map<OwnedNode, Round> rounds = new HashMap<>();

  Unfinished(VolumeSession session) {
    this.session = session;
  }

  /** Asks those that were not asked yet. */
  void pump(long nowNanos) {
    if (!session.isServing() || session.isReleasing()) {
      return;
    }
    List<OwnedNode> nodes = session.nodes();
    for (int i = 0; i < nodes.size(); i++) {
      OwnedNode node = nodes.get(i);
      if (node.ready && !rounds.containsKey(node)) {
        rounds.put(node, new Round());
        node.ping(nowNanos);
      }
    }
  }

  /** A shard has answered a PING. */
  void onNamed(OwnedNode node, long name, long nowNanos) {
    Round round = rounds.get(node);
    if (round == null || round.over) {
      return;
    }
    if (name == 0 || !round.names.add(name)) {
      round.over = true;
      return;
    }
    OwnedChunk chunk = session.chunk(Reply.namedIndex(name));
    if (chunk != null
        && chunk.record().layer() == Reply.namedLayer(name)
        && chunk.state() == OwnedChunk.State.CLOSED
        && isInSync(chunk, node)) {
      chunk.open(nowNanos);
    }
    node.ping(nowNanos);
  }

  /** What the shard said may be as old as the connection. */
  void onDown(OwnedNode node) {
    rounds.remove(node);
  }

  private static boolean isInSync(OwnedChunk chunk, OwnedNode node) {
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.node == node && replica.inSync()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether in-sync replicas of a chunk that was opened are not equal yet, whatever it was opened
   * for, or a shard may name more that can be reached, or could be a moment ago.
   */
  boolean isDue() {
    for (OwnedNode node : session.nodes()) {
      Round round = rounds.get(node);
      boolean asked = round != null && round.over;
      if (!asked && !session.mending.membership.isAway(node, session.now())) {
        return true;
      }
    }
    for (OwnedChunk chunk : session.chunks()) {
      if (chunk.state() != OwnedChunk.State.CLOSED && isUnequal(chunk)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isUnequal(OwnedChunk chunk) {
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.inSync() && replica.node.ready && replica.phase != OwnedReplica.Phase.LIVE) {
        return true;
      }
    }
    return false;
  }
}
