package io.cairn.client.volume;

import io.cairn.metadata.model.ReplicaState;
import io.cairn.storage.wire.Status;

/** One replica of a chunk, as its owner sees it. */
final class OwnedReplica {
  /**
   * What the owner knows of the replica on the present connection.
   *
   * <pre>
   * OFF --OPEN sent--> OPENING --reply--> OPENED --verified, or created--> LIVE
   * OPENED --CATCH_UP sent--> CATCHING --done and durable--> LIVE
   * any --link down, refusal--> OFF
   * </pre>
   */
  enum Phase {
    OFF,
    OPENING,
    OPENED,
    CATCHING,
    LIVE
  }

  final OwnedNode node;
  final int bit;
  ReplicaState recorded;
  Phase phase = Phase.OFF;

  /** Set from the proposal to take it into the in-sync set until the outcome is known. */
  boolean promoting;

  /** Set from the proposal to take it out of the in-sync set until the outcome is known. */
  boolean leaving;

  /** Answer to OPEN. */
  int openState;

  long position;

  /** Whether openState and position are still what the replica has on the present connection. */
  boolean seen;

  /** Journal position of the answer to OPEN: the replica's prefix is durable from there on. */
  long openLsn;

  /** Since when it answers with nothing but refusals; Long.MAX_VALUE when it does not. */
  long failingSinceNanos = Long.MAX_VALUE;

  /** What it refused a request with last; null when it has not since it last did what was asked. */
  Status problem;

  /** Catch-ups that ended because the source could not give what was asked of it. */
  int sourcesFailed;

  /** From whom the running catch-up, or the last one, takes what is missing. */
  OwnedReplica source;

  /**
   * Bits of sources that gave everything but blocks that they cannot read, since the last catch-up
   * that ended well.
   */
  int unreadableAt;

  /** When the first of them did. */
  long unreadableSinceNanos;

  /** Whether it has blocks that nobody could give it. */
  boolean leftUnreadable;

  /** Last version that was assigned when the running catch-up began. */
  long catchUpBase;

  /** Earliest time of the next try after a failure. */
  long retryAtNanos = Long.MIN_VALUE;

  /** Known to hold every write that was acknowledged, as long as nothing says otherwise. */
  boolean holdsAll;

  /**
   * It lacks on its device what was promised to be durable, and is to be taken into the set: from
   * now on nothing more is promised before it has it, too. Else it might never get there.
   */
  boolean joining;

  /** Raised whenever the phase is reset, so that late answers are not taken for new ones. */
  int era;

  OwnedReplica(OwnedNode node, int bit, ReplicaState recorded) {
    this.node = node;
    this.bit = bit;
    this.recorded = recorded;
  }

  boolean inSync() {
    return recorded == ReplicaState.IN_SYNC;
  }

  /** Whether writes need its acknowledgement, and reads its word that we are not fenced. */
  boolean required() {
    return inSync() || promoting;
  }

  /**
   * Whether what it held when it was opened outlives its power. The window knows that of writes
   * since, but has forgotten older ones that were durable everywhere else while this one was away.
   */
  boolean isPrefixDurable() {
    return node.link.durableLsn() >= openLsn;
  }

  /** Whether new writes are sent to it. */
  boolean takesWrites() {
    return phase == Phase.LIVE || phase == Phase.CATCHING;
  }

  /** Its source gave all but some blocks that it cannot read: maybe another one can. */
  void sourceCannotRead(long nowNanos) {
    if (unreadableAt == 0) {
      unreadableSinceNanos = nowNanos;
    }
    unreadableAt |= 1 << source.bit;
  }

  void reset() {
    phase = Phase.OFF;
    holdsAll = false;
    joining = false;
    era++;
  }
}
