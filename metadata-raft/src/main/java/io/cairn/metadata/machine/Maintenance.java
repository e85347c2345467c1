package io.cairn.metadata.machine;

import io.cairn.metadata.command.Reply.MaintenanceOffer;
import io.cairn.metadata.model.VolumeRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.function.LongPredicate;
import java.util.function.Predicate;

/**
 * Which volumes that nobody has attached are offered to which gateway to be mended. What is offered
 * rests on what the leader believes of gateways and nodes; that one gateway gets the volume, and
 * none that came later loses it, rests on the generation alone.
 */
public final class Maintenance {
  /** Maintenance sessions at one time in the cluster. */
  static final int SESSIONS_MAX = 4;

  private Maintenance() {}

  /** What the leader believes. */
  public interface View {
    /** Whether the node can be reached. */
    boolean isUp(long nodeId);

    /** Whether the session that owns the volume has ended without a word. */
    boolean isGone(VolumeRecord volume);
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
      if (lacks(state, volumeId, view::isUp)) {
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
  private static boolean lacks(MetadataState state, long volumeId, LongPredicate isUp) {
    ReplicaCounts counts = state.counts();
    Predicate<Long> outOfSync = node -> counts.syncing(volumeId, node) > 0 && isUp.test(node);
    return counts.nodesOf(volumeId).stream().anyMatch(outOfSync);
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
