package io.cairn.client.volume;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether a read may be answered (I4): every replica that may be in sync, or the metadata,
 * confirmed our generation in a request that was sent within the last T. One whose promotion was
 * not answered may be: it can be the only one that a new owner reached and fenced. Nothing is asked
 * while nobody reads.
 */
final class Lease {
  private final VolumeSession session;
  private final long leaseNanos;

  /** Send time of the newest request of our generation that the metadata answered. */
  private long metadataSendNanos = Long.MIN_VALUE;

  private boolean metadataAsked;

  /** Try again whenever something was confirmed. */
  private final List<Runnable> waiters = new ArrayList<>();

  Lease(VolumeSession session, long leaseNanos) {
    this.session = session;
    this.leaseNanos = leaseNanos;
  }

  void metadataConfirmed(long sentNanos) {
    metadataSendNanos = Math.max(metadataSendNanos, sentNanos);
  }

  /** Whether the metadata has confirmed the generation in a question that was asked since. */
  boolean metadataConfirmedSince(long nanos) {
    return metadataSendNanos >= nanos;
  }

  boolean holds(OwnedChunk chunk, long nowNanos) {
    if (fresh(metadataSendNanos, nowNanos)) {
      return true;
    }
    for (int i = 0; i < chunk.replicas().size(); i++) {
      OwnedReplica replica = chunk.replicas().get(i);
      if (replica.required() && !fresh(replica.node.confirmedSendNanos, nowNanos)) {
        return false;
      }
    }
    return true;
  }

  /**
   * The lease for chunks that do not exist: nobody can be asked about them but all or the metadata.
   * The next owner counts on our asking a node that it has fenced, so those that we ask must be
   * all: while an allocation is unanswered only the metadata will do.
   */
  private boolean holdsForUnallocated(long nowNanos) {
    if (fresh(metadataSendNanos, nowNanos)) {
      return true;
    }
    if (session.allocation.isUnsure() || session.mending.placing.isUnsure()) {
      return false;
    }
    for (OwnedNode node : session.nodes()) {
      if (!fresh(node.confirmedSendNanos, nowNanos)) {
        return false;
      }
    }
    return !session.nodes().isEmpty();
  }

  /** Runs the action while reads of unallocated chunks are covered by a lease. */
  void underUnallocated(Runnable action) {
    long nowNanos = session.now();
    if (holdsForUnallocated(nowNanos)) {
      action.run();
      return;
    }
    waiters.add(() -> underUnallocated(action));
    renewForUnallocated(nowNanos);
    session.wake();
  }

  void runWaiters() {
    if (!waiters.isEmpty()) {
      List<Runnable> asking = List.copyOf(waiters);
      waiters.clear();
      asking.forEach(Runnable::run);
    }
  }

  boolean hasWaiters() {
    return !waiters.isEmpty();
  }

  int waiterCount() {
    return waiters.size();
  }

  void abandon() {
    waiters.clear();
  }

  void renew(OwnedChunk chunk, long nowNanos) {
    boolean unreachable = false;
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.required() && !fresh(replica.node.confirmedSendNanos, nowNanos)) {
        unreachable |= !replica.node.ready;
        replica.node.ping(nowNanos);
      }
    }
    if (unreachable) {
      askMetadata(nowNanos);
    }
  }

  private void renewForUnallocated(long nowNanos) {
    for (OwnedNode node : session.nodes()) {
      node.ping(nowNanos);
    }
    askMetadata(nowNanos);
  }

  /** Has the metadata confirm the generation, unless that is under way. */
  void askMetadata(long nowNanos) {
    if (metadataAsked) {
      return;
    }
    metadataAsked = true;
    session.metadata.query(
        new Query.ConfirmGeneration(session.volumeId(), session.generation()),
        (reply, now) -> {
          metadataAsked = false;
          if (Allocation.isStale(reply)) {
            session.onFenced(now);
          } else if (reply instanceof Reply.Ok) {
            metadataConfirmed(nowNanos);
            session.onConfirmed(now);
          }
        });
  }

  private boolean fresh(long sentNanos, long nowNanos) {
    return sentNanos != Long.MIN_VALUE && nowNanos - sentNanos < leaseNanos;
  }
}
