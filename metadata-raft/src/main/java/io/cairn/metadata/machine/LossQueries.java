package io.cairn.metadata.machine;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.command.Reply.LossFinding;
import io.cairn.metadata.command.Reply.LossSummary;
import io.cairn.metadata.command.Reply.LostChunk;
import io.cairn.metadata.command.Reply.ScrubSummary;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.LongPredicate;

/** Which chunks of a volume have lost all their in-sync replicas, and what is left of them. */
public final class LossQueries {
  /** The best first: one without gaps before one with, then the one that goes furthest. */
  private static final Comparator<ReplicaLook> BEST_FIRST =
      Comparator.comparing(ReplicaLook::condition)
          .thenComparing(Comparator.comparingLong(ReplicaLook::version).reversed())
          .thenComparingLong(ReplicaLook::nodeId);

  private LossQueries() {}

  /**
   * The chunks, at most as many as one command recovers.
   *
   * @param isUp whether a node can be reached.
   * @param looks what the owner of the volume's present generation saw.
   */
  public static Reply losses(
      MetadataState state, String name, LongPredicate isUp, List<ReplicaLook> looks) {
    VolumeRecord volume = state.volume(name);
    if (volume == null) {
      return new Reply.Refused(ErrorCode.NOT_FOUND, "there is no volume " + name);
    }
    List<LostChunk> found = new ArrayList<>();
    state.visitChunks(
        volume.volumeId(),
        chunk -> {
          LostChunk lost = lost(state, chunk, isUp, looks);
          if (lost != null) {
            found.add(lost);
          }
          return found.size() < ChunkDecisions.BATCH_MAX;
        });
    return new Reply.Losses(volume, found);
  }

  /** Null for a chunk that has, or may have, an in-sync replica to go on from. */
  private static LostChunk lost(
      MetadataState state, ChunkRecord chunk, LongPredicate isUp, List<ReplicaLook> looks) {
    if (!hasNobody(chunk, isUp) && looks.isEmpty()) {
      return null;
    }
    List<ReplicaLook> seen = new ArrayList<>();
    for (ReplicaLook look : looks) {
      if (look.layer() == chunk.layer()
          && look.index() == chunk.index()
          && look.epoch() == chunk.epoch()
          && isUp.test(look.nodeId())) {
        seen.add(look);
      }
    }
    seen.sort(BEST_FIRST);
    List<Long> lost = new ArrayList<>();
    List<Long> mayReturn = new ArrayList<>();
    List<Long> unseen = new ArrayList<>();
    for (Replica replica : chunk.replicas()) {
      long node = replica.nodeId();
      ReplicaLook look = seen.stream().filter(one -> one.nodeId() == node).findFirst().orElse(null);
      boolean isInSync = replica.state() == ReplicaState.IN_SYNC;
      if (isUp.test(node)) {
        if (isInSync && (look == null || look.condition() != ReplicaCondition.PARTIAL)) {
          return null;
        }
        if (look == null) {
          unseen.add(node);
        }
      } else if (isInSync) {
        (LossDecisions.isLost(state, node, false) ? lost : mayReturn).add(node);
      }
    }
    return lost.isEmpty() && mayReturn.isEmpty()
        ? null
        : new LostChunk(chunk.layer(), chunk.index(), chunk.epoch(), lost, mayReturn, seen, unseen);
  }

  private static boolean hasNobody(ChunkRecord chunk, LongPredicate isUp) {
    return chunk.replicas().stream()
        .noneMatch(r -> r.state() == ReplicaState.IN_SYNC && isUp.test(r.nodeId()));
  }

  /** Counts while somebody goes through all chunks. */
  static final class Counts {
    private final MetadataState state;
    private final LongPredicate isUp;
    private final List<LossFinding> findings = new ArrayList<>();
    private long lost;
    private long recovered;

    Counts(MetadataState state, LongPredicate isUp) {
      this.state = state;
      this.isUp = isUp;
    }

    void add(ChunkRecord chunk) {
      if (hasNobody(chunk, isUp)
          && chunk.replicas().stream()
              .filter(r -> r.state() == ReplicaState.IN_SYNC)
              .allMatch(r -> LossDecisions.isLost(state, r.nodeId(), false))) {
        lost++;
      }
      if (chunk.loss() != null) {
        recovered++;
        if (findings.size() < ScrubSummary.FINDINGS_MAX) {
          findings.add(new LossFinding(chunk.layer(), chunk.index(), chunk.loss()));
        }
      }
    }

    LossSummary summary() {
      return new LossSummary(lost, recovered, findings);
    }
  }
}
