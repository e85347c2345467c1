package io.cairn.client.cli;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ClusterEvent;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Calls to the metadata that wait for the answer and turn every refusal into one line. */
final class ClusterCalls implements AutoCloseable {
  /** The client keeps its own deadline; this one only ends a wait that the client forgot. */
  private static final Duration GRACE = Duration.ofSeconds(5);

  private final MetadataClient client;
  private final Duration deadline;

  ClusterCalls(MetadataClient client, Duration deadline) {
    this.client = client;
    this.deadline = deadline;
  }

  /** The whole cluster as the leader sees it. */
  Reply.Cluster cluster() {
    return expect(Reply.Cluster.class, query(new Query.GetCluster()));
  }

  /** A node by its id, or null. */
  Reply.NodeStatus node(long nodeId) {
    return cluster().nodes().stream()
        .filter(status -> status.node().nodeId() == nodeId)
        .findFirst()
        .orElse(null);
  }

  /** Who runs which release, or null from a leader that is too old to know. */
  Reply.Releases releases() {
    return query(new Query.GetReleases()) instanceof Reply.Releases releases ? releases : null;
  }

  /** Up to limit events that are younger than the one of a number. */
  List<ClusterEvent> events(long afterNumber, int limit) {
    return expect(Reply.Events.class, query(new Query.GetEvents(afterNumber, limit))).events();
  }

  /** One volume with its health. */
  Reply.Volume volume(String name) {
    return expect(Reply.Volume.class, query(new Query.GetVolume(name)));
  }

  /** The chunks of a volume that have lost their in-sync replicas. */
  Reply.Losses losses(String volume) {
    return expect(Reply.Losses.class, query(new Query.GetLosses(volume)));
  }

  /** Where iSCSI is served, and of a volume, unless null, by whom it is owned. */
  Reply.Portals portals(String volume) {
    return expect(Reply.Portals.class, query(new Query.GetPortals(volume)));
  }

  /** One volume as a target. */
  Reply.Target target(String volume) {
    return expect(Reply.Target.class, query(new Query.GetTarget(volume)));
  }

  /** All volumes as targets. */
  List<Reply.Target> targets() {
    return expect(Reply.Targets.class, query(new Query.GetTargets())).targets();
  }

  /** Changes which initiators may open a volume. */
  void changeAccess(Command command) {
    expect(Reply.Access.class, submit(command));
  }

  /** All iSCSI sessions by gateway. */
  List<Reply.GatewaySessions> sessions() {
    return expect(Reply.Sessions.class, query(new Query.GetSessions())).gateways();
  }

  /** Has a gateway end one of its iSCSI sessions. */
  void endSession(String gateway, int number) {
    expect(Reply.Ok.class, query(new Query.EndSession(gateway, number)));
  }

  /** The same; false when there is no such session any more. */
  boolean endSessionIfThere(String gateway, int number) {
    Reply reply = query(new Query.EndSession(gateway, number));
    boolean gone =
        reply instanceof Reply.Refused refused && refused.code() == Reply.ErrorCode.NOT_FOUND;
    if (!gone) {
      expect(Reply.Ok.class, reply);
    }
    return !gone;
  }

  /** Runs a command that answers with the volume that it made or changed. */
  Reply.Volume changeVolume(Command command) {
    return expect(Reply.Volume.class, submit(command));
  }

  /** Runs a command that answers with nothing but success. */
  void change(Command command) {
    expect(Reply.Ok.class, submit(command));
  }

  private Reply submit(Command command) {
    return awaited(
        client.submit(command), "whether it was done is not known: look before doing it again");
  }

  private Reply query(Query query) {
    return awaited(client.query(query), "are a majority of the metadata servers up?");
  }

  private Reply awaited(CompletionStage<Reply> answer, String advice) {
    try {
      return answer
          .toCompletableFuture()
          .get(deadline.plus(GRACE).toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new CommandFailure(
          "the metadata group did not answer within " + deadline.toSeconds() + " s; " + advice, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure("interrupted", e);
    }
  }

  private static <T extends Reply> T expect(Class<T> type, Reply reply) {
    if (reply instanceof Reply.Refused refused) {
      throw new CommandFailure(refused.message() + advice(refused));
    }
    if (!type.isInstance(reply)) {
      throw new CommandFailure(
          "the metadata answered with "
              + reply.getClass().getSimpleName()
              + " instead of "
              + type.getSimpleName()
              + ": is this command of the same release as the cluster?");
    }
    return type.cast(reply);
  }

  private static String advice(Reply.Refused refused) {
    return switch (refused.code()) {
      case EXISTS -> "; choose another name";
      case NOT_FOUND ->
          refused.message().contains("volume")
              ? "; 'cairn volume ls' lists them"
              : refused.message().contains("session")
                  ? "; 'cairn iscsi session ls' lists them"
                  : "; 'cairn node ls' lists them";
      default -> "";
    };
  }

  @Override
  public void close() {
    client.close();
  }
}
