package io.cairn.metadata.ratis;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.MetadataState;
import io.cairn.metadata.machine.ReplicaCounts;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * How the cluster is, as far as only the leader hears of it, beside what is on record: a change is
 * told once, also when another server leads meanwhile. Used under the state machine's lock.
 */
final class Conditions {
  private static final String LEADER = "leader";
  private static final String NODE = "node";
  private static final String DEVICE = "device";
  private static final String GATEWAY = "gateway";
  private static final String REDUNDANCY = "redundancy";
  private static final String REPAIR = "repair";

  private static final String DOWN = "down";
  private static final String AWAY = "away";
  private static final String GOOD_DEVICE = "good";

  private final SoftState soft;
  private final long awayGraceNanos;

  Conditions(SoftState soft, long awayGraceNanos) {
    this.soft = soft;
    this.awayGraceNanos = awayGraceNanos;
  }

  /**
   * What differs from the record, at most as much as one command takes. A server that has begun to
   * lead knows of nobody yet: at first it tells only of itself.
   *
   * @param leader address of this server, which leads.
   * @param term since which it does.
   */
  List<ClusterCondition> changed(MetadataState state, String leader, long term, long nowNanos) {
    if (state.level() < Release.LEVEL_OF_EVENTS || state.clusterId() == 0) {
      return List.of();
    }
    List<ClusterCondition> seen = new ArrayList<>();
    seen.add(
        new ClusterCondition(
            LEADER,
            "metadata",
            leader,
            leader + " " + term,
            "leader-changed",
            leader + " leads the metadata servers, in term " + term + "."));
    List<ClusterCondition> recorded = state.conditions();
    List<ClusterCondition> changed = new ArrayList<>();
    if (soft.hasListened(nowNanos)) {
      state.nodes().forEach(node -> node(state, node, seen, nowNanos));
      soft.gateways(nowNanos).forEach(gateway -> seen.add(gateway(gateway)));
      volumes(state, seen, nowNanos);
      for (ClusterCondition one : recorded) {
        if (seen.stream().noneMatch(one::isOf) && isOfNobody(state, one, nowNanos)) {
          changed.add(one.forgotten());
        }
      }
    }
    Map<String, String> values = new TreeMap<>();
    recorded.forEach(one -> values.put(one.aspect() + "/" + one.subject(), one.value()));
    for (ClusterCondition one : seen) {
      String before = values.get(one.aspect() + "/" + one.subject());
      // A new leader counts the grace anew: what was away before has not come back for that.
      boolean stillAway = AWAY.equals(before) && DOWN.equals(one.value());
      if (!Objects.equals(before, one.value()) && !stillAway) {
        changed.add(one);
      }
    }
    return List.copyOf(
        changed.subList(0, Math.min(changed.size(), Command.ReportConditions.CONDITIONS_MAX)));
  }

  private void node(
      MetadataState state, NodeRecord node, List<ClusterCondition> seen, long nowNanos) {
    String id = Long.toString(node.nodeId());
    String name = node.name();
    if (!soft.isUp(node.nodeId(), nowNanos)) {
      if (soft.isNew(node.nodeId(), nowNanos)) {
        return;
      }
      boolean away = soft.isAway(node.nodeId(), awayGraceNanos, nowNanos);
      long replicas = state.counts().replicasOn(node.nodeId());
      seen.add(
          away
              ? new ClusterCondition(
                  NODE,
                  id,
                  name,
                  AWAY,
                  "node-away",
                  "Node "
                      + name
                      + " has been away for longer than node.away.grace: its "
                      + replicas
                      + " replicas are placed anew on others.")
              : new ClusterCondition(
                  NODE,
                  id,
                  name,
                  DOWN,
                  "node-down",
                  "Node " + name + " is not heard of any more; it has " + replicas + " replicas."));
      return;
    }
    seen.add(
        new ClusterCondition(NODE, id, name, null, "node-up", "Node " + name + " is up again."));
    Reply.NodeStatus status = soft.status(node, List.of(), state.level(), nowNanos);
    for (Query.NodeDevice device : status.devices()) {
      seen.add(device(id, name, device));
    }
  }

