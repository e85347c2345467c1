package io.cairn.storage.node;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.Strays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the metadata, a page with each heartbeat, which of the shards' chunks are not the node's own
 * any more, so that they are given back. On the member's thread; the answers arrive on others.
 *
 * <pre>
 * RESTING --the shards hold more chunks than the node has replicas, or an hour has passed--> ROUND
 * ROUND --all shards have asked about all their chunks--> RESTING
 * any --a node with replicas is down--> waits there
 * </pre>
 */
final class StrayRounds {
  private static final Logger LOG = LoggerFactory.getLogger(StrayRounds.class);

  /** Chunks in one question: a few milliseconds of the metadata's time. */
  private static final int PAGE_CHUNKS = 256;

  /**
   * Between rounds while there seem to be strays, which may have to wait until others are whole.
   */
  private static final long REST_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** Between rounds in any case: strays are not seen by numbers while others are missing. */
  private static final long PERIOD_NANOS = TimeUnit.HOURS.toNanos(1);

  private static final long LOOP_MILLIS = 2_000;

  private final MetadataClient client;
  private final long clusterId;
  private final long nodeId;
  private final List<ShardLoop> shards;
  private final LongSupplier clock;

  /** The answer that is awaited, or that came last. */
  private CompletableFuture<Void> answer = CompletableFuture.completedFuture(null);

  /** The shard whose turn it is; all of them have had it while no round is under way. */
  private int turn;

  private long endedNanos;
  private long givenBackBefore;

  /**
   * None was begun: the first is due at once, as the node may have been away.
   *
   * @param clock monotonic, in nanoseconds.
   */
  StrayRounds(
      MetadataClient client,
      long clusterId,
      long nodeId,
      List<ShardLoop> shards,
      LongSupplier clock) {
    this.client = client;
    this.clusterId = clusterId;
    this.nodeId = nodeId;
    this.shards = shards;
    this.clock = clock;
    turn = shards.size();
    endedNanos = clock.getAsLong() - PERIOD_NANOS;
  }

  /**
   * A heartbeat was answered.
   *
   * @param replicas that the node has on record; null while nothing is to be given back.
   * @param chunks that its shards hold.
   */
  void onHeard(Long replicas, long chunks) throws InterruptedException {
    if (replicas == null || !answer.isDone()) {
      return;
    }
    if (turn == shards.size()) {
      long restedNanos = clock.getAsLong() - endedNanos;
      if (restedNanos < PERIOD_NANOS && (restedNanos < REST_NANOS || chunks <= replicas)) {
        return;
      }
      turn = 0;
    }
    for (; turn < shards.size(); turn++) {
      ShardLoop shard = shards.get(turn);
      Strays.Question question = question(shard);
      if (!question.chunks().isEmpty()) {
        ask(shard, question);
        return;
      }
    }
    ended();
  }

  private static Strays.Question question(ShardLoop shard) throws InterruptedException {
    try {
      return shard
          .loop()
          .submit(() -> shard.askStrays(PAGE_CHUNKS))
          .get(LOOP_MILLIS, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      // A loop that does not answer has its turn in the next round.
      return Strays.Question.NONE;
    }
  }

  private void ask(ShardLoop shard, Strays.Question question) {
    Query.GetStrays query =
        new Query.GetStrays(
            clusterId,
            nodeId,
            question.chunks().stream()
                .map(one -> new Query.HeldChunk(one.volumeId(), one.layer(), one.index()))
                .toList());
    answer =
        client
            .query(query)
            .toCompletableFuture()
            .handle(
                (reply, failure) -> {
                  if (reply instanceof Reply.Strays strays) {
                    List<ChunkName> names =
                        strays.chunks().stream()
                            .map(one -> new ChunkName(one.volumeId(), one.layer(), one.index()))
                            .toList();
                    shard.loop().execute(() -> shard.giveBack(question.number(), names));
                  } else {
                    LOG.debug(
                        "the metadata did not say whose chunks these are: {}", reply, failure);
                  }
                  return null;
                });
  }

  private void ended() {
    endedNanos = clock.getAsLong();
    long givenBack = shards.stream().mapToLong(shard -> shard.counters().givenBack()).sum();
    if (givenBack > givenBackBefore) {
      LOG.info(
          "{} chunks that are not this node's any more went to the trash",
          givenBack - givenBackBefore);
      givenBackBefore = givenBack;
    }
  }
}
