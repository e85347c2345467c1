package io.cairn.metadata.ratis;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Announcer;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What heartbeats told the leader. Not in the log: a new leader knows nothing at first, and takes a
 * node for up only once it has heard of it. Thread-safe.
 */
final class SoftState {
  /** A node or gateway that was silent for longer is down: three heartbeats of two seconds. */
  static final long UP_NANOS = 6_000_000_000L;

  /** A new leader has heard whoever lives by then, also those who look for it at first. */
  private static final long LISTENING_NANOS = UP_NANOS + 4_000_000_000L;

  private static final SortedMap<Integer, Long> NONE_OUT = new TreeMap<>();

  /** Gateways remembered; beyond, the longest silent one is forgotten. */
  static final int GATEWAYS_MAX = 4096;

  /** What a server said of its release counts for three announcements. */
  private static final long RELEASE_NANOS = 3 * Announcer.PERIOD_MILLIS * 1_000_000;

  private record Heard<T>(T heartbeat, long nanos) {}

  /** An owner's session that was not heard of for longer is gone if its gateway began anew. */
  static final long GONE_NANOS = 30_000_000_000L;

  private final Map<Long, Heard<Query.NodeHeartbeat>> nodes = new TreeMap<>();
  private final Map<String, Heard<Query.GatewayHeartbeat>> gateways = new TreeMap<>();

  /** When each node registered last. */
  private final Map<Long, Long> registrations = new TreeMap<>();

  private final Map<String, Heard<Query.Announce>> releases = new TreeMap<>();

  /** When each life of a gateway was heard last; those long silent are forgotten. */
  private final Map<Long, Long> instances = new TreeMap<>();

  /** Before that this server heard nobody. */
  private long leadingSinceNanos;

  /** Since when nodes say of their shards that they are out of service, by node and shard. */
  private final Map<Long, SortedMap<Integer, Long>> shardsOut = new TreeMap<>();

  /** What shards have that began anew, by node and volume. */
  private final Map<Long, Map<Long, List<Query.Refill>>> refills = new TreeMap<>();

  /** This server has become the leader: what it heard as one before says nothing of now. */
  synchronized void leads(long nowNanos) {
    leadingSinceNanos = nowNanos;
    shardsOut.clear();
  }

  synchronized void heard(Query.NodeHeartbeat heartbeat, long nowNanos) {
    nodes.put(heartbeat.nodeId(), new Heard<>(heartbeat, nowNanos));
    SortedMap<Integer, Long> out =
        shardsOut.computeIfAbsent(heartbeat.nodeId(), node -> new TreeMap<>());
    out.keySet().retainAll(heartbeat.shardsOut());
    heartbeat.shardsOut().forEach(shard -> out.putIfAbsent(shard, nowNanos));
    refills.put(
        heartbeat.nodeId(),
        heartbeat.refills().stream().collect(Collectors.groupingBy(Query.Refill::volumeId)));
  }

  /** The node began to run: it will be heard soon. */
  synchronized void registered(long nodeId, long nowNanos) {
    registrations.put(nodeId, nowNanos);
  }

  /** Whether the node has begun to run so lately that it need not have been heard yet. */
  synchronized boolean isNew(long nodeId, long nowNanos) {
    Long registeredNanos = registrations.get(nodeId);
    return registeredNanos != null && nowNanos - registeredNanos < UP_NANOS;
  }

  /** Whether whoever lives was heard since this server leads. */
  synchronized boolean hasListened(long nowNanos) {
    return nowNanos - leadingSinceNanos > LISTENING_NANOS;
  }

  /** What the node's shards have of the volume that began anew, as it said last. */
  synchronized List<Query.Refill> refills(long nodeId, long volumeId) {
    return refills.getOrDefault(nodeId, Map.of()).getOrDefault(volumeId, List.of());
  }

  /** Chunks of the volume that the node has less than a whole replica of, as it said last. */
  synchronized List<Query.Unfinished> unfinished(long nodeId, long volumeId) {
    Heard<Query.NodeHeartbeat> heard = nodes.get(nodeId);
    return heard == null
        ? List.of()
        : heard.heartbeat().unfinished().stream()
            .filter(one -> one.volumeId() == volumeId)
            .toList();
  }

