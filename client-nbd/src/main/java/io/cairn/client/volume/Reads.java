package io.cairn.client.volume;

import java.util.ArrayList;

/** The reads under way, in the order of their age, and how long replicas usually take for one. */
final class Reads {
  private static final long HEDGE_MIN_NANOS = 5_000_000L;

  /** Readers that go on where they stopped. */
  final ReadRuns runs = new ReadRuns();

  private final Pool<ReadOp> ops;
  private final Pool<ReadOp.Ask> asks = new Pool<>(ReadOp.Ask::new);
  private ReadOp oldest;
  private ReadOp newest;
  private int count;
  private int start;
  private long ewmaNanos = HEDGE_MIN_NANOS;

  /** Reads that have a good answer and wait for a lease. */
  private int awaitLease;

  /** Reads for which nobody can be asked; the session's tick tries them again. */
  private int parked;

  /** For going through the reads while they come and go; null while that is done. */
  private ArrayList<ReadOp> spare = new ArrayList<>();

  /** No read is due before this; one that has ended meanwhile may have set it. */
  private long dueNanos = Long.MAX_VALUE;

  Reads(VolumeSession session) {
    ops = new Pool<>(() -> new ReadOp(session));
  }

  /** A read that is not under way. */
  ReadOp take() {
    return ops.take();
  }

  /** Nobody refers to the read any more. */
  void give(ReadOp read) {
    ops.give(read);
  }

  ReadOp.Ask takeAsk() {
    return asks.take();
  }

  void give(ReadOp.Ask ask) {
    asks.give(ask);
  }

  void add(ReadOp read) {
    read.older = newest;
    read.newer = null;
    if (newest == null) {
      oldest = read;
    } else {
      newest.newer = read;
    }
    newest = read;
    count++;
  }

  void remove(ReadOp read) {
    if (read.older == null) {
      oldest = read.newer;
    } else {
      read.older.newer = read.newer;
    }
    if (read.newer == null) {
      newest = read.older;
    } else {
      read.newer.older = read.older;
    }
    read.older = null;
    read.newer = null;
    count--;
  }

  boolean isEmpty() {
    return count == 0;
  }

  int count() {
    return count;
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

  /** A read has something to do at that time, unless it ends before. */
  void dueAt(long nanos) {
    dueNanos = Math.min(dueNanos, nanos);
  }

  /** Counts reads that wait for nothing but a lease. */
  void awaitLease(int change) {
    awaitLease += change;
  }

  /** Counts reads for which nobody can be asked. */
  void park(int change) {
    parked += change;
  }

  /** Answers those that waited for nothing but a lease. */
  void answerUnderLease(long nowNanos) {
    if (awaitLease > 0) {
      ArrayList<ReadOp> all = underWay();
      for (int i = 0; i < all.size(); i++) {
        all.get(i).answerUnderLease(nowNanos);
      }
      keep(all);
    }
  }

  /** Asks for those that could ask nobody, if there is somebody now. */
  void onTick(long nowNanos) {
    if (parked > 0) {
      ArrayList<ReadOp> all = underWay();
      for (int i = 0; i < all.size(); i++) {
        all.get(i).retryParked(nowNanos);
      }
      keep(all);
    }
  }

  /** No later than the time at which a read has something to do. */
  long nextDeadlineNanos() {
    return dueNanos;
  }

  void onTimer(long nowNanos) {
    if (nowNanos < dueNanos) {
      return;
    }
    ArrayList<ReadOp> all = underWay();
    for (int i = 0; i < all.size(); i++) {
      all.get(i).onTimer(nowNanos);
    }
    keep(all);
    dueNanos = Long.MAX_VALUE;
    for (ReadOp read = oldest; read != null; read = read.newer) {
      dueAt(read.deadlineNanos());
    }
  }

  private ArrayList<ReadOp> underWay() {
    ArrayList<ReadOp> reads = spare == null ? new ArrayList<>(count) : spare;
    spare = null;
    for (ReadOp read = oldest; read != null; read = read.newer) {
      reads.add(read);
    }
    return reads;
  }

  private void keep(ArrayList<ReadOp> reads) {
    reads.clear();
    spare = reads;
  }

  void abandon() {
    for (ReadOp read : underWay()) {
      read.abandon();
    }
    oldest = null;
    newest = null;
    count = 0;
    parked = 0;
    dueNanos = Long.MAX_VALUE;
  }
}
