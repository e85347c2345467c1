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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.client.RaftClient;
import org.apache.ratis.client.RaftClientConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
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
    Entry entry = new Entry(clientId, number.incrementAndGet(), command, List.of());
    return answered(client.async().send(message(entry)));
  }

  @Override
  public CompletionStage<Reply> query(Query query) {
    return answered(client.async().sendReadOnly(message(query)));
  }

  private CompletionStage<Reply> answered(CompletableFuture<RaftClientReply> sent) {
    return sent.orTimeout(deadline.toMillis(), TimeUnit.MILLISECONDS)
        .thenCompose(RatisMetadataClient::decoded);
  }

  private static CompletionStage<Reply> decoded(RaftClientReply reply) {
    if (!reply.isSuccess()) {
      return CompletableFuture.failedFuture(
          new IOException("the metadata did not answer: " + reply.getException()));
    }
    return CompletableFuture.completedFuture(
        Codec.decode(reply.getMessage().getContent().toByteArray(), Reply.class));
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
