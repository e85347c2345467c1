package io.cairn.metadata.command;

import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.model.CacheWish;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeTier;
import java.util.List;

/**
 * A request to change the metadata. Each travels with a client id and a number, so that a retry
 * applies once and gets the first answer again.
 */
public sealed interface Command {
  /**
   * Gives the cluster its identity; the first one wins, later ones are answered with it.
   *
   * @param level that the new cluster has, which is made by servers of one release: there is no
   *     older one that it could go back to.
   */
  record InitCluster(long clusterId, int level) implements Command {
    /** One that begins at level 1, as all did once. */
    public InitCluster(long clusterId) {
      this(clusterId, 0);
    }
  }

  /** Announces a node's process; answered by {@link Reply.NodeRegistered}. */
  record RegisterNode(
      long clusterId,
      long storeIdHigh,
      long storeIdLow,
      String name,
      String host,
      int port,
      String zone,
      String rack,
      String hostLabel,
      long capacityBytes,
      int shardCount,
      long incarnation)
      implements Command {}

  /**
   * All servers are of a release with that level: what is new in it may be used from now on, and
   * older servers are refused.
   */
  record RaiseLevel(int level) implements Command {}

  /**
   * How parts of the cluster are, as the leader sees them: what is new becomes events for
   * operators. Absolute values: reporting them again changes nothing. Needs {@link
   * io.cairn.metadata.release.Release#LEVEL_OF_EVENTS}.
   *
   * @param conditions at most {@link #CONDITIONS_MAX}.
   */
  record ReportConditions(List<ClusterCondition> conditions) implements Command {
    /** Most conditions in one command. */
    public static final int CONDITIONS_MAX = 64;

    /** Keeps the list immutable. */
    public ReportConditions {
      conditions = List.copyOf(conditions);
    }
  }

  /** Removes a node that holds no replica on record. */
  record RemoveNode(long nodeId) implements Command {}

  /** Says how a node is to leave; null when it is to stay after all. */
  record DrainNode(long nodeId, Departure departure) implements Command {}

  /**
   * Has a node destage what its journals hold, and at once whatever comes after that, until it is
   * told otherwise.
   */
  record FlushCache(long nodeId, boolean flushing) implements Command {}

  /** Has the cache tier of a node grow or shrink while it is in use, until it is told otherwise. */
  record ResizeCache(long nodeId, CacheWish wish) implements Command {}

  /**
   * Creates a volume; 0 for chunkSizeBytes, replicas and minInSync means the default.
   *
   * @param tier what the nodes' fast devices are to do for it; null for the usual. Anything else
   *     needs {@link io.cairn.metadata.release.Release#LEVEL_OF_TIERS}.
   */
  record CreateVolume(
      String name,
      long sizeBytes,
      int chunkSizeBytes,
      int replicas,
      int minInSync,
      Durability durability,
      VolumeTier tier)
      implements Command {
    /** One that uses the fast devices as usual. */
    public CreateVolume(
        String name,
        long sizeBytes,
        int chunkSizeBytes,
        int replicas,
        int minInSync,
        Durability durability) {
      this(name, sizeBytes, chunkSizeBytes, replicas, minInSync, durability, null);
    }
  }

  /** Grows a volume; shrinking is refused. */
  record ResizeVolume(String name, long sizeBytes) implements Command {}

  /**
   * Changes how many replicas a volume keeps, while it is in use; 0 for what is to stay as it is. A
   * minInSync that was the default of the old number becomes the default of the new one.
   *
   * @param mode null for what is to stay as it is; else it needs {@link
   *     io.cairn.metadata.release.Release#LEVEL_OF_TIERS}.
   * @param pinned the same.
   */
  record SetVolume(String name, int replicas, int minInSync, CacheMode mode, Boolean pinned)
      implements Command {
    /** One that leaves the fast devices out of it. */
    public SetVolume(String name, int replicas, int minInSync) {
      this(name, replicas, minInSync, null, null);
    }
  }

  /**
   * Has all chunks of a volume compared: their checksums and versions, and with {@code deep} their
   * data. Done by the owner, or by a gateway that takes the volume for it.
   */
  record ScrubVolume(String name, boolean deep) implements Command {}

  /**
   * What the owner found in chunks that it scrubbed. Absolute values: reporting them again changes
   * nothing.
   *
   * @param done number of the request that every chunk has served; 0 when none came to its end.
   */
  record ReportScrubs(long volumeId, long generation, List<Finding> findings, long done)
      implements Command {
    /** Keeps the list immutable. */
    public ReportScrubs {
      findings = List.copyOf(findings);
    }

    /** One chunk's. */
    public record Finding(int layer, int index, ChunkScrub scrub) {}
  }

