package io.cairn.metadata.machine;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.command.Reply.VolumeHealth;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/** Answers the queries that need nothing but the recorded state and which nodes are up. */
public final class MetadataQueries {
  /** Most chunks in one page. */
  static final int PAGE_MAX = 4096;

  /** Among the kinds that chunks are counted by: one that cannot be written. */
  private static final int UNAVAILABLE = 4;

  private MetadataQueries() {}

  /** One volume with its health; looks are what the owner of its present generation saw. */
  public static Reply volume(
      MetadataState state, String name, Reach reach, List<ReplicaLook> looks) {
    VolumeRecord volume = state.volume(name);
    return volume == null
        ? new Reply.Refused(ErrorCode.NOT_FOUND, "there is no volume " + name)
        : counted(state, volume, reach, looks);
  }

  /**
   * A volume with its health and what scrubs found, by one pass over its chunks.
   *
   * @param looks what the owner of the volume's present generation saw of chunks that seem lost.
   */
  public static Reply.Volume counted(
      MetadataState state, VolumeRecord volume, Reach reach, List<ReplicaLook> looks) {
    ScrubCounts scrubs = new ScrubCounts(volume.scrubs());
    LossQueries.Counts losses = new LossQueries.Counts(state, reach, looks);
    long[] counts = new long[5];
    state.visitChunks(
        volume.volumeId(),
        chunk -> {
          counts[0]++;
          counts[losses.add(chunk) ? UNAVAILABLE : kind(state, chunk, volume, reach)]++;
          scrubs.add(chunk);
          return true;
        });
    return new Reply.Volume(
        volume,
        new VolumeHealth(counts[0], counts[1], counts[2], counts[3], counts[4]),
        scrubs.summary(),
        losses.summary());
  }

  /** One volume as a target's logical unit. */
  public static Reply target(MetadataState state, String name) {
    VolumeRecord volume = state.volume(name);
    return volume == null
        ? new Reply.Refused(ErrorCode.NOT_FOUND, "there is no volume " + name)
        : target(state, volume);
  }

  /** All volumes as targets' logical units. */
  public static Reply targets(MetadataState state) {
    return new Reply.Targets(
        state.volumes().stream()
            .sorted(Comparator.comparing(VolumeRecord::name))
            .map(volume -> target(state, volume))
            .toList());
  }

  private static Reply.Target target(MetadataState state, VolumeRecord volume) {
    long id = volume.volumeId();
    return new Reply.Target(state.clusterId(), volume, state.reservations(id), state.access(id));
  }

  /** What happened to the cluster, a page of it. */
  public static Reply events(MetadataState state, Query.GetEvents query) {
    if (state.level() < Release.LEVEL_OF_EVENTS) {
      return Decision.tooEarly("events need", Release.LEVEL_OF_EVENTS, state.level()).reply();
    }
    return new Reply.Events(
        state.events(
            Math.max(0, query.afterNumber()),
            Math.clamp(query.limit(), 1, MetadataState.EVENTS_MAX)));
  }

  /** How many chunks each volume has had. */
  public static Reply chunkCounts(MetadataState state) {
    return new Reply.ChunkCounts(
        state.volumes().stream()
            .map(VolumeRecord::volumeId)
            .map(id -> new Reply.ChunkCount(id, state.counts().chunksHad(id)))
            .toList());
  }

  /** What a node's fast devices are to do for those of the volumes that exist; null for none. */
  public static List<Reply.NamedTier> tiers(MetadataState state, List<Long> volumeIds) {
    return volumeIds.isEmpty()
        ? null
        : volumeIds.stream()
            .map(state::volume)
            .filter(Objects::nonNull)
            .map(v -> new Reply.NamedTier(v.volumeId(), v.name(), v.tiering()))
            .toList();
  }

  /** A page of chunks. */
  public static Reply chunks(MetadataState state, Query.GetChunks query) {
    if (query.limit() < 1 || query.limit() > PAGE_MAX) {
      return new Reply.Refused(
          ErrorCode.INVALID, "limit " + query.limit() + " is outside 1 to " + PAGE_MAX);
    }
    List<ChunkRecord> chunks =
        state.chunks(query.volumeId(), query.layer(), query.fromIndex(), query.limit());
    return new Reply.Chunks(chunks, ChunkDecisions.nodesOf(state, chunks));
  }

  /** Whether the generation is the volume's. */
  public static Reply confirm(MetadataState state, Query.ConfirmGeneration query) {
    VolumeRecord volume = state.volume(query.volumeId());
    if (volume == null) {
      return new Reply.Refused(
          ErrorCode.NOT_FOUND, "there is no volume with id " + query.volumeId());
    }
    return volume.generation() == query.generation()
        ? new Reply.Ok()
        : new Reply.Refused(
            ErrorCode.STALE_GENERATION,
            "generation is " + volume.generation() + ", not " + query.generation());
  }

  /** 1 in sync, 2 degraded, 3 syncing, 4 unavailable. */
  private static int kind(
      MetadataState state, ChunkRecord chunk, VolumeRecord volume, Reach reach) {
    int usable = 0;
    boolean syncing = false;
    for (Replica replica : chunk.replicas()) {
      boolean up = reach.serves(state, chunk, replica.nodeId());
      usable += replica.state() == ReplicaState.IN_SYNC && up ? 1 : 0;
      syncing |= replica.state() == ReplicaState.SYNCING && up;
    }
    if (usable < volume.minInSync()) {
      return UNAVAILABLE;
    }
    if (syncing && (chunk.movesFromNodeId() == null || usable < volume.replicas())) {
      return 3;
    }
    return usable < volume.replicas() ? 2 : 1;
  }
}
