package io.cairn.metadata.machine;

import io.cairn.metadata.command.Reply.MaintenanceOffer;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
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

    /** Whether the session that owns the volume has ended without a word. */
    boolean isGone(VolumeRecord volume);

    /** Whether a replica of it is to be moved though its node stays. */
    default boolean hasMoves(long volumeId) {
      return false;
    }
  }

  /**
   * The volumes for one gateway.
   *
   * @param gateways names of all gateways that may take volumes.
   */
  public static List<MaintenanceOffer> offers(
      MetadataState state, String gateway, SortedSet<String> gateways, View view) {
    int running = 0;
    List<VolumeRecord> unattached = new ArrayList<>();
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
    return offers;
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
      if (counts.syncing(volumeId, node) > 0 && view.isUp(node) && !leaving) {
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
