package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
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

/** Which chunks of a volume no in-sync replica holds any more, and what is left of them. */
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
   * @param reach what can be reached.
   * @param looks what the owner of the volume's present generation saw.
   */
  public static Reply losses(
      MetadataState state, String name, Reach reach, List<ReplicaLook> looks) {
    VolumeRecord volume = state.volume(name);
    if (volume == null) {
      return new Reply.Refused(ErrorCode.NOT_FOUND, "there is no volume " + name);
    }
    List<LostChunk> found = new ArrayList<>();
    state.visitChunks(
        volume.volumeId(),
        chunk -> {
          LostChunk lost = lost(state, chunk, reach, looks);
          if (lost != null) {
            found.add(lost);
          }
          return found.size() < ChunkDecisions.BATCH_MAX;
        });
    return new Reply.Losses(volume, found);
  }

  /** Null for a chunk that has, or may have, an in-sync replica to go on from. */
  private static LostChunk lost(
      MetadataState state, ChunkRecord chunk, Reach reach, List<ReplicaLook> looks) {
    if (!hasNobody(state, chunk, reach) && looks.isEmpty()) {
      return null;
    }
    List<ReplicaLook> seen = new ArrayList<>();
    for (ReplicaLook look : looks) {
      if (look.layer() == chunk.layer()
          && look.index() == chunk.index()
          && look.epoch() == chunk.epoch()
          && reach.serves(state, chunk, look.nodeId())) {
        seen.add(look);
      }
    }
    if (seen.isEmpty() && !hasNobody(state, chunk, reach)) {
      return null;
    }
    seen.sort(BEST_FIRST);
    List<Long> lost = new ArrayList<>();
    List<Long> mayReturn = new ArrayList<>();
    List<Long> unseen = new ArrayList<>();
    List<Long> shortOnes = new ArrayList<>();
    List<Long> out = new ArrayList<>();
    for (Replica replica : chunk.replicas()) {
      long node = replica.nodeId();
      ReplicaLook look = seen.stream().filter(one -> one.nodeId() == node).findFirst().orElse(null);
      boolean isInSync = replica.state() == ReplicaState.IN_SYNC;
      if (reach.serves(state, chunk, node)) {
        // Owners tell of an in-sync replica that is empty only where that means that it lost all.
        if (isInSync && (look == null || look.condition() == ReplicaCondition.COMPLETE)) {
          return null;
        }
        if (isInSync) {
          shortOnes.add(node);
        }
        if (look == null) {
          unseen.add(node);
        }
      } else if (isInSync && reach.isUp(node)) {
        out.add(node);
        (reach.isOnFailedDevice(state, chunk, node) ? shortOnes : mayReturn).add(node);
      } else if (isInSync) {
        (LossDecisions.isLost(state, node, false) ? lost : mayReturn).add(node);
      }
    }
    return lost.isEmpty() && mayReturn.isEmpty() && shortOnes.isEmpty()
        ? null
        : new LostChunk(
            chunk.layer(),
            chunk.index(),
            chunk.epoch(),
            lost,
            mayReturn,
            seen,
            unseen,
            shortOnes,
            out);
  }

  /**
   * Which in-sync replica a command sets aside as short that is not seen so, in one line; null when
   * there is none.
   */
  public static String whoIsNotShort(
      MetadataState state, Command.RecoverVolume command, Reach reach, List<ReplicaLook> looks) {
    VolumeRecord volume = state.volume(command.name());
    for (Command.RecoverVolume.Choice choice : command.choices()) {
      ChunkRecord chunk =
          volume == null || choice.shortNodes() == null
              ? null
              : state.chunk(volume.volumeId(), choice.layer(), choice.index());
      if (chunk != null) {
        LostChunk found = lost(state, chunk, reach, looks);
        for (long node : choice.shortNodes()) {
          if (found == null || !found.shortNodes().contains(node)) {
            return "no gateway says now that the replica of chunk "
                + choice.index()
                + " on node "
                + node
                + " does not hold everything: look again";
          }
        }
      }
    }
    return null;
  }

  private static boolean hasNobody(MetadataState state, ChunkRecord chunk, Reach reach) {
    return chunk.replicas().stream()
        .noneMatch(
            r -> r.state() == ReplicaState.IN_SYNC && reach.serves(state, chunk, r.nodeId()));
  }

  /** Counts while somebody goes through all chunks. */
  static final class Counts {
    private final MetadataState state;
    private final Reach reach;
    private final List<ReplicaLook> looks;
    private final List<LossFinding> findings = new ArrayList<>();
    private long lost;
    private long recovered;

    Counts(MetadataState state, Reach reach, List<ReplicaLook> looks) {
      this.state = state;
      this.reach = reach;
      this.looks = looks;
    }

    /** Whether the chunk is lost, with what replicas hold that are left. */
    boolean add(ChunkRecord chunk) {
      LostChunk found = LossQueries.lost(state, chunk, reach, looks);
      boolean isLost = found != null && found.mayReturnNodes().isEmpty();
      lost += isLost ? 1 : 0;
      if (chunk.loss() != null) {
        recovered++;
        if (findings.size() < ScrubSummary.FINDINGS_MAX) {
          findings.add(new LossFinding(chunk.layer(), chunk.index(), chunk.loss()));
        }
      }
      return isLost;
    }

    LossSummary summary() {
      return new LossSummary(lost, recovered, findings);
    }
  }
}
