package io.cairn.storage.node;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node's place in the cluster, on a thread of its own: it joins, and says every two seconds
 * that it lives.
 *
 * <pre>
 * WAITING --the cluster has an identity--> JOINING --registered--> MEMBER --every two seconds--> MEMBER
 * MEMBER --a heartbeat is refused--> JOINING     JOINING --refused--> OUT     any --close--> OUT
 * </pre>
 */
final class ClusterMember implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterMember.class);
  private static final long HEARTBEAT_MILLIS = 2_000;
  private static final long RETRY_MILLIS = 250;
  private static final long ANSWER_MILLIS = 15_000;

  /** Waiting is written down this often. */
  private static final long LOG_NANOS = 30_000_000_000L;

  /** The node, as the member sees it. All calls on the member's thread. */
  interface Node {
    /** The metadata knows the node: it may serve once it can. */
    void onRegistered(long clusterId, long nodeId) throws Exception;

    /** What the next heartbeat says. */
    Query.NodeHeartbeat heartbeat() throws InterruptedException;

    /** The metadata heard it. */
    void onHeard(Reply.HeartbeatAck ack) throws InterruptedException;

    /** The node must not serve: why, in one line. */
    void onRefused(String reason);
  }

  /** The metadata refused the node for good. */
  private static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1L;

    RefusedException(String reason) {
      super(reason);
    }
  }

  private final MetadataClient client;
  private final LongFunction<Command.RegisterNode> registration;
  private final Node node;
  private final CompletableFuture<Reply> closed = new CompletableFuture<>();
  private final Thread thread;
  private long loggedNanos = System.nanoTime() - LOG_NANOS;
  private boolean silent;

  /**
   * A member that has not begun.
   *
   * @param registration of the node in the cluster with that id.
   */
  ClusterMember(MetadataClient client, LongFunction<Command.RegisterNode> registration, Node node) {
    this.client = client;
    this.registration = registration;
    this.node = node;
    thread = Thread.ofPlatform().name("cluster-member").daemon().unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  private void run() {
    try {
      long clusterId = awaitCluster();
      Reply.NodeRegistered registered = register(clusterId);
      node.onRegistered(registered.clusterId(), registered.nodeId());
      do {
        beat(clusterId);
      } while (!isClosedWithin(HEARTBEAT_MILLIS));
    } catch (InterruptedException e) {
      // Closed.
    } catch (RefusedException e) {
      node.onRefused(e.getMessage());
    } catch (Exception e) {
      LOG.debug("the node cannot serve", e);
      node.onRefused(e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  private long awaitCluster() throws InterruptedException {
    while (true) {
      Reply reply = answer(() -> client.query(new Query.GetCluster()));
      if (reply instanceof Reply.Cluster cluster && cluster.clusterId() != 0) {
        return cluster.clusterId();
      }
      waiting(reply == null ? "the metadata does not answer" : "the cluster has no identity yet");
    }
  }

  private Reply.NodeRegistered register(long clusterId)
      throws InterruptedException, RefusedException {
    Command.RegisterNode command = registration.apply(clusterId);
    while (true) {
      Reply reply = answer(() -> client.submit(command));
      switch (reply) {
        case Reply.NodeRegistered registered -> {
          return registered;
        }
        case Reply.Refused refused ->
            throw new RefusedException("the metadata refused the node: " + refused.message());
        case null, default -> waiting("the metadata does not answer the registration");
      }
    }
  }

  private void beat(long clusterId) throws InterruptedException, RefusedException {
    Query.NodeHeartbeat heartbeat = node.heartbeat();
    Reply reply = answer(() -> client.query(heartbeat));
    switch (reply) {
      case Reply.HeartbeatAck ack -> {
        if (silent) {
          silent = false;
          LOG.info("the metadata answers again");
        }
        node.onHeard(ack);
      }
      case Reply.Refused refused -> {
        // A heartbeat is answered by whoever believes that it leads, and one that was deposed may
        // not know this life of ours. A registration is decided by the group: its word is final.
        LOG.info("a heartbeat was refused, the node registers again: {}", refused.message());
        register(clusterId);
      }
      case null, default -> {
        if (!silent) {
          silent = true;
          LOG.warn("the metadata does not answer heartbeats; the node serves on");
        }
      }
    }
  }

  private void waiting(String reason) throws InterruptedException {
    long now = System.nanoTime();
    if (now - loggedNanos >= LOG_NANOS) {
      loggedNanos = now;
      LOG.info("waiting to join: {}", reason);
    }
    if (isClosedWithin(RETRY_MILLIS)) {
      throw new InterruptedException("closed");
    }
  }

  private boolean isClosedWithin(long millis) throws InterruptedException {
    try {
      closed.get(millis, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A question to the metadata. */
  private interface Question {
    CompletionStage<Reply> ask();
  }

  /** The answer, or null when there was none in time. */
  private Reply answer(Question question) throws InterruptedException {
    try {
      Object first =
          CompletableFuture.anyOf(question.ask().toCompletableFuture(), closed)
              .get(ANSWER_MILLIS, TimeUnit.MILLISECONDS);
      if (closed.isDone()) {
        throw new InterruptedException("closed");
      }
      return (Reply) first;
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("the metadata did not answer", e);
      return null;
    }
  }

  /**
   * Ends the thread, which is not interrupted: it may be in the midst of recovering a store. The
   * client stays open.
   */
  @Override
  public void close() {
    closed.complete(new Reply.Ok());
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
