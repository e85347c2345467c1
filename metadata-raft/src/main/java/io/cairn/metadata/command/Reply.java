package io.cairn.metadata.command;

import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.model.ChunkLoss;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.PortalRecord;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.model.VolumeTier;
import java.util.List;

/** An answer of the metadata. */
public sealed interface Reply {
  /** Done, with nothing to tell. */
  record Ok() implements Reply {}

  /** What happened to the cluster, by number. */
  record Events(List<ClusterEvent> events) implements Reply {
    /** Keeps the list immutable. */
    public Events {
      events = List.copyOf(events);
    }
  }

  /** Refused; nothing was changed. */
  record Refused(ErrorCode code, String message) implements Reply {}

  /** The cluster's identity. */
  record ClusterIdentity(long clusterId) implements Reply {}

  /** The node's id, and the cluster's. */
  record NodeRegistered(long nodeId, long clusterId) implements Reply {}

  /**
   * A volume that was created, resized or looked up, with its health, what scrubs found and what
   * was lost.
   */
  record Volume(VolumeRecord volume, VolumeHealth health, ScrubSummary scrubs, LossSummary losses)
      implements Reply {
    /** One of which nothing was counted. */
    public Volume(VolumeRecord volume, VolumeHealth health) {
      this(volume, health, null, null);
    }
  }

  /**
   * The chunks of a volume whose in-sync replicas are all out of reach, or hold too little to go on
   * from.
   */
  record Losses(VolumeRecord volume, List<LostChunk> chunks) implements Reply {
    /** Keeps the list immutable. */
    public Losses {
      chunks = List.copyOf(chunks);
    }
  }

  /**
   * One of them.
   *
   * @param lostNodes of in-sync replicas, down and removed by force: they count as gone for good.
   * @param mayReturnNodes of in-sync replicas, down, but nobody said that they are gone.
   * @param living what replicas hold that can be reached, the best first.
   * @param unseenNodes of replicas that could be reached and that no owner has looked at yet.
   * @param shortNodes of in-sync replicas that can be reached and do not hold everything: their
   *     device was replaced, or failed so long ago that it counts as gone, or they were in the
   *     middle of a catch-up. Null from an older server.
   * @param outNodes those of the former two whose node lives, and whose device is out of service.
   *     Null from an older server.
   */
  record LostChunk(
      int layer,
      int index,
      long epoch,
      List<Long> lostNodes,
      List<Long> mayReturnNodes,
      List<ReplicaLook> living,
      List<Long> unseenNodes,
      List<Long> shortNodes,
      List<Long> outNodes) {
    /** Keeps the lists immutable. */
    public LostChunk {
      outNodes = outNodes == null ? List.of() : List.copyOf(outNodes);
      shortNodes = shortNodes == null ? List.of() : List.copyOf(shortNodes);
      lostNodes = List.copyOf(lostNodes);
      mayReturnNodes = List.copyOf(mayReturnNodes);
      living = List.copyOf(living);
      unseenNodes = List.copyOf(unseenNodes);
    }

    /** Whether an operator may give up what is lost: nobody may come back, all others were seen. */
    public boolean mayBeGivenUp() {
      return mayReturnNodes.isEmpty() && unseenNodes.isEmpty();
    }

    /** To go on from the best replica, or from an empty one where none lives. */
    public Command.RecoverVolume.Choice bestChoice() {
      boolean none = living.isEmpty();
      return new Command.RecoverVolume.Choice(
          layer,
          index,
          epoch,
          none ? 0 : living.getFirst().nodeId(),
          none ? ReplicaCondition.EMPTY : living.getFirst().condition(),
          none ? 0 : living.getFirst().version(),
          shortNodes);
    }
  }

  /**
   * A volume as the logical unit of a target.
   *
   * @param access which initiators may open it.
   */
  record Target(
      long clusterId, VolumeRecord volume, ReservationRecord reservations, AccessRecord access)
      implements Reply {
    /** A server that knows of no lists of initiators has none. */
    public Target {
      access = access == null ? AccessRecord.none(volume.volumeId()) : access;
    }
  }

  /** All volumes as logical units of targets, by name. */
  record Targets(List<Target> targets) implements Reply {
    /** Keeps the list immutable. */
    public Targets {
      targets = List.copyOf(targets);
    }
  }

  /** How many chunks each volume has had. */
  record ChunkCounts(List<ChunkCount> volumes) implements Reply {
    /** Keeps the list immutable. */
    public ChunkCounts {
      volumes = List.copyOf(volumes);
    }
  }

