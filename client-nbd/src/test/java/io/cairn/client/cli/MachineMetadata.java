package io.cairn.client.cli;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.MetadataQueries;
import io.cairn.metadata.machine.MetadataState;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.placement.Candidate;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The real metadata machine without a group around it: answers at once, on the caller's thread. */
final class MachineMetadata implements MetadataClient {
  static final long CLUSTER_ID = 0xca1;
  private static final long FREE_BYTES = 10L << 30;

  final Set<Long> down = new TreeSet<>();
  boolean silent;

  /** So many of the next queries are not answered. */
  int silentQueries;

  /** What the gateway says its volumes wait for. */
  List<Query.VolumeWait> waits = List.of();

  /** iSCSI sessions of gateway-1. */
  List<Query.TargetSession> sessions = List.of();

  /** Sessions that somebody wants ended. */
  final List<Query.EndSession> ended = new ArrayList<>();

  /** What the servers said of their releases; null from a leader that does not know of them. */
  Reply.Releases releases;

  /** What each node says it lacks; null when nothing. */
  String trouble;

  /** What each node says of its devices. */
  List<Query.NodeDevice> devices = List.of();

  /** Replicas of each shard of each node. */
  List<Long> shardReplicas = List.of();

  /** What is left on a node whose cache is flushed; null when it has not begun. */
  Long flushLeftBytes;

  final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  /** Applies a command and insists that it is not refused. */
  Reply apply(Command command) {
    Reply reply = answer(command);
    if (reply instanceof Reply.Refused refused) {
      throw new AssertionError(refused.message());
    }
    return reply;
  }

  /** A cluster with nodes storage-1 to storage-N. */
  MachineMetadata withNodes(int count) {
    apply(new Command.InitCluster(CLUSTER_ID));
    for (int i = 1; i <= count; i++) {
      apply(
          new Command.RegisterNode(
              CLUSTER_ID,
              i,
              i,
              "storage-" + i,
              "10.0.0." + i,
              7200,
              "z" + i,
              "",
              "h" + i,
              FREE_BYTES,
              1,
              1));
    }
    return this;
  }

  private Reply answer(Command command) {
    List<Candidate> candidates = new ArrayList<>();
    for (NodeRecord node : machine.state().nodes()) {
      if (isUp(node.nodeId())) {
        candidates.add(
            new Candidate(node.nodeId(), node.zone(), node.rack(), node.hostLabel(), FREE_BYTES));
      }
    }
    return machine.apply(1, ++number, command, candidates);
  }

  private boolean isUp(long nodeId) {
    return !down.contains(nodeId);
  }

  @Override
  public CompletionStage<Reply> submit(Submission submission) {
    return silent ? noAnswer() : CompletableFuture.completedStage(answer(submission.command()));
  }

  @Override
  public CompletionStage<Reply> query(Query query) {
    return silent || silentQueries-- > 0
        ? noAnswer()
        : CompletableFuture.completedStage(answer(query));
  }

  private Reply answer(Query query) {
    MetadataState state = machine.state();
    return switch (query) {
      case Query.GetCluster q -> cluster(state);
      case Query.GetVolume q -> MetadataQueries.volume(state, q.name(), this::isUp, List.of());
      case Query.GetTarget q -> MetadataQueries.target(state, q.name());
      case Query.GetTargets _ -> MetadataQueries.targets(state);
      case Query.GetPortals q ->
          new Reply.Portals(
              q.volume() == null ? null : state.volume(q.volume()),
              false,
              state.portals().stream()
                  .map(one -> new Reply.PortalStatus(one, one.gateway().equals("gateway-1")))
                  .toList());
      case Query.GetSessions q ->
          new Reply.Sessions(List.of(new Reply.GatewaySessions("gateway-1", sessions)));
      case Query.EndSession q -> {
        ended.add(q);
        yield q.number() == 7
            ? new Reply.Ok()
            : new Reply.Refused(
                Reply.ErrorCode.NOT_FOUND, "there is no session " + q.gateway() + "/" + q.number());
      }
      case Query.GetEvents q -> MetadataQueries.events(state, q);
      case Query.GetReleases q -> releases == null ? tooOld() : releases;
      default -> throw new AssertionError("no verb asks " + query);
    };
  }

  private static Reply tooOld() {
    return new Reply.Refused(Reply.ErrorCode.INVALID, "not a Query: GetReleases");
  }

  private Reply cluster(MetadataState state) {
    return new Reply.Cluster(
        state.clusterId(),
        state.nodes().stream().map(this::status).toList(),
        state.volumes().stream()
            .map(v -> MetadataQueries.counted(state, v, this::isUp, List.of()))
            .toList(),
        List.of(
            new Reply.GatewayStatus(
                "gateway-1", -1, "10.0.1.1:10809", true, waits, List.of(), List.of())),
        List.of(
            new Reply.MetadataStatus("a", "10.0.2.1:7101", false),
            new Reply.MetadataStatus("b", "10.0.2.2:7101", true)),
        Reply.Rebalance.OFF);
  }

  private Reply.NodeStatus status(NodeRecord node) {
    boolean up = isUp(node.nodeId());
    return new Reply.NodeStatus(
        node,
        up,
        1 << 30,
        FREE_BYTES,
        64 << 20,
        256 << 20,
        0,
        up ? 400 : -1,
        trouble,
        flushLeftBytes,
        devices,
        shardReplicas);
  }

  private static CompletionStage<Reply> noAnswer() {
    return CompletableFuture.failedStage(new IOException("nobody\nanswered"));
  }

  @Override
  public void close() {}
}
