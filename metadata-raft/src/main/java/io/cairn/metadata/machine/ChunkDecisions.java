package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.placement.Placement;
import io.cairn.metadata.placement.PlacementRequest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Decides allocation and the moves of replicas into and out of the in-sync set (I2, I3). */
final class ChunkDecisions {
  /** Nodes that a refusal names. */
  private static final int NODES_NAMED_MAX = 5;

  /** Most chunks in one command. */
  static final int BATCH_MAX = 4096;

  private final MetadataState state;

  ChunkDecisions(MetadataState state) {
    this.state = state;
  }

  Decision allocate(Command.AllocateChunks c, List<Candidate> up) {
    // What is to leave gets nothing new.
    List<Candidate> candidates = up.stream().filter(node -> stays(state, node.nodeId())).toList();
    VolumeRecord volume = state.volume(c.volumeId());
    Decision refusal = refusal(volume, c.volumeId(), c.generation(), c.indices().size());
    if (refusal != null) {
      return refusal;
    }
    long chunkCount = (volume.sizeBytes() - 1) / volume.chunkSizeBytes() + 1;
    List<Event> events = new ArrayList<>();
    Map<Integer, ChunkRecord> chunks = new LinkedHashMap<>();
    for (int index : c.indices()) {
      if (index < 0 || index >= chunkCount) {
        return Decision.refused(
            ErrorCode.INVALID, "chunk index " + index + " is outside 0 to " + (chunkCount - 1));
      }
      ChunkRecord chunk = state.chunk(c.volumeId(), c.layer(), index);
      if (chunk == null && !chunks.containsKey(index)) {
        chunk = place(volume, c, index, candidates, events.size());
        if (chunk == null) {
          return noPlacement(volume, candidates);
        }
        events.add(new Event.ChunkStored(chunk));
      }
      if (chunk != null) {
        chunks.put(index, chunk);
      }
    }
    List<ChunkRecord> ordered = List.copyOf(chunks.values());
    return new Decision(events, new Reply.Chunks(ordered, nodesOf(state, ordered)));
  }

  /**
   * Replicas on nodes that are up, in sync from the start. Where these are too few for the volume,
   * the places that are left go to nodes that are away, as ones that have everything to catch up: a
   * chunk that was born while a node restarted is whole soon after, not short for ever.
   */
  private ChunkRecord place(
      VolumeRecord volume,
      Command.AllocateChunks c,
      int index,
      List<Candidate> up,
      int placedBefore) {
    List<Candidate> candidates = Takers.of(state, up, volume.volumeId(), c.layer(), index);
    PlacementRequest request =
        new PlacementRequest(
            volume.volumeId(),
            c.layer(),
            index,
            volume.chunkSizeBytes(),
            volume.replicas(),
            c.preferredHost() == null ? "" : c.preferredHost());
    List<Long> chosen = Placement.choose(candidates, request);
    if (chosen.size() < volume.minInSync()) {
      return null;
    }
    List<Replica> replicas = new ArrayList<>();
    chosen.forEach(node -> replicas.add(new Replica(node, ReplicaState.IN_SYNC)));
    if (chosen.size() < volume.replicas()) {
      List<Candidate> taken =
          candidates.stream().filter(node -> chosen.contains(node.nodeId())).toList();
      Placement.choose(taken, away(up), request)
          .forEach(node -> replicas.add(new Replica(node, ReplicaState.SYNCING)));
    }
    long before = state.counts().chunksHad(volume.volumeId()) + placedBefore;
    return new ChunkRecord(
        volume.volumeId(), c.layer(), index, ChunkRecord.firstEpoch(before), replicas);
  }

  /** The nodes on record that are not up; how much room they have is not known. */
  private List<Candidate> away(List<Candidate> up) {
    List<Candidate> away = new ArrayList<>();
    for (NodeRecord node : state.nodes()) {
      if (node.departure() == null
          && up.stream().noneMatch(candidate -> candidate.nodeId() == node.nodeId())) {
        away.add(
            new Candidate(
                node.nodeId(), node.zone(), node.rack(), node.hostLabel(), node.capacityBytes()));
      }
    }
    return away;
  }