  /** Of the chunks that were asked about, those that the node may give back. */
  record Strays(List<Query.HeldChunk> chunks) implements Reply {
    /** Keeps the list immutable. */
    public Strays {
      chunks = List.copyOf(chunks);
    }
  }

  /** How many chunks a volume has had: as many as it has, and more where some began anew. */
  record ChunkCount(long volumeId, long chunks) {}

  /** Which initiators may open a volume. */
  record Access(AccessRecord access) implements Reply {}

  /** The number of a gateway's portal. */
  record PortalRegistered(int number) implements Reply {}

  /**
   * Where iSCSI is served.
   *
   * @param volume that was asked for; null when none was.
   * @param ownerGone whether its owner has been silent for so long that another gateway may take
   *     it; false while the leader has not listened for as long.
   * @param portals by number.
   */
  record Portals(VolumeRecord volume, boolean ownerGone, List<PortalStatus> portals)
      implements Reply {
    /** Keeps the list immutable. */
    public Portals {
      portals = List.copyOf(portals);
    }
  }

  /** A portal, and whether its gateway lives. */
  record PortalStatus(PortalRecord portal, boolean up) {}

  /** Numbers of the sessions that the gateway is to end. */
  record SessionsToEnd(List<Integer> numbers) implements Reply {
    /** Keeps the list immutable. */
    public SessionsToEnd {
      numbers = List.copyOf(numbers);
    }
  }

  /** iSCSI sessions by gateway. */
  record Sessions(List<GatewaySessions> gateways) implements Reply {
    /** Keeps the list immutable. */
    public Sessions {
      gateways = List.copyOf(gateways);
    }
  }

  /** The iSCSI sessions of one gateway. */
  record GatewaySessions(String gateway, List<Query.TargetSession> sessions) {
    /** Keeps the list immutable. */
    public GatewaySessions {
      sessions = List.copyOf(sessions);
    }
  }

  /**
   * The ownership was taken.
   *
   * @param previousReleased true when the last owner released the volume, or there was none: no
   *     stale owner can be reading.
   * @param level of the cluster; null below 3, as what is stored of answers was without it.
   */
  record VolumeAcquired(
      VolumeRecord volume, boolean previousReleased, long clusterId, Integer level)
      implements Reply {}

  /** Chunks, in the order that was asked for; nodes that appear in them. */
  record Chunks(List<ChunkRecord> chunks, List<NodeRecord> nodes) implements Reply {
    /** Keeps the lists immutable. */
    public Chunks {
      chunks = List.copyOf(chunks);
      nodes = List.copyOf(nodes);
    }
  }

  /** One outcome per change, in order. */
  record ReplicasUpdated(List<Outcome> outcomes) implements Reply {
    /** Keeps the list immutable. */
    public ReplicasUpdated {
      outcomes = List.copyOf(outcomes);
    }

    /** The chunk as it is now, and whether the change was made (code null) or why not. */
    public record Outcome(ChunkRecord chunk, ErrorCode code) {}
  }

  /**
   * One outcome per placing, in order; the nodes that appear in them; and the volume, of which the
   * owner may not know how many replicas it keeps by now.
   */
  record ReplicasPlaced(
      List<ReplicasUpdated.Outcome> outcomes, List<NodeRecord> nodes, VolumeRecord volume)
      implements Reply {
    /** Keeps the lists immutable. */
    public ReplicasPlaced {
      outcomes = List.copyOf(outcomes);
      nodes = List.copyOf(nodes);
    }
  }

  /** The whole cluster. */
  record Cluster(
      long clusterId,
      List<NodeStatus> nodes,
      List<Volume> volumes,
      List<GatewayStatus> gateways,
      List<MetadataStatus> metadata,
      Rebalance rebalance)
      implements Reply {
    /** Keeps the lists immutable; a server of an older release moves nothing. */
    public Cluster {
      nodes = List.copyOf(nodes);
      volumes = List.copyOf(volumes);
      gateways = List.copyOf(gateways);
      metadata = List.copyOf(metadata);
      rebalance = rebalance == null ? Rebalance.OFF : rebalance;
    }
  }

  /**
   * How evenly the nodes are filled.
   *
   * @param enabled whether replicas are moved by themselves.
   * @param moving whether moves have begun and nodes are not even yet.
   * @param moves replicas on their way now.
   * @param unevenPercent the largest distance of a node from its share, in hundredths of the share.
   */
  record Rebalance(boolean enabled, boolean moving, long moves, long unevenPercent) {
    /** Nothing moves. */
    public static final Rebalance OFF = new Rebalance(false, false, 0, 0);
  }

