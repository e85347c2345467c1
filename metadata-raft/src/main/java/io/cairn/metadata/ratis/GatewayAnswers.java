package io.cairn.metadata.ratis;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.Maintenance;
import io.cairn.metadata.machine.MetadataState;
import io.cairn.metadata.machine.Reach;
import io.cairn.metadata.machine.Rebalancing;
import io.cairn.metadata.machine.ScrubTurns;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What the leader answers a gateway's heartbeat: where nodes are, and what is to be done for the
 * volumes. Used under the state machine's lock.
 */
final class GatewayAnswers {
  private final SoftState soft;
  private final long awayGraceNanos;

  /** Null when replicas are not moved by themselves. */
  private final Rebalancing rebalancing;

  private final ScrubTurns scrubTurns = new ScrubTurns();

  GatewayAnswers(SoftState soft, long awayGraceNanos, boolean rebalance) {
    this.soft = soft;
    this.awayGraceNanos = awayGraceNanos;
    rebalancing = rebalance ? new Rebalancing() : null;
  }

  /** How evenly nodes are filled. */
  Reply.Rebalance rebalance(MetadataState state) {
    return rebalancing == null ? Reply.Rebalance.OFF : rebalancing.status(state);
  }

  /** Answers one that was heard. */
  Reply answer(MetadataState state, Query.GatewayHeartbeat said, long nowNanos) {
    List<Reply.WantedMove> moves =
        rebalancing == null
            ? List.of()
            : rebalancing.look(
                state,
                soft.candidates(state.nodes(), state.level(), nowNanos),
                soft::servingCapacityBytes,
                nowNanos);
    return new Reply.HeartbeatAck(
        List.of(),
        state.nodes(),
        offers(state, said, moves, nowNanos),
        away(state, nowNanos),
        reshaped(state, said),
        moves,
        awayShards(state, nowNanos));
  }

  /** None before all servers know how to place what is on them elsewhere. */
  private List<Reply.NodeShard> awayShards(MetadataState state, long nowNanos) {
    List<Reply.NodeShard> away = new ArrayList<>();
    for (NodeRecord node : state.nodes()) {
      shardsAway(state, node.nodeId(), nowNanos)
          .forEach(shard -> away.add(new Reply.NodeShard(node.nodeId(), shard)));
    }
    return away;
  }

  private List<Integer> shardsAway(MetadataState state, long nodeId, long nowNanos) {
    return state.level() < Release.LEVEL_OF_SHARDS
        ? List.of()
        : soft.shardsAway(nodeId, awayGraceNanos, nowNanos);
  }

  /** What can be reached now, as far as this server has heard. */
  Reach reach(MetadataState state, long nowNanos) {
    return new Reach() {
      @Override
      public boolean isUp(long nodeId) {
        return soft.isUp(nodeId, nowNanos);
      }

      @Override
      public List<Integer> shardsOut(long nodeId) {
        return soft.shardsOut(nodeId);
      }

      @Override
      public List<Integer> shardsAway(long nodeId) {
        return GatewayAnswers.this.shardsAway(state, nodeId, nowNanos);
      }
    };
  }

  private static List<VolumeRecord> reshaped(MetadataState state, Query.GatewayHeartbeat said) {
    SortedSet<Long> changed = new TreeSet<>(state.counts().misshapen());
    changed.addAll(state.counts().toScrub());
    return changed.stream()
        .map(state::volume)
        .filter(v -> v.owner() != null && v.owner().instance() == said.instance())
        .toList();
  }

  private List<Long> away(MetadataState state, long nowNanos) {
    return state.nodes().stream()
        .map(NodeRecord::nodeId)
        .filter(node -> soft.isAway(node, awayGraceNanos, nowNanos))
        .toList();
  }

  private List<Reply.MaintenanceOffer> offers(
      MetadataState state,
      Query.GatewayHeartbeat said,
      List<Reply.WantedMove> moves,
      long nowNanos) {
    if (!said.maintains()) {
      return List.of();
    }
    // What was wished for some seconds ago may be of a volume that is deleted by now.
    Set<Long> moved =
        moves.stream()
            .map(move -> state.volume(move.volume()))
            .filter(Objects::nonNull)
            .map(VolumeRecord::volumeId)
            .collect(Collectors.toSet());
    Maintenance.View view =
        new Maintenance.View() {
          @Override
          public boolean isUp(long nodeId) {
            return soft.isUp(nodeId, nowNanos);
          }

          @Override
          public boolean isLeaving(long nodeId) {
            NodeRecord node = state.node(nodeId);
            return node == null
                || node.departure() != null
                || soft.isAway(nodeId, awayGraceNanos, nowNanos);
          }

          @Override
          public List<Integer> shardsOut(long nodeId) {
            return soft.shardsOut(nodeId);
          }

          @Override
          public List<Integer> shardsAway(long nodeId) {
            return GatewayAnswers.this.shardsAway(state, nodeId, nowNanos);
          }

          @Override
          public List<Query.Refill> refills(long nodeId, long volumeId) {
            return soft.refills(nodeId, volumeId);
          }

          @Override
          public List<Query.Unfinished> unfinished(long nodeId, long volumeId) {
            return soft.unfinished(nodeId, volumeId);
          }

          @Override
          public boolean isGone(VolumeRecord volume) {
            return soft.isGone(volume, nowNanos);
          }

          @Override
          public boolean hasMoves(long volumeId) {
            return moved.contains(volumeId);
          }

          @Override
          public boolean isScrubDue(long volumeId) {
            return scrubTurns.isDue(state.counts(), volumeId, said.scrubWanted(), nowNanos);
          }
        };
    return Maintenance.offers(state, said.gateway(), soft.maintainers(nowNanos), view);
  }
}
