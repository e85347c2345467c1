package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkLoss;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.placement.Placement;
import io.cairn.metadata.placement.PlacementRequest;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Decides what becomes of chunks whose in-sync replicas are gone for good. Nothing else ever gives
 * up what was acknowledged, and this only by an operator's word (I3).
 *
 * <p>The generation rises with it. Whoever owned the volume may have counted versions that only the
 * lost replicas hold, and would give the same versions to other contents; the next owner begins
 * with what is there.
 *
 * <p>An in-sync replica on a node that lives is given up as well where the owner saw that it does
 * not hold everything and nobody is left whom it could be brought up from; and where its device has
 * been out of service for so long that it counts as gone. A chunk of which nothing is left is from
 * then on as young as a new one: a shard that began anew on an empty device would take it for what
 * it may have lost, and nobody could ever open it there.
 */
final class LossDecisions {
  private final MetadataState state;

  LossDecisions(MetadataState state) {
    this.state = state;
  }

  /** Whether an operator said of the node that it will not come back, and it is not there. */
  static boolean isLost(MetadataState state, long nodeId, boolean isUp) {
    NodeRecord node = state.node(nodeId);
    return !isUp && (node == null || node.departure() == Departure.FORCED);
  }

  Decision recover(Command.RecoverVolume c, List<Candidate> up) {
    VolumeRecord volume = state.volume(c.name());
    if (volume == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no volume " + c.name());
    }
    if (volume.generation() != c.generation()) {
      return Decision.refused(
          ErrorCode.STALE_GENERATION,
          "generation is " + volume.generation() + ", not " + c.generation() + ": look again");
    }
    if (volume.generation() == VolumeDecisions.GENERATION_MAX) {
      return Decision.refused(
          ErrorCode.INVALID, "generation " + volume.generation() + " is the last");
    }
    if (c.choices().isEmpty() || c.choices().size() > ChunkDecisions.BATCH_MAX) {
      return Decision.refused(
          ErrorCode.INVALID,
          c.choices().size() + " chunks are outside 1 to " + ChunkDecisions.BATCH_MAX);
    }
    List<Event> events = new ArrayList<>();
    Set<String> named = new TreeSet<>();
    for (Command.RecoverVolume.Choice choice : c.choices()) {
      ChunkRecord chunk = state.chunk(volume.volumeId(), choice.layer(), choice.index());
      Decision refusal = refusal(chunk, choice, up);
      if (refusal == null && !named.add(choice.layer() + "/" + choice.index())) {
        refusal = refused(ErrorCode.INVALID, choice, "is named twice");
      }
      if (refusal != null) {
        return refusal;
      }
      ChunkRecord recovered = recovered(volume, chunk, choice, c.atMillis(), up);
      if (recovered == null) {
        return refused(ErrorCode.NO_PLACEMENT, choice, "finds no node with room");
      }
      events.add(new Event.ChunkStored(recovered));
    }
    VolumeRecord.Owner owner = volume.owner();
    // Instance 0 is nobody's: a gateway is asked to mend the volume, and any owner may take it.
    VolumeRecord fenced =
        volume.ownedBy(
            owner == null
                ? null
                : new VolumeRecord.Owner(owner.gateway(), 0, owner.address(), true, owner.quiet()),
            volume.generation() + 1);
    events.add(new Event.VolumeStored(fenced));
    return new Decision(events, new Reply.Volume(fenced, null));
  }

