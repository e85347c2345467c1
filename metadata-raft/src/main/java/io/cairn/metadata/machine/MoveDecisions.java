package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.placement.Placement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Decides which replicas are moved though their nodes stay. What a leader wished for may be long
 * past when an owner comes with it: so that the chunk is whole, that nobody loses by it, and that a
 * node takes part in one move at a time is decided here, once more. Such a move is what a drain
 * does, for one replica: a new one is brought up before the old one leaves (I3 is untouched).
 */
final class MoveDecisions {
  /** Moves at one time in the cluster. */
  static final int MOVES_MAX = 4;

  private final MetadataState state;

  MoveDecisions(MetadataState state) {
    this.state = state;
  }

  Decision move(Command.MoveReplicas c, List<Candidate> up) {
    VolumeRecord volume = state.volume(c.volumeId());
    Decision refusal =
        ChunkDecisions.refusal(volume, c.volumeId(), c.generation(), c.moves().size());
    if (refusal != null) {
      return refusal;
    }
    long moving = state.counts().moving();
    Set<Long> busy = new TreeSet<>();
    Map<String, ChunkRecord> changed = new LinkedHashMap<>();
    List<Reply.ReplicasUpdated.Outcome> outcomes = new ArrayList<>();
    for (Command.MoveReplicas.Move move : c.moves()) {
      String key = move.layer() + "/" + move.index();
      ChunkRecord chunk = changed.get(key);
      if (chunk == null) {
        chunk = state.chunk(c.volumeId(), move.layer(), move.index());
      }
      ErrorCode code = problem(volume, chunk, move, up);
      if (code == null
          && (moving >= MOVES_MAX
              || busy.contains(move.fromNodeId())
              || busy.contains(move.toNodeId()))) {
        code = ErrorCode.BUSY;
      }
      if (code == null) {
        List<Replica> replicas = new ArrayList<>(chunk.replicas());
        replicas.add(new Replica(move.toNodeId(), ReplicaState.SYNCING));
        chunk = chunk.moving(replicas, move.fromNodeId());
        changed.put(key, chunk);
        busy.add(move.fromNodeId());
        busy.add(move.toNodeId());
        moving++;
      }
      outcomes.add(new Reply.ReplicasUpdated.Outcome(chunk, code));
    }
    List<ChunkRecord> known = new ArrayList<>();
    outcomes.stream().filter(o -> o.chunk() != null).forEach(o -> known.add(o.chunk()));
    return new Decision(
        changed.values().stream().<Event>map(Event.ChunkStored::new).toList(),
        new Reply.ReplicasPlaced(outcomes, ChunkDecisions.nodesOf(state, known), volume));
  }

  private ErrorCode problem(
      VolumeRecord volume, ChunkRecord chunk, Command.MoveReplicas.Move move, List<Candidate> up) {
    if (chunk == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (chunk.epoch() != move.expectedEpoch()) {
      return ErrorCode.STALE_EPOCH;
    }
    if (!isWhole(volume, chunk) || isBusy(state, move.fromNodeId(), move.toNodeId())) {
      return ErrorCode.BUSY;
    }
    List<Candidate> before = new ArrayList<>();
    Candidate to = null;
    for (Candidate node : up) {
      if (chunk.replicas().stream().anyMatch(r -> r.nodeId() == node.nodeId())) {
        before.add(node);
      } else if (node.nodeId() == move.toNodeId()) {
        to = node;
      }
    }
    List<Candidate> after =
        new ArrayList<>(before.stream().filter(n -> n.nodeId() != move.fromNodeId()).toList());
    boolean fits =
        before.size() == chunk.replicas().size()
            && after.size() == before.size() - 1
            && to != null
            && ChunkDecisions.stays(state, to.nodeId())
            && Takers.serves(state, to, volume.volumeId(), chunk.layer(), chunk.index())
            && Placement.hasRoom(to, volume.chunkSizeBytes());
    if (!fits) {
      return ErrorCode.NO_PLACEMENT;
    }
    after.add(to);
    return Placement.crowding(after) <= Placement.crowding(before) ? null : ErrorCode.NO_PLACEMENT;
  }

  /** Whether the chunk has all that it is to have, in sync, and nothing of it is on its way. */
  static boolean isWhole(VolumeRecord volume, ChunkRecord chunk) {
    return chunk.movesFromNodeId() == null
        && chunk.replicas().size() == volume.replicas()
        && chunk.inSyncCount() == volume.replicas();
  }

  private static boolean isBusy(MetadataState state, long fromNodeId, long toNodeId) {
    return isBusy(state, fromNodeId) || isBusy(state, toNodeId);
  }

  /** Whether the node takes part in a move, or something else catches up there. */
  static boolean isBusy(MetadataState state, long nodeId) {
    return state.counts().movingFrom(nodeId) > 0 || state.counts().syncingOn(nodeId) > 0;
  }
}
