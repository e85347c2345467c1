package io.cairn.metadata.command;

import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.release.Release;

/** A linearizable read of the metadata, or a message to the leader's soft state. */
public sealed interface Query {
  /** The cluster: nodes with their soft state, volumes, health counts. */
  record GetCluster() implements Query {}

  /** One volume by name, with its health. */
  record GetVolume(String name) implements Query {}

  /**
   * The chunks of a volume whose in-sync replicas are all out of reach, and what the others hold;
   * answered by {@link Reply.Losses}.
   */
  record GetLosses(String name) implements Query {}

  /** One volume by name as the logical unit of a target. */
  record GetTarget(String name) implements Query {}

  /** All volumes as logical units of targets. */
  record GetTargets() implements Query {}

  /**
   * Where iSCSI is served, and whether the owner of a volume lives, as the leader knows from
   * heartbeats; not linearizable.
   *
   * @param volume its name; null to ask for the portals only.
   */
  record GetPortals(String volume) implements Query {}

  /**
   * The iSCSI sessions of a gateway, told again and again; answered by {@link Reply.SessionsToEnd}.
   */
  record ReportSessions(String gateway, java.util.List<TargetSession> sessions) implements Query {
    /** Keeps the list immutable. */
    public ReportSessions {
      sessions = java.util.List.copyOf(sessions);
    }
  }

  /** All iSCSI sessions that gateways have told of lately. */
  record GetSessions() implements Query {}

  /** Has a gateway end one of its iSCSI sessions, as soon as it tells of them again. */
  record EndSession(String gateway, int number) implements Query {}

  /**
   * One iSCSI session.
   *
   * @param number of the session in its gateway, 1 to 65535.
   * @param peer address of the initiator, HOST:PORT.
   * @param portal that it reached, HOST:PORT.
   * @param active whether the unit's medium is used through this gateway.
   * @param beganMillis the gateway's clock at its login.
   * @param reads commands that read blocks and ended well.
   */
  record TargetSession(
      int number,
      String volume,
      String initiator,
      String peer,
      String portal,
      boolean active,
      long beganMillis,
      long reads,
      long readBytes,
      long writes,
      long writtenBytes) {}

  /**
   * What happened to the cluster, the oldest first; answered by {@link Reply.Events}.
   *
   * @param afterNumber only what is younger than the event of that number; 0 for all that is kept.
   * @param limit most events in the answer, from 1.
   */
  record GetEvents(long afterNumber, int limit) implements Query {}

  /** How many chunks each volume has had. */
  record GetChunkCounts() implements Query {}

  /** A page of a volume's allocated chunks, in the order (layer, index). */
  record GetChunks(long volumeId, int layer, int fromIndex, int limit) implements Query {}

  /**
   * Which of these chunks, of which the node has files, are not its own any more; answered by
   * {@link Reply.Strays}, linearizably: what a later entry of the log placed there is not looked
   * at, but nothing that an earlier one did is missed.
   *
   * @param clusterId of the cluster that gave the node its id.
   * @param chunks at most {@link #HELD_MAX}.
   */
  record GetStrays(long clusterId, long nodeId, java.util.List<HeldChunk> chunks) implements Query {
    /** Most chunks in one question. */
    public static final int HELD_MAX = 1024;

    /** Keeps the list immutable. */
    public GetStrays {
      chunks = java.util.List.copyOf(chunks);
    }
  }

  /** A chunk of which a node has a file. */
  record HeldChunk(long volumeId, int layer, int index) {}

  /** Whether the generation is still the volume's; answered after a quorum confirmed the leader. */
  record ConfirmGeneration(long volumeId, long generation) implements Query {}

