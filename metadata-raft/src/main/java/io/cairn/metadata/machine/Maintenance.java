package io.cairn.metadata.machine;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply.MaintenanceOffer;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;

/**
 * Which volumes that nobody has attached are offered to which gateway to be mended or scrubbed.
 * What is offered rests on what the leader believes of gateways and nodes; that one gateway gets
 * the volume, and none that came later loses it, rests on the generation alone.
 */
public final class Maintenance {
  /** Maintenance sessions at one time in the cluster. */
  static final int SESSIONS_MAX = 4;

  private Maintenance() {}

  /** What the leader believes. */
  public interface View {
    /** Whether the node can be reached. */
    boolean isUp(long nodeId);

    /** Whether the node's replicas are to be placed anew: it is to leave, or away for too long. */
    boolean isLeaving(long nodeId);

    /** Shards of the node that are out of service, by number. */
    default List<Integer> shardsOut(long nodeId) {
      return List.of();
    }

    /** Those of them whose replicas are to be placed anew: they have been so for too long. */
    default List<Integer> shardsAway(long nodeId) {
      return List.of();
    }

    /** What shards of the node have of the volume by now that began anew on empty devices. */
    default List<Query.Refill> refills(long nodeId, long volumeId) {
      return List.of();
    }

    /** Some of the volume's chunks that the node has less than a whole replica of. */
    default List<Query.Unfinished> unfinished(long nodeId, long volumeId) {
      return List.of();
    }

    /** Whether the session that owns the volume has ended without a word. */
    boolean isGone(VolumeRecord volume);

    /** Whether a replica of it is to be moved though its node stays. */
    default boolean hasMoves(long volumeId) {
      return false;
    }

    /** Whether the time of the volume's next scrub has come, should nobody have it. */
    default boolean isScrubDue(long volumeId) {
      return false;
    }
  }

  /**
   * The volumes for one gateway: those that lack something, and those whose scrub is due, as many
   * of these at one time as there are gateways, which bound the rate of scrubs each for itself.
   * They take no turn from the former.
   *
   * @param gateways names of all gateways that may take volumes.
   */
  public static List<MaintenanceOffer> offers(
      MetadataState state, String gateway, SortedSet<String> gateways, View view) {
    int running = 0;
    int scrubbing = 0;
    List<VolumeRecord> unattached = new ArrayList<>();
    List<VolumeRecord> due = new ArrayList<>();
    for (long volumeId : state.counts().volumes()) {
      // A record is read from the store only where there is something to do: this is asked at
      // every heartbeat of every gateway.
      if (lacks(state, volumeId, view) || view.hasMoves(volumeId)) {
        VolumeRecord volume = state.volume(volumeId);
        if (volume.owner() == null || view.isGone(volume)) {
          unattached.add(volume);
        } else if (volume.owner().maintenance()) {
          running++;
        }
      } else if (state.counts().tenure(volumeId).maintained()
          && !view.isGone(state.volume(volumeId))) {
        scrubbing++;
      } else if (view.isScrubDue(volumeId) && isAllInReach(state, volumeId, view)) {
        VolumeRecord volume = state.volume(volumeId);
        if (volume.owner() == null || view.isGone(volume)) {
          due.add(volume);
        }
      }
    }
    List<MaintenanceOffer> offers = new ArrayList<>();
    for (VolumeRecord volume : unattached) {
      if (running < SESSIONS_MAX) {
        running++;
        if (gateway.equals(chosen(volume, gateways))) {
          offers.add(new MaintenanceOffer(volume.name(), volume.generation()));
        }
      }
    }
    for (VolumeRecord volume : due) {
      if (scrubbing < gateways.size()) {
        scrubbing++;
        if (gateway.equals(chosen(volume, gateways))) {
          offers.add(new MaintenanceOffer(volume.name(), volume.generation(), true));
        }
      }
    }
    return offers;
  }

  /** Whether all replicas of the volume can be compared. */
  private static boolean isAllInReach(MetadataState state, long volumeId, View view) {
    for (long node : state.counts().nodesOf(volumeId)) {
      if (state.counts().replicas(volumeId, node) > 0 && !view.isUp(node)) {
        return false;
      }
      for (int shard : view.shardsOut(node)) {
        if (state.counts().replicas(volumeId, node, shard) > 0) {
          return false;
        }
      }
    }
    return true;
  }