  /**
   * Answer to a heartbeat: volumes to trash, and the directory of nodes.
   *
   * @param offers volumes that the gateway may take for maintenance.
   * @param away nodes that were silent for so long that their replicas are to be placed anew.
   * @param reshaped volumes of the gateway that have chunks with more or fewer replicas than the
   *     volume keeps, or that are to be scrubbed: the owner may not know that this was changed.
   * @param moves replicas that owners of these volumes are to move: a wish, of which the next
   *     answer has another.
   * @param tiers what a node's fast devices are to do for the volumes that it named; null when it
   *     named none, and from a server of an older release: it goes on as it does.
   * @param replicas to a storage node: how many replicas it has on record, so that it knows when it
   *     has files of more; null to others, and while a node is down that has any: what somebody may
   *     miss yet is not given back.
   * @param awayShards to a gateway: shards of nodes that live, out of service for so long that
   *     their replicas are to be placed anew.
   */
  record HeartbeatAck(
      List<Long> deletedVolumes,
      List<NodeRecord> nodes,
      List<MaintenanceOffer> offers,
      List<Long> away,
      List<VolumeRecord> reshaped,
      List<WantedMove> moves,
      List<NamedTier> tiers,
      Long replicas,
      List<NodeShard> awayShards)
      implements Reply {
    /** Keeps the lists immutable; a server of an older release offers none. */
    public HeartbeatAck {
      deletedVolumes = List.copyOf(deletedVolumes);
      nodes = List.copyOf(nodes);
      offers = offers == null ? List.of() : List.copyOf(offers);
      away = away == null ? List.of() : List.copyOf(away);
      reshaped = reshaped == null ? List.of() : List.copyOf(reshaped);
      moves = moves == null ? List.of() : List.copyOf(moves);
      tiers = tiers == null ? null : List.copyOf(tiers);
      awayShards = awayShards == null ? List.of() : List.copyOf(awayShards);
    }

    /** To a storage node. */
    public HeartbeatAck(
        List<Long> deletedVolumes, List<NodeRecord> nodes, List<NamedTier> tiers, Long replicas) {
      this(
          deletedVolumes,
          nodes,
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          tiers,
          replicas,
          List.of());
    }

    /** To a gateway. */
    public HeartbeatAck(
        List<Long> deletedVolumes,
        List<NodeRecord> nodes,
        List<MaintenanceOffer> offers,
        List<Long> away,
        List<VolumeRecord> reshaped,
        List<WantedMove> moves,
        List<NodeShard> awayShards) {
      this(deletedVolumes, nodes, offers, away, reshaped, moves, null, null, awayShards);
    }
  }

  /** What a node's fast devices are to do for a volume. */
  record NamedTier(long volumeId, String volume, VolumeTier tier) {}

  /** One shard of a node. */
  record NodeShard(long nodeId, int shard) {}

  /** One replica that is to be moved. */
  record WantedMove(String volume, int layer, int index, long fromNodeId, long toNodeId) {}

  /**
   * A volume that nobody has attached, as of a generation: it lacks something, or a scrub of it was
   * asked for.
   *
   * @param scrubDue whether it lacks nothing, and is offered as the time of its scrub has come.
   */
  record MaintenanceOffer(String volume, long generation, boolean scrubDue) {
    /** One that is not offered for the sake of the time. */
    public MaintenanceOffer(String volume, long generation) {
      this(volume, generation, false);
    }
  }

  /**
   * A node with what its heartbeats said.
   *
   * @param trouble what an operator must see to, or null.
   * @param flushLeftBytes what is left of the flush of its journals that was asked for; null until
   *     the node has begun it, and when none was.
   * @param devices as the node sees them.
   * @param shardReplicas replicas on record of each of its shards, by number.
   */
  record NodeStatus(
      NodeRecord node,
      boolean up,
      long usedBytes,
      long freeBytes,
      long journalUsedBytes,
      long journalSizeBytes,
      long replicaCount,
      long lastSeenAgoMillis,
      String trouble,
      Long flushLeftBytes,
      List<Query.NodeDevice> devices,
      List<Long> shardReplicas) {
    /** Keeps the lists immutable; a server of an older release knows of no devices. */
    public NodeStatus {
      devices = devices == null ? List.of() : List.copyOf(devices);
      shardReplicas = shardReplicas == null ? List.of() : List.copyOf(shardReplicas);
    }

    /**
     * Replicas on record of the device's shards: with none it may be taken out. Null where the node
     * or the metadata is of a release that does not say.
     */
    public Long replicasOn(Query.NodeDevice device) {
      if (device.shards().isEmpty() || shardReplicas.isEmpty()) {
        return null;
      }
      return device.shards().stream().mapToLong(shardReplicas::get).sum();
    }
  }

