package io.cairn.metadata.ratis;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
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

  private final RaftClient client;
  private final long clientId;
  private final AtomicLong number = new AtomicLong();
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
    Message entry = message(new Entry(clientId, number.incrementAndGet(), command, List.of()));
    return answered(() -> client.async().send(entry), System.nanoTime() + deadline.toNanos());
  }

  @Override
  public CompletionStage<Reply> query(Query query) {
    Message asked = message(query);
    Supplier<CompletableFuture<RaftClientReply>> request =
        switch (query) {
          // Signs of life go to whoever leads; a round to the other servers would prove nothing.
          case Query.NodeHeartbeat _, Query.GatewayHeartbeat _ ->
              () -> client.async().sendReadOnlyNonLinearizable(asked);
          case Query.GetCluster _,
              Query.GetVolume _,
              Query.GetChunks _,
              Query.ConfirmGeneration _ ->
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
    long left = Math.max(1, deadlineNanos - System.nanoTime());
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
    try {
      client.close();
    } catch (IOException e) {
      throw new IllegalStateException("cannot close the metadata client", e);
    }
  }
}