  /** Whether something can be done for the volume now. */
  private static boolean lacks(MetadataState state, long volumeId, View view) {
    ReplicaCounts counts = state.counts();
    if (counts.toScrub().contains(volumeId)) {
      return true;
    }
    boolean leaves = false;
    boolean forced = false;
    for (long node : counts.nodesOf(volumeId)) {
      boolean leaving = view.isLeaving(node);
      // What is out of sync on a shard that does not serve can only be had elsewhere.
      if (view.isUp(node)
          && !leaving
          && (counts.syncing(volumeId, node, view.shardsOut(node)) > 0
              || mayLeaveShards(state, volumeId, node, view)
              || mayHaveLost(state, volumeId, node, view)
              || countsForMore(state, volumeId, node, view))) {
        return true;
      }
      if (leaving && counts.replicas(volumeId, node) > 0) {
        leaves = true;
        forced |= isForced(state, node);
      }
    }
    if (!leaves && !counts.isShort(volumeId)) {
      return counts.hasSurplus(volumeId);
    }
    VolumeRecord volume = state.volume(volumeId);
    return staying(state, view) >= (forced ? volume.minInSync() : volume.replicas());
  }

  /**
   * Whether a shard that began anew has less of the volume than counts as in sync there. Whoever
   * owns the volume next makes what was never there, so that this ends.
   */
  private static boolean mayHaveLost(MetadataState state, long volumeId, long nodeId, View view) {
    for (Query.Refill refill : view.refills(nodeId, volumeId)) {
      if (!view.shardsOut(nodeId).contains(refill.shard())
          && state.counts().inSync(volumeId, nodeId, refill.shard()) > refill.chunks()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether the node has a replica that is in sync on record only: its owner was gone before it had
   * made it equal to the others.
   */
  private static boolean countsForMore(MetadataState state, long volumeId, long nodeId, View view) {
    for (Query.Unfinished one : view.unfinished(nodeId, volumeId)) {
      ChunkRecord record = state.chunk(volumeId, one.layer(), one.index());
      if (record != null
          && record.replicas().stream()
              .anyMatch(r -> r.nodeId() == nodeId && r.state() == ReplicaState.IN_SYNC)) {
        return true;
      }
    }
    return false;
  }

  /** Whether replicas of the volume are to leave shards of the node, and can. */
  private static boolean mayLeaveShards(
      MetadataState state, long volumeId, long nodeId, View view) {
    for (int shard : view.shardsAway(nodeId)) {
      if (state.counts().replicas(volumeId, nodeId, shard) > 0
          && stayingBeside(state, volumeId, state.node(nodeId), shard, view)
              >= state.volume(volumeId).replicas()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Nodes that have, or can take, what one shard of another node is to give. One that lacks shards
   * takes what belongs to the others, which is known by the number where it has as many shards.
   * Else, and before all servers know of that, it counts where it may hold the chunks already.
   */
  private static long stayingBeside(
      MetadataState state, long volumeId, NodeRecord from, int shard, View view) {
    long staying = 0;
    for (NodeRecord node : state.nodes()) {
      if (node.nodeId() == from.nodeId()
          || !view.isUp(node.nodeId())
          || view.isLeaving(node.nodeId())) {
        continue;
      }
      List<Integer> out = view.shardsOut(node.nodeId());
      boolean sameNumbers = node.shardCount() == from.shardCount();
      boolean takes =
          out.isEmpty()
              || sameNumbers
                  && !out.contains(shard)
                  && state.level() >= Release.LEVEL_OF_SERVING_SHARDS;
      boolean holds = false;
      for (int one = 0; one < node.shardCount(); one++) {
        holds |=
            (one == shard || !sameNumbers)
                && !out.contains(one)
                && state.counts().replicas(volumeId, node.nodeId(), one) > 0;
      }
      staying += takes || holds ? 1 : 0;
    }
    return staying;
  }

  private static boolean isForced(MetadataState state, long nodeId) {
    NodeRecord node = state.node(nodeId);
    return node != null && node.departure() == Departure.FORCED;
  }

  /** Nodes that can take the places of those that leave. */
  private static long staying(MetadataState state, View view) {
    return state.nodes().stream()
        .filter(node -> view.isUp(node.nodeId()) && !view.isLeaving(node.nodeId()))
        .count();
  }

  /** One gateway per volume and generation: after a try that came to nothing it is another's. */
  private static String chosen(VolumeRecord volume, SortedSet<String> gateways) {
    if (gateways.isEmpty()) {
      return "";
    }
    long turn = volume.volumeId() + volume.generation();
    return List.copyOf(gateways).get((int) (turn % gateways.size()));
  }
}