  private Decision refusal(
      ChunkRecord chunk, Command.RecoverVolume.Choice choice, List<Candidate> up) {
    if (chunk == null) {
      return refused(ErrorCode.NOT_FOUND, choice, "is not allocated");
    }
    if (chunk.epoch() != choice.expectedEpoch()) {
      return refused(ErrorCode.STALE_EPOCH, choice, "has changed since: look again");
    }
    int lost = 0;
    boolean onRecord = choice.nodeId() == 0;
    for (Replica replica : chunk.replicas()) {
      boolean isUp = isUp(up, replica.nodeId());
      boolean chosen = replica.nodeId() == choice.nodeId();
      onRecord |= chosen;
      boolean serves =
          up.stream()
              .filter(node -> node.nodeId() == replica.nodeId())
              .anyMatch(
                  node ->
                      Takers.serves(state, node, chunk.volumeId(), chunk.layer(), chunk.index()));
      if (chosen && !serves) {
        return refused(ErrorCode.NODES_DOWN, choice, "has no replica that can be reached there");
      }
      if (choice.nodeId() == 0 && serves) {
        return refused(
            ErrorCode.IN_USE,
            choice,
            "has a replica on node " + replica.nodeId() + ", which is up");
      }
      if (replica.state() == ReplicaState.IN_SYNC && isUp && isShort(choice, replica.nodeId())) {
        lost++;
      } else if (replica.state() == ReplicaState.IN_SYNC && !chosen) {
        if (!isLost(state, replica.nodeId(), isUp)) {
          return refused(
              ErrorCode.IN_USE,
              choice,
              "is in sync on node "
                  + replica.nodeId()
                  + (isUp ? ", which is up" : ", which could still come back"));
        }
        lost++;
      }
    }
    if (!onRecord) {
      return refused(ErrorCode.INVALID, choice, "has no replica on node " + choice.nodeId());
    }
    return lost == 0 ? refused(ErrorCode.INVALID, choice, "has lost nothing") : null;
  }

  /**
   * Whether the replica was seen not to hold everything. It is no better than one that is out of
   * sync then: nobody brings it up but an in-sync replica that does.
   */
  private boolean isShort(Command.RecoverVolume.Choice choice, long nodeId) {
    return state.level() >= Release.LEVEL_OF_LOSSES && choice.saysShort(nodeId);
  }

  private ChunkRecord recovered(
      VolumeRecord volume,
      ChunkRecord chunk,
      Command.RecoverVolume.Choice choice,
      long atMillis,
      List<Candidate> up) {
    long source = choice.nodeId() == 0 ? placed(volume, chunk, up) : choice.nodeId();
    if (source == 0) {
      return null;
    }
    List<Replica> replicas = new ArrayList<>();
    List<Long> lost = new ArrayList<>();
    // Those that are lost stay on record, out of sync: an owner before may still read them (I4).
    for (Replica replica : chunk.replicas()) {
      boolean chosen = replica.nodeId() == source;
      if (replica.state() == ReplicaState.IN_SYNC
          && !chosen
          && !isShort(choice, replica.nodeId())) {
        lost.add(replica.nodeId());
      }
      replicas.add(
          new Replica(replica.nodeId(), chosen ? ReplicaState.IN_SYNC : ReplicaState.SYNCING));
    }
    if (choice.nodeId() == 0) {
      replicas.add(new Replica(source, ReplicaState.IN_SYNC));
    }
    ChunkLoss loss =
        new ChunkLoss(chunk.epoch(), lost, source, choice.condition(), choice.version(), atMillis);
    boolean nothingIsLeft = choice.nodeId() == 0 || choice.condition() == ReplicaCondition.EMPTY;
    return nothingIsLeft && state.level() >= Release.LEVEL_OF_LOSSES
        ? chunk.begunAnew(replicas, loss, state.counts().chunksHad(volume.volumeId()))
        : chunk.recovered(replicas, loss);
  }

  /** A node for an empty replica; 0 when there is none. */
  private long placed(VolumeRecord volume, ChunkRecord chunk, List<Candidate> up) {
    List<Candidate> free = new ArrayList<>();
    for (Candidate node : Takers.of(state, up, volume.volumeId(), chunk.layer(), chunk.index())) {
      boolean holds = chunk.replicas().stream().anyMatch(r -> r.nodeId() == node.nodeId());
      if (!holds) {
        free.add(node);
      }
    }
    PlacementRequest request =
        new PlacementRequest(
            volume.volumeId(), chunk.layer(), chunk.index(), volume.chunkSizeBytes(), 1, "");
    List<Long> chosen = Placement.choose(free, request);
    return chosen.isEmpty() ? 0 : chosen.getFirst();
  }

  private static boolean isUp(List<Candidate> up, long nodeId) {
    return up.stream().anyMatch(node -> node.nodeId() == nodeId);
  }

  private static Decision refused(
      ErrorCode code, Command.RecoverVolume.Choice choice, String message) {
    return Decision.refused(code, "chunk " + choice.index() + " " + message);
  }
}
