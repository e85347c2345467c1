package io.cairn.client.volume;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The reads under way, and how long replicas usually take for one. */
final class Reads {
  private static final long HEDGE_MIN_NANOS = 5_000_000L;

  private final Set<ReadOp> underWay = new LinkedHashSet<>();
  private int start;
  private long ewmaNanos = HEDGE_MIN_NANOS;

  void add(ReadOp read) {
    underWay.add(read);
  }

  void remove(ReadOp read) {
    underWay.remove(read);
  }

  boolean isEmpty() {
    return underWay.isEmpty();
  }

  int count() {
    return underWay.size();
  }

  /** Rotates over the replicas: the one that the next read tries first. */
  int nextStart() {
    return start++ & 0xFFFF;
  }

  /** After which time another replica is asked as well. */
  long hedgeNanos() {
    return Math.max(HEDGE_MIN_NANOS, 3 * ewmaNanos);
  }

  void observe(long nanos) {
    ewmaNanos += (nanos - ewmaNanos) / 8;
  }

  /** Answers those that waited for nothing but a lease. */
  void answerUnderLease(long nowNanos) {
    for (ReadOp read : List.copyOf(underWay)) {
      read.answerUnderLease(nowNanos);
    }
  }

  long nextDeadlineNanos() {
    long next = Long.MAX_VALUE;
    for (ReadOp read : underWay) {
      next = Math.min(next, read.deadlineNanos());
    }
    return next;
  }

  void onTimer(long nowNanos) {
    for (ReadOp read : List.copyOf(underWay)) {
      read.onTimer(nowNanos);
    }
  }

  void abandon() {
    for (ReadOp read : List.copyOf(underWay)) {
      read.abandon();
    }
    underWay.clear();
  }
}