  /** A gateway with what its heartbeats said. */
  record GatewayStatus(
      String gateway,
      long instance,
      String address,
      boolean up,
      List<Query.VolumeWait> waits,
      List<Query.VolumeMend> mends,
      List<Query.VolumeActivity> activities) {
    /** Keeps the lists immutable; a server of an older release sends none. */
    public GatewayStatus {
      waits = waits == null ? List.of() : List.copyOf(waits);
      mends = mends == null ? List.of() : List.copyOf(mends);
      activities = activities == null ? List.of() : List.copyOf(activities);
    }
  }

  /** A member of the metadata group. */
  record MetadataStatus(String id, String address, boolean leader) {}

  /** Chunks of a volume by state. */
  record VolumeHealth(long chunks, long inSync, long degraded, long syncing, long unavailable) {}

  /**
   * Who runs what.
   *
   * @param level what the servers may use; raised when all of them are new.
   * @param servers the metadata servers, the nodes on record, and the gateways that are up.
   */
  record Releases(int level, List<ServerRelease> servers) implements Reply {
    /** Keeps the list immutable. */
    public Releases {
      servers = List.copyOf(servers);
    }
  }

  /**
   * A server's release.
   *
   * @param release null, and level 0, when it was not heard of lately.
   * @param httpAddress where operators reach its pages, HOST:PORT; null when it did not say.
   */
  record ServerRelease(String role, String name, String release, int level, String httpAddress) {}

  /**
   * What scrubs of a volume's chunks came to.
   *
   * @param lightOldestMillis when the chunk was compared that waits longest for it; 0 when one
   *     never was.
   * @param deepOldestMillis the same of its data.
   * @param waiting chunks that have not served the last request.
   * @param mendedBlocks copies of blocks that were mended so far.
   * @param badBlocks blocks without a good copy.
   * @param findings chunks that have, or had, something bad; at most {@link #FINDINGS_MAX}.
   */
  record ScrubSummary(
      long lightOldestMillis,
      long deepOldestMillis,
      long waiting,
      long mendedBlocks,
      long badBlocks,
      List<ScrubFinding> findings) {
    /** Chunks that are named. */
    public static final int FINDINGS_MAX = 64;

    /** Keeps the list immutable. */
    public ScrubSummary {
      findings = findings == null ? List.of() : List.copyOf(findings);
    }
  }

  /** One chunk's. */
  record ScrubFinding(int layer, int index, ChunkScrub scrub) {}

  /**
   * What of a volume is lost, or was.
   *
   * @param lostChunks chunks whose in-sync replicas are on nodes that are down and were removed by
   *     force, or were seen not to hold everything: nothing but {@code volume recover} makes them
   *     usable again.
   * @param recoveredChunks chunks of which an operator gave something up.
   * @param findings these; at most {@link ScrubSummary#FINDINGS_MAX}.
   */
  record LossSummary(long lostChunks, long recoveredChunks, List<LossFinding> findings) {
    /** Keeps the list immutable. */
    public LossSummary {
      findings = findings == null ? List.of() : List.copyOf(findings);
    }
  }

  /** One chunk's. */
  record LossFinding(int layer, int index, ChunkLoss loss) {}

  /** Why a command was refused. */
  enum ErrorCode {
    /** The cluster of the caller is another one. */
    WRONG_CLUSTER,
    /** No such volume, node or chunk. */
    NOT_FOUND,
    /** The name is taken. */
    EXISTS,
    /** A value is out of bounds; the message names value and bound. */
    INVALID,
    /** The generation is not the volume's: the caller was fenced. */
    STALE_GENERATION,
    /** The epoch is not the chunk's; the outcome has the current record. */
    STALE_EPOCH,
    /** The version is not that of the record: somebody else changed it. */
    STALE_VERSION,
    /** The in-sync set would fall below minInSync. */
    BELOW_MIN_IN_SYNC,
    /** Enough nodes are up, but too few of them have room. */
    NO_PLACEMENT,
    /** Fewer nodes are up than must hold a copy. */
    NODES_DOWN,
    /** The volume has an owner, the node has replicas. */
    IN_USE,
    /** As much as may be mended at one time is being mended. */
    BUSY,
    /** Another life of the same store is registered and newer. */
    STALE_INCARNATION
  }
}
