package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.placement.Placement;
import io.cairn.metadata.placement.PlacementRequest;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Decides where chunks get another replica, and which may be taken away. Neither touches the
 * in-sync set (I3): a new replica has everything to catch up, and one that is in sync must leave
 * the set first. So whatever an owner believes, what it reads from stays on record.
 */
final class PlacingDecisions {
  /** Replicas that catch up at one time in the cluster, on nodes that are up. */
  static final int CATCHING_UP_MAX = 32;

  /** Replicas of one chunk, those included that are about to leave. */
  static final int REPLICAS_MAX = 8;

  private final MetadataState state;

  PlacingDecisions(MetadataState state) {
    this.state = state;
  }

  Decision place(Command.PlaceReplicas c, List<Candidate> up) {
    VolumeRecord volume = state.volume(c.volumeId());
    Decision refusal =
        ChunkDecisions.refusal(volume, c.volumeId(), c.generation(), c.placings().size());
    if (refusal != null) {
      return refusal;
    }
    // What others lack must not hold up a volume of which nothing moves: they may be stuck.
    boolean mayPassLimit = c.catchingUp() == 0;
    long catchingUp = 0;
    for (Candidate node : up) {
      catchingUp += state.counts().syncingOn(node.nodeId());
    }
    Map<String, ChunkRecord> changed = new LinkedHashMap<>();
    List<Reply.ReplicasUpdated.Outcome> outcomes = new ArrayList<>();
    for (Command.PlaceReplicas.Placing placing : c.placings()) {
      String key = placing.layer() + "/" + placing.index();
      ChunkRecord chunk = changed.get(key);
      if (chunk == null) {
        chunk = state.chunk(c.volumeId(), placing.layer(), placing.index());
      }
      ErrorCode code = problem(volume, chunk, placing);
      if (code == null && placing.takenNodeId() == 0 && chunk.movesFromNodeId() != null) {
        // It lacks one because a replica is on its way, and that has come to nothing: it may stay.
        chunk = chunk.moving(chunk.replicas(), null);
      } else if (code == null && placing.takenNodeId() == 0) {
        Long chosen = chosen(volume, chunk, up);
        code =
            catchingUp >= CATCHING_UP_MAX && !mayPassLimit
                ? ErrorCode.BUSY
                : chosen == null ? ErrorCode.NO_PLACEMENT : null;
        if (code == null) {
          chunk = with(chunk, new Replica(chosen, ReplicaState.SYNCING));
          catchingUp++;
          mayPassLimit = false;
        }
      } else if (code == null) {
        chunk = without(chunk, placing.takenNodeId());
      }
      if (code == null) {
        changed.put(key, chunk);
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
      VolumeRecord volume, ChunkRecord chunk, Command.PlaceReplicas.Placing placing) {
    if (chunk == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (chunk.epoch() != placing.expectedEpoch()) {
      return ErrorCode.STALE_EPOCH;
    }
    if (placing.takenNodeId() == 0) {
      return chunk.replicas().size() >= REPLICAS_MAX ? ErrorCode.BUSY : null;
    }
    for (Replica replica : chunk.replicas()) {
      if (replica.nodeId() == placing.takenNodeId()) {
        return mayGo(volume, chunk, replica) ? null : ErrorCode.BELOW_MIN_IN_SYNC;
      }
    }
    return ErrorCode.NOT_FOUND;
  }

  private boolean mayGo(VolumeRecord volume, ChunkRecord chunk, Replica replica) {
    NodeRecord node = state.node(replica.nodeId());
    boolean forced = node != null && node.departure() == Departure.FORCED;
    int needed = forced ? volume.minInSync() : volume.replicas();
    return replica.state() == ReplicaState.SYNCING && chunk.inSyncCount() >= needed;
  }

  /** A node for one more replica, or null when none is wanted or there is none. */
  private Long chosen(VolumeRecord volume, ChunkRecord chunk, List<Candidate> up) {
    List<Candidate> staying = new ArrayList<>();
    List<Candidate> free = new ArrayList<>();
    for (Candidate node : up) {
      if (ChunkDecisions.stays(state, node.nodeId()) && !isOut(chunk, node)) {
        boolean holds = chunk.replicas().stream().anyMatch(r -> r.nodeId() == node.nodeId());
        (holds ? staying : free).add(node);
      }
    }
    if (staying.size() >= volume.replicas()) {
      return null;
    }
    PlacementRequest request =
        new PlacementRequest(
            volume.volumeId(),
            chunk.layer(),
            chunk.index(),
            volume.chunkSizeBytes(),
            staying.size() + 1,
            "");
    List<Long> chosen = Placement.choose(staying, free, request);
    return chosen.isEmpty() ? null : chosen.getFirst();
  }

  /** Whether the chunk's shard there does not serve: its replica, if any, is not one that stays. */
  private boolean isOut(ChunkRecord chunk, Candidate node) {
    return node.shardsOut() != null
        && state.level() >= Release.LEVEL_OF_SHARDS
        && node.lacks(Shards.shardOf(chunk, state.node(node.nodeId())));
  }

  private static ChunkRecord with(ChunkRecord chunk, Replica replica) {
    List<Replica> replicas = new ArrayList<>(chunk.replicas());
    replicas.add(replica);
    return chunk.with(replicas);
  }

  private static ChunkRecord without(ChunkRecord chunk, long nodeId) {
    return chunk.moving(chunk.replicas().stream().filter(r -> r.nodeId() != nodeId).toList(), null);
  }
}