  private static ClusterCondition device(String nodeId, String nodeName, Query.NodeDevice device) {
    boolean good = device.state().equals(GOOD_DEVICE);
    String what =
        "The " + device.tier() + " device " + device.directory() + " of node " + nodeName + " is ";
    String why = device.reason() == null ? "." : ": " + device.reason();
    String subject = nodeId + " " + device.tier() + " " + device.directory();
    return new ClusterCondition(
        DEVICE,
        subject.substring(0, Math.min(subject.length(), ClusterCondition.SUBJECT_LENGTH_MAX)),
        nodeName,
        good ? null : device.state(),
        "device-" + device.state(),
        good ? what + "good again, or was replaced." : what + device.state() + why);
  }

  private static ClusterCondition gateway(Reply.GatewayStatus status) {
    String name = status.gateway();
    return new ClusterCondition(
        GATEWAY,
        name,
        name,
        status.up() ? null : DOWN,
        status.up() ? "gateway-up" : "gateway-down",
        "Gateway " + name + (status.up() ? " is heard of again." : " is not heard of any more."));
  }

  private void volumes(MetadataState state, List<ClusterCondition> seen, long nowNanos) {
    Map<String, Reply.GatewayStatus> menders = new TreeMap<>();
    Map<String, Long> left = new TreeMap<>();
    for (Reply.GatewayStatus gateway : soft.gateways(nowNanos)) {
      for (Query.VolumeMend mend : gateway.mends()) {
        if (gateway.up() && mend.chunksLeft() > 0) {
          menders.put(mend.volume(), gateway);
          left.merge(mend.volume(), mend.chunksLeft(), Math::max);
        }
      }
    }
    for (VolumeRecord volume : state.volumes()) {
      String id = Long.toString(volume.volumeId());
      String name = volume.name();
      String missing = missing(state, volume, nowNanos);
      seen.add(
          new ClusterCondition(
              REDUNDANCY,
              id,
              name,
              missing == null ? null : "reduced",
              missing == null ? "in-sync" : "out-of-sync",
              missing == null
                  ? "All replicas of volume " + name + " are in sync again."
                  : "Volume " + name + " has " + missing + "."));
      // Replicas that are moved while nothing is missing come and go all the time.
      boolean mended = missing != null && menders.containsKey(name);
      seen.add(
          new ClusterCondition(
              REPAIR,
              id,
              name,
              mended ? "under-way" : null,
              mended ? "repair-begun" : "repair-ended",
              mended
                  ? "Gateway "
                      + menders.get(name).gateway()
                      + " repairs volume "
                      + name
                      + ": "
                      + left.get(name)
                      + " chunks are left."
                  : "The repair of volume " + name + " has ended."));
    }
  }

  /** What the volume lacks, for people; null when it has all of its replicas. */
  private String missing(MetadataState state, VolumeRecord volume, long nowNanos) {
    ReplicaCounts counts = state.counts();
    long id = volume.volumeId();
    long outOfSync = counts.outOfSync(id);
    long outOfReach = 0;
    for (NodeRecord node : state.nodes()) {
      outOfReach +=
          soft.isUp(node.nodeId(), nowNanos)
              ? counts.inSync(id, node.nodeId(), soft.shardsOut(node.nodeId()))
              : counts.inSync(id, node.nodeId());
    }
    if (outOfSync == 0 && outOfReach == 0) {
      return counts.isShort(id) ? "chunks with fewer replicas than it keeps" : null;
    }
    return outOfSync
        + " replicas out of sync and "
        + outOfReach
        + " on nodes or devices that are out of service";
  }

  /** Whether it is about what is no more. */
  private boolean isOfNobody(MetadataState state, ClusterCondition recorded, long nowNanos) {
    return switch (recorded.aspect()) {
      case NODE -> state.node(Long.parseLong(recorded.subject())) == null;
      case DEVICE -> {
        String id = recorded.subject().substring(0, recorded.subject().indexOf(' '));
        // A node that is down says nothing of its devices; one that is up named them all.
        yield state.node(Long.parseLong(id)) == null || soft.isUp(Long.parseLong(id), nowNanos);
      }
      case REDUNDANCY, REPAIR -> state.volume(Long.parseLong(recorded.subject())) == null;
      default -> false;
    };
  }
}
