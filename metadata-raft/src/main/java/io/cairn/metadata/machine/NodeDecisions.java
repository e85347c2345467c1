package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.util.List;

/** Decides the commands that concern storage nodes. */
final class NodeDecisions {
  private static final int NAME_LENGTH_MAX = 255;

  private final MetadataState state;

  NodeDecisions(MetadataState state) {
    this.state = state;
  }

  Decision register(Command.RegisterNode c) {
    if (state.clusterId() == 0) {
      return Decision.refused(ErrorCode.INVALID, "the cluster has no identity yet");
    }
    if (c.clusterId() != 0 && c.clusterId() != state.clusterId()) {
      return Decision.refused(
          ErrorCode.WRONG_CLUSTER,
          "the store belongs to cluster "
              + Long.toHexString(c.clusterId())
              + ", this is cluster "
              + Long.toHexString(state.clusterId()));
    }
    String problem = problem(c);
    if (problem != null) {
      return Decision.refused(ErrorCode.INVALID, problem);
    }
    long known = state.nodeIdOfStore(c.storeIdHigh(), c.storeIdLow());
    NodeRecord before = known == 0 ? null : state.node(known);
    if (known != 0 && before == null) {
      return Decision.refused(
          ErrorCode.NOT_FOUND,
          "node " + known + " was removed; empty its data directory to join as a new node");
    }
    if (before != null && before.incarnation() > c.incarnation()) {
      return Decision.refused(
          ErrorCode.STALE_INCARNATION,
          "incarnation "
              + c.incarnation()
              + " of node "
              + known
              + " is older than "
              + before.incarnation()
              + ": another process runs on a copy of this store");
    }
    if (before != null && before.shardCount() != c.shardCount()) {
      return Decision.refused(
          ErrorCode.INVALID,
          "shard count " + c.shardCount() + " is not " + before.shardCount() + ", fixed at first");
    }
    long nodeId = known == 0 ? state.nextNodeId() : known;
    NodeRecord node =
        new NodeRecord(
            nodeId,
            c.storeIdHigh(),
            c.storeIdLow(),
            c.name(),
            c.host(),
            c.port(),
            c.zone(),
            c.rack(),
            c.hostLabel(),
            c.capacityBytes(),
            c.shardCount(),
            c.incarnation(),
            before == null ? null : before.departure(),
            before != null && before.flushing(),
            before == null ? 0 : before.flushRequest(),
            before == null ? null : before.cache());
    return new Decision(
        List.of(new Event.NodeStored(node)), new Reply.NodeRegistered(nodeId, state.clusterId()));
  }

  private static String problem(Command.RegisterNode c) {
    if (c.name().isEmpty() || c.name().length() > NAME_LENGTH_MAX) {
      return "a node's name has 1 to " + NAME_LENGTH_MAX + " characters, not " + c.name().length();
    }
    if (c.host().isEmpty() || c.port() < 1 || c.port() > 65535) {
      return "address '" + c.host() + ":" + c.port() + "' is no host and port";
    }
    if (c.shardCount() < 1 || c.shardCount() > Shards.COUNT_MAX) {
      return "shard count " + c.shardCount() + " is outside 1 to " + Shards.COUNT_MAX;
    }
    return null;
  }

  Decision remove(Command.RemoveNode c) {
    if (state.node(c.nodeId()) == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no node " + c.nodeId());
    }
    long replicas = state.counts().replicasOn(c.nodeId());
    if (replicas > 0) {
      return Decision.refused(
          ErrorCode.IN_USE, "node " + c.nodeId() + " still holds " + replicas + " replicas");
    }
    return new Decision(List.of(new Event.NodeRemoved(c.nodeId())), new Reply.Ok());
  }

  /** On record: the node may restart meanwhile, which is what the flush is for. */
  Decision flushCache(Command.FlushCache c) {
    NodeRecord node = state.node(c.nodeId());
    if (node == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no node " + c.nodeId());
    }
    return new Decision(List.of(new Event.NodeStored(node.flushing(c.flushing()))), new Reply.Ok());
  }

  /** What a node can have it knows itself; here only what no node can have is refused. */
  Decision resizeCache(Command.ResizeCache c) {
    NodeRecord node = state.node(c.nodeId());
    if (node == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no node " + c.nodeId());
    }
    if (state.level() < Release.LEVEL_OF_CACHE_SIZES) {
      return Decision.tooEarly(
          "the size of a cache needs", Release.LEVEL_OF_CACHE_SIZES, state.level());
    }
    String problem = c.wish().problem();
    return problem == null
        ? new Decision(List.of(new Event.NodeStored(node.cached(c.wish()))), new Reply.Ok())
        : Decision.refused(ErrorCode.INVALID, problem);
  }

  /** A drain that could never come to its end is refused. */
  Decision drain(Command.DrainNode c) {
    NodeRecord node = state.node(c.nodeId());
    if (node == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no node " + c.nodeId());
    }
    if (c.departure() == Departure.DRAINED) {
      long staying =
          state.nodes().stream()
              .filter(other -> other.departure() == null && other.nodeId() != c.nodeId())
              .count();
      for (VolumeRecord volume : state.volumes()) {
        if (volume.replicas() > staying
            && state.counts().replicas(volume.volumeId(), c.nodeId()) > 0) {
          return Decision.refused(
              ErrorCode.NO_PLACEMENT,
              "volume "
                  + volume.name()
                  + " keeps "
                  + volume.replicas()
                  + " replicas and "
                  + staying
                  + " nodes would stay; add a node, or force it");
        }
      }
    }
    return new Decision(List.of(new Event.NodeStored(node.leaving(c.departure()))), new Reply.Ok());
  }
}
