package io.cairn.metadata.ratis;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.release.Release;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.ratis.client.RaftClient;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.exceptions.StateMachineException;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.TimeDuration;

/** {@link MetadataClient} over Ratis. */
public final class RatisMetadataClient implements MetadataClient {
  private static final long RETRY_MILLIS = 100;

  private final GroupConnection connection;
  private final long clientId;

  /** Commands that wait for their turn; also the lock of the two below. */
  private final Queue<Pending> waiting = new ArrayDeque<>();

  private final SortedSet<Long> underWay = new TreeSet<>();
  private long number;

  /** Somebody is in the loop that sends; whoever comes meanwhile is served by it. */
  private boolean sending;

  private final Duration deadline;
  private final Executor later =
      CompletableFuture.delayedExecutor(RETRY_MILLIS, TimeUnit.MILLISECONDS);

  private RatisMetadataClient(GroupConnection connection, long clientId, Duration deadline) {
    this.connection = connection;
    this.clientId = clientId;
    this.deadline = deadline;
  }

  /**
   * A client; connects when it is first used.
   *
   * @param clientId random and never used before: it names the client's commands for retries.
   * @param addresses host:port of all servers of the group.
   * @param deadline how long a call may look for a leader.
   */
  public static RatisMetadataClient connect(
      long clientId, List<String> addresses, Duration deadline) {
    GroupConnection connection =
        new GroupConnection(addresses, TimeDuration.valueOf(RETRY_MILLIS, TimeUnit.MILLISECONDS));
    return new RatisMetadataClient(connection, clientId, deadline);
  }

  @Override
  public CompletionStage<Reply> submit(Submission submission) {
    Pending pending =
        new Pending(submission, System.nanoTime() + deadline.toNanos(), new CompletableFuture<>());
    synchronized (waiting) {
      waiting.add(pending);
    }
    sendWaiting();
    return pending.reply();
  }

  /** A command that waits for its turn. */
  private record Pending(
      Submission submission, long deadlineNanos, CompletableFuture<Reply> reply) {}

  /** Sends what may go: the group remembers answers only within a window of numbers. */
  private void sendWaiting() {
    synchronized (waiting) {
      if (sending) {
        return;
      }
      sending = true;
    }
    while (true) {
      Pending pending;
      long given;
      synchronized (waiting) {
        if (waiting.isEmpty()
            || (!underWay.isEmpty()
                && number + 1 - underWay.first() >= MetadataMachine.COMMANDS_UNDER_WAY_MAX)) {
          sending = false;
          return;
        }
        pending = waiting.remove();
        given = pending.submission().sent(number + 1);
        number = Math.max(number, given);
        underWay.add(given);
      }
      Message entry =
          message(
              new Entry(
                  clientId, given, Release.level(), pending.submission().command(), List.of()));
      answered(client -> client.async().send(entry), pending.deadlineNanos())
          .whenComplete(
              (reply, failure) -> {
                synchronized (waiting) {
                  underWay.remove(given);
                }
                if (failure == null) {
                  pending.reply().complete(reply);
                } else {
                  pending.reply().completeExceptionally(causeOf(failure));
                }
                sendWaiting();
              });
    }
  }

  private static Throwable causeOf(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }

  @Override
  public CompletionStage<Reply> query(Query query) {
    Message asked = message(query);
    Function<RaftClient, CompletableFuture<RaftClientReply>> request =
        switch (query) {
          // Signs of life, and questions whose answers tell of them, go to whoever leads: only the
          // leader hears them, while any server answers a linearizable read, and a round to the
          // other servers would prove nothing about them.
          case Query.NodeHeartbeat _,
              Query.GatewayHeartbeat _,
              Query.Announce _,
              Query.GetReleases _,
              Query.GetCluster _,
              Query.GetPortals _,
              Query.ReportSessions _,
              Query.GetSessions _,
              Query.EndSession _,
              Query.GetLosses _,
              Query.GetVolume _ ->
              client -> client.async().sendReadOnlyNonLinearizable(asked);
          case Query.GetChunks _,
              Query.GetChunkCounts _,
              Query.GetEvents _,
              Query.GetStrays _,
              Query.ConfirmGeneration _,
              Query.GetTarget _,
              Query.GetTargets _ ->
              client -> client.async().sendReadOnly(asked);
        };
    return answered(request, System.nanoTime() + deadline.toNanos());
  }

  /**
   * Asks until there is an answer or no time left. A command goes out with the same number each
   * time, so it applies once; whether one that failed was applied is not known.
   */
  private CompletionStage<Reply> answered(
      Function<RaftClient, CompletableFuture<RaftClientReply>> request, long deadlineNanos) {
    RaftClient client;
    try {
      client = connection.current();
    } catch (IOException e) {
      return CompletableFuture.failedStage(e);
    }
    CompletableFuture<RaftClientReply> attempt = request.apply(client);
    watch(attempt, client, deadlineNanos);
    return attempt
        .handle(
            (reply, failure) -> {
              if (failure == null) {
                connection.heard(client);
              }
              if (failure == null && reply.isSuccess()) {
                return CompletableFuture.completedStage(decoded(reply));
              }
              Throwable cause = failure != null ? causeOf(failure) : reply.getException();
              if (cause instanceof StateMachineException
                  || connection.isClosed()
                  || deadlineNanos - System.nanoTime() < RETRY_MILLIS * 1_000_000) {
                return CompletableFuture.<Reply>failedStage(
                    new IOException("the metadata did not answer: " + cause, cause));
              }
              return CompletableFuture.supplyAsync(() -> request, later)
                  .thenCompose(again -> answered(again, deadlineNanos));
            })
        .thenCompose(stage -> stage);
  }

  /** Ends an attempt whose client hears nothing any more, or whose time is over. */
  private void watch(
      CompletableFuture<RaftClientReply> attempt, RaftClient client, long deadlineNanos) {
    long nowNanos = System.nanoTime();
    long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - nowNanos);
    CompletableFuture<Void> timer =
        new CompletableFuture<Void>()
            .completeOnTimeout(
                null,
                Math.clamp(leftMillis, 1, connection.patienceMillis()),
                TimeUnit.MILLISECONDS);
    CompletableFuture<Void> check =
        timer.thenRun(
            () -> {
              if (connection.leaveIfSilent(client, nowNanos)
                  || deadlineNanos - System.nanoTime() <= 1_000_000) {
                attempt.completeExceptionally(new TimeoutException("no answer"));
              } else {
                watch(attempt, client, deadlineNanos);
              }
            });
    attempt.whenComplete((reply, failure) -> timer.cancel(false));
    check.exceptionally(cancelled -> null);
  }

  private static Reply decoded(RaftClientReply reply) {
    return Codec.decode(reply.getMessage().getContent().toByteArray(), Reply.class);
  }

  private static Message message(Object value) {
    return Message.valueOf(ByteString.copyFrom(Codec.encode(value)));
  }

  @Override
  public void close() {
    connection.close();
  }
}