  /**
   * A node's sign of life with its soft state.
   *
   * @param knownVolumes volumes of which the node holds chunks, so that the reply can name the
   *     deleted ones.
   * @param trouble what an operator must see to on that node, in one line; null when there is
   *     nothing.
   * @param flushLeftBytes of what its journals held when it was told to destage them, those that
   *     are not destaged yet; null when it was not told, or is of an older release.
   * @param flushRequest to which of them that belongs; 0 from an older release.
   * @param devices those that it is to have.
   * @param shardsOut numbers of the shards that are out of service because of a device; a node of
   *     an older release does not say.
   * @param refills what its shards have by now that began anew on empty devices; a node of an older
   *     release does not say.
   * @param unfinished some of its chunks whose catch-up is under way, or was never ended: the next
   *     ones each time; a node of an older release does not say.
   * @param servingFreeBytes room for new chunks on the devices of the shards that are in service,
   *     whatever has become of the others; null from an older release. {@code freeBytes} is 0 as
   *     long as one is out, for metadata servers that do not look which.
   */
  record NodeHeartbeat(
      long nodeId,
      long incarnation,
      long usedBytes,
      long freeBytes,
      long journalUsedBytes,
      long journalSizeBytes,
      long chunkCount,
      java.util.List<Long> knownVolumes,
      String trouble,
      Long flushLeftBytes,
      long flushRequest,
      java.util.List<NodeDevice> devices,
      java.util.List<Integer> shardsOut,
      java.util.List<Refill> refills,
      java.util.List<Unfinished> unfinished,
      Long servingFreeBytes)
      implements Query {
    /** Keeps the lists immutable; a node of an older release tells of no devices. */
    public NodeHeartbeat {
      knownVolumes = java.util.List.copyOf(knownVolumes);
      devices = devices == null ? java.util.List.of() : java.util.List.copyOf(devices);
      shardsOut = shardsOut == null ? java.util.List.of() : java.util.List.copyOf(shardsOut);
      refills = refills == null ? java.util.List.of() : java.util.List.copyOf(refills);
      unfinished = unfinished == null ? java.util.List.of() : java.util.List.copyOf(unfinished);
    }

    /**
     * Room for new chunks, as a cluster of that level counts it.
     *
     * @param level of the cluster.
     */
    public long freeBytes(int level) {
      return servingFreeBytes != null && level >= Release.LEVEL_OF_SERVING_SHARDS
          ? servingFreeBytes
          : freeBytes;
    }
  }

  /**
   * What a shard has of a volume of which it may have lost chunks with a device.
   *
   * @param shard its number.
   * @param chunks that it has as a whole by now.
   */
  record Refill(int shard, long volumeId, long chunks) {}

  /** A chunk of which a node has less than a whole replica. */
  record Unfinished(long volumeId, int layer, int index) {}

  /**
   * A device of a node.
   *
   * @param tier "cache" or "capacity".
   * @param directory on it: by this people know it.
   * @param state "good", "stalled" while it does not return from a call, "failed" once a write or a
   *     sync failed, "erring" when only reads did, or "missing" since the node started.
   * @param reason in one line; null when it is good.
   * @param shards numbers of those that are on it; a node of an older release does not say.
   * @param usedBytes of its space, taken or set aside.
   * @param sizeBytes space that chunks may take, or that its file system has; 0 when the device is
   *     not asked as it may not answer, and from a node of an older release.
   */
  record NodeDevice(
      String tier,
      String directory,
      String state,
      String reason,
      java.util.List<Integer> shards,
      long usedBytes,
      long sizeBytes) {
    /** Keeps the list immutable. */
    public NodeDevice {
      shards = shards == null ? java.util.List.of() : java.util.List.copyOf(shards);
    }

    /** One of which nothing is known of its space. */
    public NodeDevice(
        String tier,
        String directory,
        String state,
        String reason,
        java.util.List<Integer> shards) {
      this(tier, directory, state, reason, shards, 0, 0);
    }
  }

  /**
   * Which release a server is of; see the room release.
   *
   * @param role such as "storage".
   * @param name by which the cluster knows the server in that role.
   * @param httpAddress where operators reach its pages, HOST:PORT; null from an older release.
   */
  record Announce(String role, String name, String release, int level, String httpAddress)
      implements Query {}

  /** Asks for the cluster's level, and for every server's release; see {@link Reply.Releases}. */
  record GetReleases() implements Query {}