  /** An operator starts nodes in one case, and makes room or adds nodes in the other. */
  private Decision noPlacement(VolumeRecord volume, List<Candidate> up) {
    String needs = " needs " + volume.minInSync() + " nodes";
    if (up.size() < volume.minInSync()) {
      return Decision.refused(
          ErrorCode.NODES_DOWN,
          "a new chunk" + needs + "; " + up.size() + " of " + state.nodes().size() + " are up");
    }
    String free =
        up.stream()
            .sorted(Comparator.comparingLong(Candidate::freeBytes).reversed())
            .limit(NODES_NAMED_MAX)
            .map(ChunkDecisions::room)
            .collect(Collectors.joining(", "));
    return Decision.refused(
        ErrorCode.NO_PLACEMENT,
        "a new chunk of "
            + Sizes.format(volume.chunkSizeBytes())
            + needs
            + " with more room than that; free is on "
            + free);
  }

  private static String room(Candidate node) {
    String free = "node " + node.nodeId() + " " + Sizes.format(node.freeBytes());
    return node.shardsOut() == null
        ? free
        : free + " but for its shards out of service, " + node.shardsOut();
  }

  Decision update(Command.UpdateReplicas c) {
    VolumeRecord volume = state.volume(c.volumeId());
    Decision refusal = refusal(volume, c.volumeId(), c.generation(), c.changes().size());
    if (refusal != null) {
      return refusal;
    }
    // Later changes of one command see the earlier ones: a chunk may change twice.
    Map<String, ChunkRecord> changed = new LinkedHashMap<>();
    List<Reply.ReplicasUpdated.Outcome> outcomes = new ArrayList<>();
    for (Command.UpdateReplicas.Change change : c.changes()) {
      String key = change.layer() + "/" + change.index();
      ChunkRecord chunk = changed.get(key);
      if (chunk == null) {
        chunk = state.chunk(c.volumeId(), change.layer(), change.index());
      }
      ErrorCode code = problem(volume, chunk, change);
      if (code == null) {
        chunk = moved(chunk, change);
        changed.put(key, chunk);
      }
      outcomes.add(new Reply.ReplicasUpdated.Outcome(chunk, code));
    }
    List<Event> events = changed.values().stream().<Event>map(Event.ChunkStored::new).toList();
    return new Decision(events, new Reply.ReplicasUpdated(outcomes));
  }

  private static ErrorCode problem(
      VolumeRecord volume, ChunkRecord chunk, Command.UpdateReplicas.Change change) {
    if (chunk == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (chunk.epoch() != change.expectedEpoch()) {
      return ErrorCode.STALE_EPOCH;
    }
    Replica replica = null;
    for (Replica candidate : chunk.replicas()) {
      if (candidate.nodeId() == change.nodeId()) {
        replica = candidate;
      }
    }
    if (replica == null) {
      return ErrorCode.NOT_FOUND;
    }
    // Nothing can be acknowledged with fewer, so nothing is gained by going below (I3).
    if (change.state() == ReplicaState.SYNCING
        && replica.state() == ReplicaState.IN_SYNC
        && chunk.inSyncCount() <= volume.minInSync()) {
      return ErrorCode.BELOW_MIN_IN_SYNC;
    }
    return null;
  }

  private static ChunkRecord moved(ChunkRecord chunk, Command.UpdateReplicas.Change change) {
    List<Replica> replicas =
        chunk.replicas().stream()
            .map(r -> r.nodeId() == change.nodeId() ? new Replica(r.nodeId(), change.state()) : r)
            .toList();
    return chunk.with(replicas);
  }

  /** Whether the node exists and nobody wants it to leave. */
  static boolean stays(MetadataState state, long nodeId) {
    NodeRecord node = state.node(nodeId);
    return node != null && node.departure() == null;
  }

  /** Why a command of an owner is refused as a whole; null when it is not. */
  static Decision refusal(VolumeRecord volume, long volumeId, long generation, int batch) {
    if (volume == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no volume with id " + volumeId);
    }
    if (volume.generation() != generation || volume.owner() == null) {
      return Decision.refused(
          ErrorCode.STALE_GENERATION,
          "generation is " + volume.generation() + ", not " + generation);
    }
    if (batch > BATCH_MAX) {
      return Decision.refused(
          ErrorCode.INVALID, batch + " chunks in one command are more than " + BATCH_MAX);
    }
    return null;
  }

  /** The nodes that appear in the chunks, by id. */
  static List<NodeRecord> nodesOf(MetadataState state, List<ChunkRecord> chunks) {
    TreeMap<Long, NodeRecord> nodes = new TreeMap<>();
    for (ChunkRecord chunk : chunks) {
      for (Replica replica : chunk.replicas()) {
        nodes.computeIfAbsent(replica.nodeId(), state::node);
      }
    }
    return List.copyOf(nodes.values());
  }
}
