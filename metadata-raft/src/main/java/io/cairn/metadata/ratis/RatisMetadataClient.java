package io.cairn.metadata.ratis;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.MetadataMachine;
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
import java.util.function.Supplier;
import org.apache.ratis.client.RaftClient;
import org.apache.ratis.client.RaftClientConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.exceptions.StateMachineException;
import org.apache.ratis.retry.RetryPolicies;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.TimeDuration;

/** {@link MetadataClient} over Ratis. */
public final class RatisMetadataClient implements MetadataClient {
  private static final long RETRY_MILLIS = 100;
  private static final int OUTSTANDING_MAX = 1 << 16;

  private final RaftClient client;
  private final long clientId;

  /** Commands without a number; also the lock of the two below. */
  private final Queue<Pending> waiting = new ArrayDeque<>();

  private final SortedSet<Long> underWay = new TreeSet<>();
  private long number;

  /** Somebody is in the loop that sends; whoever comes meanwhile is served by it. */
  private boolean sending;

  private volatile boolean closed;
  private final Duration deadline;
  private final Executor later =
      CompletableFuture.delayedExecutor(RETRY_MILLIS, TimeUnit.MILLISECONDS);

  private RatisMetadataClient(RaftClient client, long clientId, Duration deadline) {
    this.client = client;
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
    RaftProperties properties = new RaftProperties();
    RaftClientConfigKeys.Rpc.setRequestTimeout(
        properties, TimeDuration.valueOf(2, TimeUnit.SECONDS));
    // Ratis blocks the caller beyond this; callers are event loops.
    RaftClientConfigKeys.Async.setOutstandingRequestsMax(properties, OUTSTANDING_MAX);
    int attempts = (int) Math.max(1, deadline.toMillis() / RETRY_MILLIS);
    RaftClient client =
        RaftClient.newBuilder()
            .setProperties(properties)
            .setRaftGroup(GroupSettings.group(addresses))
            .setRetryPolicy(
                RetryPolicies.retryUpToMaximumCountWithFixedSleep(
                    attempts, TimeDuration.valueOf(RETRY_MILLIS, TimeUnit.MILLISECONDS)))
            .build();
    return new RatisMetadataClient(client, clientId, deadline);
  }

  @Override
  public CompletionStage<Reply> submit(Command command) {
    Pending pending =
        new Pending(command, System.nanoTime() + deadline.toNanos(), new CompletableFuture<>());
    synchronized (waiting) {
      waiting.add(pending);
    }
    sendWaiting();
    return pending.reply();
  }

  /** A command that has no number yet. */
  private record Pending(Command command, long deadlineNanos, CompletableFuture<Reply> reply) {}

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
        given = ++number;
        underWay.add(given);
      }
      Message entry = message(new Entry(clientId, given, pending.command(), List.of()));
      answered(() -> client.async().send(entry), pending.deadlineNanos())
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
    Supplier<CompletableFuture<RaftClientReply>> request =
        switch (query) {
          // Signs of life go to whoever leads; a round to the other servers would prove nothing. So
          // do
          // questions whose answers tell of them: only the leader heard them, but any server
          // answers
          // a linearizable read.
          case Query.NodeHeartbeat _,
              Query.GatewayHeartbeat _,
              Query.GetCluster _,
              Query.GetVolume _ ->
              () -> client.async().sendReadOnlyNonLinearizable(asked);
          case Query.GetChunks _, Query.ConfirmGeneration _ ->
              () -> client.async().sendReadOnly(asked);
        };
    return answered(request, System.nanoTime() + deadline.toNanos());
  }

  /**
   * Asks until there is an answer or no time left. A command goes out with the same number each
   * time, so it applies once; whether one that failed was applied is not known.
   */
  private CompletionStage<Reply> answered(
      Supplier<CompletableFuture<RaftClientReply>> request, long deadlineNanos) {
    long left = deadlineNanos - System.nanoTime();
    if (closed || left <= 0) {
      return CompletableFuture.failedStage(
          new IOException(closed ? "the metadata client is closed" : "the metadata is busy"));
    }
    return request
        .get()
        .orTimeout(left, TimeUnit.NANOSECONDS)
        .handle(
            (reply, failure) -> {
              if (failure == null && reply.isSuccess()) {
                return CompletableFuture.completedStage(decoded(reply));
              }
              Throwable cause = failure != null ? failure : reply.getException();
              if (cause instanceof StateMachineException
                  || closed
                  || deadlineNanos - System.nanoTime() < RETRY_MILLIS * 1_000_000) {
                return CompletableFuture.<Reply>failedStage(
                    new IOException("the metadata did not answer: " + cause, cause));
              }
              return CompletableFuture.supplyAsync(() -> request, later)
                  .thenCompose(again -> answered(again, deadlineNanos));
            })
        .thenCompose(stage -> stage);
  }

  private static Reply decoded(RaftClientReply reply) {
    return Codec.decode(reply.getMessage().getContent().toByteArray(), Reply.class);
  }

  private static Message message(Object value) {
    return Message.valueOf(ByteString.copyFrom(Codec.encode(value)));
  }

  @Override
  public void close() {
    closed = true;
    try {
      client.close();
    } catch (IOException e) {
      throw new IllegalStateException("cannot close the metadata client", e);
    }
  }
}