  /**
   * Space on those capacity devices of the node that have a shard in service, as it said last; -1
   * when it says nothing of devices, as of an older release.
   */
  synchronized long servingCapacityBytes(long nodeId) {
    Heard<Query.NodeHeartbeat> heard = nodes.get(nodeId);
    if (heard == null || heard.heartbeat().devices().isEmpty()) {
      return -1;
    }
    List<Integer> out = heard.heartbeat().shardsOut();
    return heard.heartbeat().devices().stream()
        .filter(device -> device.tier().equals("capacity"))
        .filter(device -> !out.containsAll(device.shards()))
        .mapToLong(Query.NodeDevice::sizeBytes)
        .sum();
  }

  /** The node's shards that are out of service, as it said last. */
  synchronized List<Integer> shardsOut(long nodeId) {
    return List.copyOf(shardsOut.getOrDefault(nodeId, NONE_OUT).keySet());
  }

  /** Those that have been so for longer than that since this server leads. */
  synchronized List<Integer> shardsAway(long nodeId, long graceNanos, long nowNanos) {
    return shardsOut.getOrDefault(nodeId, NONE_OUT).entrySet().stream()
        .filter(out -> nowNanos - out.getValue() > graceNanos)
        .map(Map.Entry::getKey)
        .toList();
  }

  synchronized void heard(Query.GatewayHeartbeat heartbeat, long nowNanos) {
    gateways.put(heartbeat.gateway(), new Heard<>(heartbeat, nowNanos));
    instances.put(heartbeat.instance(), nowNanos);
    instances.values().removeIf(heardNanos -> nowNanos - heardNanos > GONE_NANOS);
    if (gateways.size() > GATEWAYS_MAX) {
      String longestSilent = heartbeat.gateway();
      long silentNanos = -1;
      for (Map.Entry<String, Heard<Query.GatewayHeartbeat>> entry : gateways.entrySet()) {
        if (nowNanos - entry.getValue().nanos() > silentNanos) {
          silentNanos = nowNanos - entry.getValue().nanos();
          longestSilent = entry.getKey();
        }
      }
      gateways.remove(longestSilent);
    }
  }

  synchronized void heard(Query.Announce announcement, long nowNanos) {
    releases.values().removeIf(heard -> nowNanos - heard.nanos() > RELEASE_NANOS);
    if (releases.size() < GATEWAYS_MAX) {
      releases.put(
          announcement.role() + "/" + announcement.name(), new Heard<>(announcement, nowNanos));
    }
  }

  /** The server's release, if it said so lately. */
  synchronized Reply.ServerRelease release(String role, String name, long nowNanos) {
    Heard<Query.Announce> heard = releases.get(role + "/" + name);
    return heard == null || nowNanos - heard.nanos() > RELEASE_NANOS
        ? new Reply.ServerRelease(role, name, null, 0, null)
        : new Reply.ServerRelease(
            role,
            name,
            heard.heartbeat().release(),
            Release.of(heard.heartbeat().level()),
            heard.heartbeat().httpAddress());
  }

  synchronized boolean isUp(long nodeId, long nowNanos) {
    Heard<Query.NodeHeartbeat> heard = nodes.get(nodeId);
    return heard != null && nowNanos - heard.nanos() < UP_NANOS;
  }

  /** What the owner of the volume's present generation saw of its chunks; null for no volume. */
  synchronized List<ReplicaLook> looks(VolumeRecord volume, long nowNanos) {
    List<ReplicaLook> looks = new ArrayList<>();
    if (volume == null) {
      return looks;
    }
    for (Heard<Query.GatewayHeartbeat> heard : gateways.values()) {
      if (nowNanos - heard.nanos() < UP_NANOS) {
        heard.heartbeat().looks().stream()
            .filter(one -> one.volume().equals(volume.name()))
            .filter(one -> one.generation() == volume.generation())
            .forEach(one -> looks.addAll(one.replicas()));
      }
    }
    return looks;
  }

  /** Names of the gateways that may take volumes for maintenance. */
  synchronized SortedSet<String> maintainers(long nowNanos) {
    SortedSet<String> names = new TreeSet<>();
    for (Heard<Query.GatewayHeartbeat> heard : gateways.values()) {
      if (heard.heartbeat().maintains() && nowNanos - heard.nanos() < UP_NANOS) {
        names.add(heard.heartbeat().gateway());
      }
    }
    return names;
  }

