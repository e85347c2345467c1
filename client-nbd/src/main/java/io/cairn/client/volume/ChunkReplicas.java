package io.cairn.client.volume;

import io.cairn.client.volume.OwnedReplica.Phase;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.release.Release;
import io.cairn.storage.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * The replicas of one chunk, in the order in which the owner came to know them, and the bits by
 * which writes and reads remember them. A bit is a replica's for as long as it is on record; its
 * place in the list is not, as others leave.
 */
final class ChunkReplicas {
  /** Bits of a replica in the masks of writes: one less than an int has. */
  static final int BITS = 31;

  /** How long what no source can read is asked for again. */
  static final long UNREADABLE_NANOS = 10_000_000_000L;

  private final VolumeSession session;
  private final List<OwnedReplica> all = new ArrayList<>();
  private int lastBit;

  ChunkReplicas(VolumeSession session, ChunkRecord record, long nowNanos) {
    this.session = session;
    for (Replica replica : record.replicas()) {
      OwnedNode node = session.nodes.of(record, replica.nodeId(), nowNanos);
      all.add(new OwnedReplica(node, all.size(), replica.state()));
    }
    lastBit = all.size() - 1;
  }

  /** All of them; changes as the record does. */
  List<OwnedReplica> all() {
    return all;
  }

  /** The one on the node, or null. */
  OwnedReplica on(long nodeId) {
    for (OwnedReplica replica : all) {
      if (replica.node.link.nodeId == nodeId) {
        return replica;
      }
    }
    return null;
  }

  /** One that has come to the record. */
  void add(ChunkRecord record, Replica added, long nowNanos) {
    OwnedNode node = session.nodes.of(record, added.nodeId(), nowNanos);
    lastBit = freeBit();
    all.add(new OwnedReplica(node, lastBit, added.state()));
  }

  /** Those that the record no longer has; the caller sees to it that their bits are forgotten. */
  List<OwnedReplica> takeThoseGone(ChunkRecord record) {
    List<OwnedReplica> gone = new ArrayList<>();
    for (OwnedReplica replica : all) {
      long nodeId = replica.node.link.nodeId;
      if (record.replicas().stream().noneMatch(r -> r.nodeId() == nodeId)) {
        gone.add(replica);
      }
    }
    all.removeAll(gone);
    return gone;
  }

  /** As long as possible not one that another replica had: reads remember whom they asked by it. */
  private int freeBit() {
    int bit = lastBit;
    do {
      bit = (bit + 1) % BITS;
    } while (isTaken(bit));
    return bit;
  }

  private boolean isTaken(int bit) {
    for (OwnedReplica replica : all) {
      if (replica.bit == bit) {
        return true;
      }
    }
    return false;
  }

  /** Bits of those whose acknowledgement writes need. */
  int requiredMask() {
    int mask = 0;
    for (int i = 0; i < all.size(); i++) {
      OwnedReplica replica = all.get(i);
      if (replica.required()) {
        mask |= 1 << replica.bit;
      }
    }
    return mask;
  }

  /** Bits of those on which a write must be durable before anybody is told that it is. */
  int settlingMask() {
    int mask = 0;
    for (int i = 0; i < all.size(); i++) {
      OwnedReplica replica = all.get(i);
      if (replica.required() || replica.joining) {
        mask |= 1 << replica.bit;
      }
    }
    return mask;
  }

  /** Bits of those for which writes are kept until they have them durable. */
  int retainedMask() {
    int mask = 0;
    for (int i = 0; i < all.size(); i++) {
      OwnedReplica replica = all.get(i);
      if (replica.required() || replica.takesWrites()) {
        mask |= 1 << replica.bit;
      }
    }
    return mask;
  }

  /** The write is acknowledged: who does not hold it may not be promoted before it does. */
  void noteWhoLacks(WriteOp op) {
    for (int i = 0; i < all.size(); i++) {
      OwnedReplica replica = all.get(i);
      if ((op.ackedMask & 1 << replica.bit) == 0) {
        replica.holdsAll = false;
      }
    }
  }

  /**
   * Whom the replica may catch up from, or null. After a source that failed it is another's turn:
   * one with a rotten block gives all but that, and the next one goes on from there.
   */
  OwnedReplica sourceFor(OwnedReplica joiner) {
    return sourceInTurn(joiner, replica -> replica.phase == Phase.LIVE);
  }

  /**
   * One to catch up from that is as far as the longest one: that, or another one's turn after a
   * source that failed.
   */
  OwnedReplica sourceLike(OwnedReplica longest, OwnedReplica joiner) {
    OwnedReplica source =
        sourceInTurn(
            joiner,
            replica ->
                replica.position == longest.position
                    && replica.openState == Reply.STATE_COMPLETE
                    && holdsEverything(replica));
    return source == null ? longest : source;
  }