  /**
   * Gives up what only replicas held that are gone for good, and makes another replica of each of
   * these chunks the only one in sync. Refused as a whole while one of the in-sync replicas could
   * come back, unless its node was removed by force, or its owner saw that it is short. Whoever
   * owns the volume is fenced, as chunks may go back: the next owner opens them anew. By
   * compare-and-set on (generation, epoch).
   *
   * @param atMillis the operator's clock, for the record.
   */
  record RecoverVolume(String name, long generation, long atMillis, List<Choice> choices)
      implements Command {
    /** Keeps the list immutable. */
    public RecoverVolume {
      choices = List.copyOf(choices);
    }

    /**
     * One chunk's.
     *
     * @param nodeId whose replica is made current; 0 when none lives: an empty one is placed.
     * @param condition what that replica was seen to hold, for the record.
     * @param version its last version, for the record.
     * @param shortNodes nodes of in-sync replicas that can be reached and were seen not to hold
     *     everything; null for none. Heeded from level 3 on.
     */
    public record Choice(
        int layer,
        int index,
        long expectedEpoch,
        long nodeId,
        ReplicaCondition condition,
        long version,
        List<Long> shortNodes) {
      /** Keeps the list immutable, and what was stored without it as it was. */
      public Choice {
        shortNodes = shortNodes == null || shortNodes.isEmpty() ? null : List.copyOf(shortNodes);
      }

      /** One whose other in-sync replicas are all on nodes that are gone. */
      public Choice(
          int layer,
          int index,
          long expectedEpoch,
          long nodeId,
          ReplicaCondition condition,
          long version) {
        this(layer, index, expectedEpoch, nodeId, condition, version, null);
      }

      /** Whether the node's replica was seen not to hold everything. */
      public boolean saysShort(long node) {
        return shortNodes != null && shortNodes.contains(node);
      }
    }
  }

  /** Deletes a volume; refused while it is owned, unless forced. */
  record DeleteVolume(String name, boolean force) implements Command {}

  /**
   * Takes the ownership: generation + 1, always. Answered by {@link Reply.VolumeAcquired}.
   *
   * @param expectedGeneration the generation that the caller last saw, or -1 to take it whatever it
   *     is.
   */
  record AcquireVolume(
      String name, String gateway, long instance, String address, long expectedGeneration)
      implements Command {}

  /**
   * Takes the ownership of a volume that nobody has attached, in order to mend it: generation + 1,
   * provided that nobody has taken it since it was offered. Answered by {@link
   * Reply.VolumeAcquired}.
   *
   * @param expectedGeneration the generation that was offered.
   */
  record MaintainVolume(
      String name, String gateway, long instance, String address, long expectedGeneration)
      implements Command {}

  /**
   * Replaces a volume's registrations and reservation by compare-and-set on the version, which is
   * one less than that of the new record.
   *
   * @param generation that the volume must have, because the change keeps initiators out that its
   *     owner serves; -1 for a change that keeps nobody out.
   */
  record StoreReservations(long generation, ReservationRecord reservations) implements Command {}

  /** Lets an iSCSI initiator see and open a volume, which from now on has a list of them. */
  record AdmitInitiator(String volume, AccessRecord.Initiator initiator) implements Command {}

  /** Takes an initiator off a volume's list; one that is empty admits nobody. */
  record ExcludeInitiator(String volume, String initiator) implements Command {}

  /** A volume has no list of initiators any more: the settings of the gateways decide. */
  record ForgetAccess(String volume) implements Command {}

  /**
   * Announces where a gateway serves iSCSI; answered by {@link Reply.PortalRegistered}.
   *
   * @param address HOST:PORT, as initiators are to be told.
   */
  record RegisterPortal(String gateway, String address) implements Command {}

  /** Gives the ownership up cleanly: all writes are settled and none will follow. */
  record ReleaseVolume(long volumeId, long generation) implements Command {}

  /** Allocates chunks that are not yet allocated; those that are come back as they are. */
  record AllocateChunks(
      long volumeId, long generation, int layer, List<Integer> indices, String preferredHost)
      implements Command {
    /** Keeps the list immutable. */
    public AllocateChunks {
      indices = List.copyOf(indices);
    }
  }

  /**
   * Changes replica states by compare-and-set on (generation, epoch), each chunk for itself; the
   * reply has one outcome per change, in order.
   */
  record UpdateReplicas(long volumeId, long generation, List<Change> changes) implements Command {
    /** Keeps the list immutable. */
    public UpdateReplicas {
      changes = List.copyOf(changes);
    }

    /** One replica of one chunk, and the state that it is to have. */
    public record Change(
        int layer, int index, long expectedEpoch, long nodeId, ReplicaState state) {}
  }

  /**
   * Gives chunks another replica, or takes one that is out of sync away, by compare-and-set on
   * (generation, epoch), each chunk for itself. The in-sync set does not change. Answered by {@link
   * Reply.ReplicasPlaced}.
   *
   * @param catchingUp chunks of the volume that catch up now: with none a new replica is never
   *     refused for what others do.
   */
  record PlaceReplicas(long volumeId, long generation, int catchingUp, List<Placing> placings)
      implements Command {
    /** Keeps the list immutable. */
    public PlaceReplicas {
      placings = List.copyOf(placings);
    }

    /**
     * One chunk's.
     *
     * @param takenNodeId whose replica is taken away; 0 to place one more, where the metadata
     *     chooses.
     */
    public record Placing(int layer, int index, long expectedEpoch, long takenNodeId) {}
  }

  /**
   * Moves replicas to other nodes, for the sake of even filling or of failure domains, by
   * compare-and-set on (generation, epoch), each chunk for itself: it gets one more replica, out of
   * sync, and the one that is to leave is named on its record. The in-sync set does not change.
   * Answered by {@link Reply.ReplicasPlaced}.
   */
  record MoveReplicas(long volumeId, long generation, List<Move> moves) implements Command {
    /** Keeps the list immutable. */
    public MoveReplicas {
      moves = List.copyOf(moves);
    }

    /** One chunk's. */
    public record Move(int layer, int index, long expectedEpoch, long fromNodeId, long toNodeId) {}
  }
}