  /**
   * Whether the session that owns a volume has ended without a word: its gateway's process has
   * another life by now, or, for one that only mends, is silent or does not know of it. A gateway
   * that is only silent may be serving clients: it is left alone.
   */
  synchronized boolean isGone(VolumeRecord volume, long nowNanos) {
    VolumeRecord.Owner owner = volume.owner();
    Heard<Query.GatewayHeartbeat> heard = gateways.get(owner.gateway());
    boolean alive = heard != null && nowNanos - heard.nanos() < UP_NANOS;
    if (alive && heard.heartbeat().instance() == owner.instance()) {
      return owner.maintenance()
          && heard.heartbeat().mends().stream()
              .noneMatch(mend -> mend.maintenance() && mend.volume().equals(volume.name()));
    }
    long silentNanos =
        nowNanos
            - Math.max(
                leadingSinceNanos, instances.getOrDefault(owner.instance(), leadingSinceNanos));
    return owner.maintenance() ? silentNanos > UP_NANOS : alive && silentNanos > GONE_NANOS;
  }

  /** Whether a gateway of that name lives. */
  synchronized boolean isGatewayUp(String name, long nowNanos) {
    Heard<Query.GatewayHeartbeat> heard = gateways.get(name);
    return heard != null && nowNanos - heard.nanos() < UP_NANOS;
  }

  /** Whether the process that owns a volume was silent while this server listened, for long. */
  synchronized boolean isSilent(VolumeRecord.Owner owner, long nowNanos) {
    long heardNanos = instances.getOrDefault(owner.instance(), leadingSinceNanos);
    return nowNanos - Math.max(leadingSinceNanos, heardNanos) > UP_NANOS;
  }

  /** Whether the node has been silent for so long since this server leads. */
  synchronized boolean isAway(long nodeId, long graceNanos, long nowNanos) {
    Heard<Query.NodeHeartbeat> heard = nodes.get(nodeId);
    long sinceNanos =
        heard == null ? leadingSinceNanos : Math.max(leadingSinceNanos, heard.nanos());
    return nowNanos - sinceNanos > graceNanos;
  }

  /**
   * The nodes that are up.
   *
   * @param level of the cluster: what a node that lacks shards has room for depends on it.
   */
  synchronized List<Candidate> candidates(List<NodeRecord> records, int level, long nowNanos) {
    List<Candidate> candidates = new ArrayList<>();
    for (NodeRecord node : records) {
      if (isUp(node.nodeId(), nowNanos)) {
        candidates.add(
            new Candidate(
                node.nodeId(),
                node.zone(),
                node.rack(),
                node.hostLabel(),
                nodes.get(node.nodeId()).heartbeat().freeBytes(level),
                shardsOut(node.nodeId())));
      }
    }
    return candidates;
  }

  /**
   * The node, with what it said.
   *
   * @param shardReplicas replicas on record of its shards, by number.
   * @param level of the cluster.
   */
  synchronized Reply.NodeStatus status(
      NodeRecord node, List<Long> shardReplicas, int level, long nowNanos) {
    Heard<Query.NodeHeartbeat> heard = nodes.get(node.nodeId());
    long replicaCount = shardReplicas.stream().mapToLong(Long::longValue).sum();
    if (heard == null) {
      return new Reply.NodeStatus(
          node, false, 0, 0, 0, 0, replicaCount, -1, null, null, List.of(), shardReplicas);
    }
    Query.NodeHeartbeat said = heard.heartbeat();
    return new Reply.NodeStatus(
        node,
        isUp(node.nodeId(), nowNanos),
        said.usedBytes(),
        said.freeBytes(level),
        said.journalUsedBytes(),
        said.journalSizeBytes(),
        replicaCount,
        (nowNanos - heard.nanos()) / 1_000_000,
        said.trouble(),
        isOfLastFlush(node, said) ? said.flushLeftBytes() : null,
        said.devices(),
        shardReplicas);
  }

  /** A node that has not heard of the last request yet tells how far an older one has come. */
  private static boolean isOfLastFlush(NodeRecord node, Query.NodeHeartbeat said) {
    return said.flushRequest() == node.flushRequest() || said.flushRequest() == 0;
  }

  synchronized List<Reply.GatewayStatus> gateways(long nowNanos) {
    List<Reply.GatewayStatus> status = new ArrayList<>();
    for (Heard<Query.GatewayHeartbeat> heard : gateways.values()) {
      Query.GatewayHeartbeat said = heard.heartbeat();
      status.add(
          new Reply.GatewayStatus(
              said.gateway(),
              said.instance(),
              said.address(),
              nowNanos - heard.nanos() < UP_NANOS,
              said.waits(),
              said.mends(),
              said.activities()));
    }
    return status;
  }
}