  private OwnedReplica sourceInTurn(OwnedReplica joiner, Predicate<OwnedReplica> serves) {
    List<OwnedReplica> sources = new ArrayList<>();
    for (OwnedReplica replica : all) {
      if (replica != joiner && replica.inSync() && replica.node.ready && serves.test(replica)) {
        sources.add(replica);
      }
    }
    return sources.isEmpty() ? null : sources.get(joiner.sourcesFailed % sources.size());
  }

  /** Whether the node of a replica on record as in sync can be asked. */
  boolean isAnyInSyncReady() {
    for (OwnedReplica replica : all) {
      if (replica.inSync() && replica.node.ready) {
        return true;
      }
    }
    return false;
  }

  /** Whether every in-sync replica that can be reached gave the joiner all that it can read. */
  boolean haveAllFailed(OwnedReplica joiner) {
    for (OwnedReplica replica : all) {
      if (replica != joiner
          && replica.inSync()
          && replica.node.ready
          && (joiner.unreadableAt & 1 << replica.bit) == 0) {
        return false;
      }
    }
    return joiner.unreadableAt != 0;
  }

  /**
   * Whether blocks that no source can read may be unreadable on the joiner as well. All in-sync
   * replicas were asked, or are gone for good, or lack something themselves and cannot get it
   * either: whoever may come back may have what is missing. And not at once: an error of a device
   * may pass.
   */
  boolean mayLeaveUnreadable(OwnedReplica joiner, long nowNanos) {
    if (joiner.unreadableAt == 0
        || nowNanos - joiner.unreadableSinceNanos < UNREADABLE_NANOS
        || session.ownership.level() < Release.LEVEL_OF_LOSSES) {
      return false;
    }
    for (OwnedReplica replica : all) {
      boolean asked = (joiner.unreadableAt & 1 << replica.bit) != 0;
      boolean gone = !replica.node.ready && session.nodes.isForced(replica.node.link.nodeId);
      if (replica != joiner && replica.inSync() && !asked && !gone && replica.unreadableAt == 0) {
        return false;
      }
    }
    return true;
  }

  /** The in-sync one that can be reached with the highest position, of those that hold all. */
  OwnedReplica longest() {
    OwnedReplica longest = null;
    for (OwnedReplica replica : all) {
      if (replica.inSync()
          && replica.node.ready
          && holdsEverything(replica)
          && (longest == null || replica.position > longest.position)) {
        longest = replica;
      }
    }
    return longest;
  }

  /** Whether the replica is known to hold all that it may, if it is in sync. */
  boolean holdsEverything(OwnedReplica replica) {
    return switch (replica.phase) {
      case LIVE -> true;
      case OPENED ->
          replica.openState == Reply.STATE_COMPLETE
              || replica.openState == Reply.STATE_ABSENT && absentMeansEmpty();
      case OFF, OPENING, CATCHING -> false;
    };
  }

  /**
   * Whether the replica can be reached, and said on the present connection that it does not hold
   * everything. It says so until somebody brings it up.
   */
  boolean isKnownToBeShort(OwnedReplica replica) {
    return replica.node.ready
        && replica.seen
        && switch (replica.openState) {
          case Reply.STATE_SYNCING, Reply.STATE_LOST -> true;
          case Reply.STATE_ABSENT -> !absentMeansEmpty();
          default -> false;
        };
  }

  /**
   * A chunk that was never created on a replica is an empty one, unless another replica is in the
   * middle of a catch-up to more than nothing: then there is data somewhere, and an absent replica
   * must not stand for it.
   */
  private boolean absentMeansEmpty() {
    for (OwnedReplica replica : all) {
      boolean syncing =
          replica.phase == Phase.CATCHING
              || replica.phase == Phase.OPENED
                  && replica.openState == Reply.STATE_SYNCING
                  && replica.position != 0;
      if (replica.inSync() && syncing) {
        return false;
      }
    }
    return true;
  }

  /** Whether one that is out of sync is being brought up. */
  boolean isCatchingUp() {
    for (OwnedReplica replica : all) {
      if (!replica.inSync() && replica.phase != Phase.OFF) {
        return true;
      }
    }
    return false;
  }

  /** Each of them, for people. */
  void describe(StringBuilder text) {
    for (OwnedReplica replica : all) {
      text.append("; node ").append(replica.node.link.nodeId).append(' ');
      text.append(replica.recorded).append(' ').append(replica.phase);
      text.append(replica.promoting ? " promoting" : "");
      text.append(replica.node.ready ? "" : " unreachable");
      text.append(replica.problem == null ? "" : " refused with " + replica.problem);
    }
  }
}