  /**
   * A gateway's sign of life.
   *
   * @param waits its volumes with requests that wait for longer than a client expects.
   * @param mends its volumes that have chunks out of sync, and those under maintenance.
   * @param maintains whether the gateway takes volumes that nobody has attached.
   * @param activities what its volumes' clients have done so far.
   * @param looks what it saw of chunks whose in-sync replicas seem to be gone.
   * @param scrubWanted of the volumes that nobody has attached; null from one of an older release,
   *     and from one that scrubs only on request.
   */
  record GatewayHeartbeat(
      String gateway,
      long instance,
      String address,
      java.util.List<VolumeWait> waits,
      java.util.List<VolumeMend> mends,
      boolean maintains,
      java.util.List<VolumeActivity> activities,
      java.util.List<VolumeLooks> looks,
      ScrubWanted scrubWanted)
      implements Query {
    /** Keeps the lists immutable; a gateway of an older release sends none. */
    public GatewayHeartbeat {
      waits = waits == null ? java.util.List.of() : java.util.List.copyOf(waits);
      mends = mends == null ? java.util.List.of() : java.util.List.copyOf(mends);
      activities = activities == null ? java.util.List.of() : java.util.List.copyOf(activities);
      looks = looks == null ? java.util.List.of() : java.util.List.copyOf(looks);
    }

    /** One that mends nothing. */
    public GatewayHeartbeat(
        String gateway, long instance, String address, java.util.List<VolumeWait> waits) {
      this(gateway, instance, address, waits, java.util.List.of(), false, java.util.List.of());
    }

    /** One that has lost nothing. */
    public GatewayHeartbeat(
        String gateway,
        long instance,
        String address,
        java.util.List<VolumeWait> waits,
        java.util.List<VolumeMend> mends,
        boolean maintains,
        java.util.List<VolumeActivity> activities) {
      this(
          gateway,
          instance,
          address,
          waits,
          mends,
          maintains,
          activities,
          java.util.List.of(),
          null);
    }
  }

  /**
   * Which volumes at rest a gateway takes for due to be scrubbed. The times are by its own clock,
   * as all are that owners record: the metadata needs none.
   *
   * @param lightBeforeMillis chunks whose checksums were compared last before it are due; 0 for
   *     none.
   * @param deepBeforeMillis chunks whose data was read last before it are due; 0 for none.
   * @param restMillis for how long nobody must have had the volume.
   * @param notAfterMillis a time behind it was written by a clock that was wrong: the chunk is due;
   *     0 for none.
   */
  record ScrubWanted(
      long lightBeforeMillis, long deepBeforeMillis, long restMillis, long notAfterMillis) {}

  /**
   * What the owner of a volume saw of chunks whose in-sync replicas seem to be gone.
   *
   * @param generation of the session that looked.
   */
  record VolumeLooks(String volume, long generation, java.util.List<ReplicaLook> replicas) {
    /** Replicas that one heartbeat names: each is some 100 bytes. */
    public static final int REPLICAS_MAX = 4096;

    /** Keeps the list immutable. */
    public VolumeLooks {
      replicas = java.util.List.copyOf(replicas);
    }
  }

  /**
   * A volume that is being mended.
   *
   * @param maintenance whether by a maintenance session; else by the session that serves it.
   * @param chunksLeft chunks that have a replica out of sync.
   * @param copiedBytes since the mending began.
   * @param bytesPerSecond of late.
   * @param secondsLeft as it goes now; -1 when that is not known yet.
   */
  record VolumeMend(
      String volume,
      boolean maintenance,
      long chunksLeft,
      long copiedBytes,
      long bytesPerSecond,
      long secondsLeft) {}

  /**
   * What clients did with a volume since the gateway's process began.
   *
   * @param atMillis the gateway's clock when it looked.
   * @param requests that ended, of every kind.
   * @param tookMicros the sum of their times.
   * @param took how many of them took how long, by the buckets of {@code LatencyHistogram}; empty
   *     from a gateway of an older release.
   */
  record VolumeActivity(
      String volume,
      long atMillis,
      long reads,
      long readBytes,
      long writes,
      long writtenBytes,
      long requests,
      long tookMicros,
      java.util.List<Long> took) {
    /** Keeps the list immutable. */
    public VolumeActivity {
      took = took == null ? java.util.List.of() : java.util.List.copyOf(took);
    }
  }

  /**
   * A volume whose requests wait.
   *
   * @param seconds how long the oldest has waited.
   * @param reason for what, in one line.
   */
  record VolumeWait(String volume, long seconds, String reason) {}
}
