package io.cairn.client.volume;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The writes that are not durable everywhere yet (I7): bounds them, lets further ones wait, and
 * knows when a flush is done.
 */
final class WriteWindow {
  private record Flush(long number, Runnable done) {}

  private final VolumeSession session;
  private final long bytesMax;
  private final int entriesMax;
  private final Pool<WriteOp> ops = new Pool<>(WriteOp::new);
  private final Pool<ReplicaRequests.WriteSent> sends = new Pool<>(ReplicaRequests.WriteSent::new);

  /** Writes that are not durable on all in-sync replicas, in the order of their numbers. */
  private WriteOp oldest;

  private WriteOp newest;
  private int unsettled;
  private final List<Flush> flushes = new ArrayList<>();
  private final ArrayDeque<WriteOp> throttled = new ArrayDeque<>();
  private long bytes;
  private int entries;
  private long writeNumber;

  WriteWindow(VolumeSession session, long bytesMax, int entriesMax) {
    this.entriesMax = entriesMax;
    this.session = session;
    this.bytesMax = bytesMax;
  }

  long bytes() {
    return bytes;
  }

  /** Whether every write is durable on all in-sync replicas. */
  boolean isSettled() {
    return unsettled == 0;
  }

  /** Whether somebody waits for something to become durable. */
  boolean wantsSync() {
    return !flushes.isEmpty() || !throttled.isEmpty();
  }

  boolean hasFlushes() {
    return !flushes.isEmpty();
  }

  /** A write that is not under way. */
  WriteOp take() {
    return ops.take();
  }

  /** Nobody refers to the write any more. */
  void give(WriteOp op) {
    ops.give(op);
  }

  ReplicaRequests.WriteSent takeSent() {
    return sends.take();
  }

  void give(ReplicaRequests.WriteSent sent) {
    sends.give(sent);
  }

  private void link(WriteOp op) {
    op.older = newest;
    if (newest == null) {
      oldest = op;
    } else {
      newest.newer = op;
    }
    newest = op;
    unsettled++;
  }

  /** Does nothing when it was unlinked before. */
  private void unlink(WriteOp op) {
    if (oldest != op && op.older == null) {
      return;
    }
    if (op.older == null) {
      oldest = op.newer;
    } else {
      op.older.newer = op.newer;
    }
    if (op.newer == null) {
      newest = op.older;
    } else {
      op.newer.older = op.older;
    }
    op.older = null;
    op.newer = null;
    unsettled--;
  }

  /** Puts a write into the window, or behind those that wait for the window. */
  void submit(WriteOp op) {
    if (!throttled.isEmpty() || !hasRoom(op)) {
      throttled.add(op);
      session.syncAll();
      session.wake();
      return;
    }
    admit(op);
  }

  /** One write is let in whatever its size. */
  private boolean hasRoom(WriteOp op) {
    return entries == 0 || entries < entriesMax && bytes + op.windowBytes() <= bytesMax;
  }

  /** Whether writers wait for room. */
  boolean isFull() {
    return !throttled.isEmpty();
  }

  private void admit(WriteOp op) {
    entries++;
    op.number = ++writeNumber;
    bytes += op.windowBytes();
    link(op);
    session.timings.sent(op, session.now());
    op.chunk.submit(op, session.now());
    session.wake();
  }

  /** Runs the action once every write that is completed now is durable on all in-sync replicas. */
  void whenDurable(Runnable done) {
    long last = 0;
    for (WriteOp op = newest; op != null && last == 0; op = op.older) {
      if (op.completed) {
        last = op.number;
      }
    }
    if (last == 0) {
      done.run();
      return;
    }
    flushes.add(new Flush(last, done));
    session.syncAll();
    session.wake();
  }

  /** The write is completed and durable on all in-sync replicas. */
  void onSettled(WriteOp op) {
    unlink(op);
    long first = oldest == null ? Long.MAX_VALUE : oldest.number;
    if (!flushes.isEmpty() && flushes.getFirst().number() < first) {
      List<Flush> done = flushes.stream().filter(f -> f.number() < first).toList();
      flushes.removeAll(done);
      done.forEach(f -> f.done().run());
    }
  }

  /** The write is durable wherever it has to be. */
  void forget(WriteOp op) {
    entries--;
    bytes -= op.windowBytes();
    unlink(op);
    if (op.payload != null) {
      op.payload.release();
    }
    op.dereference();
    while (!session.isOver() && !throttled.isEmpty() && hasRoom(throttled.peek())) {
      admit(throttled.remove());
    }
  }

  /** The session is over: nothing that waits here will be sent. */
  void abandon() {
    flushes.clear();
    for (WriteOp op : throttled) {
      if (op.payload != null) {
        op.payload.release();
      }
    }
    throttled.clear();
  }

  void describe(StringBuilder text) {
    text.append(unsettled).append(" unsettled, ");
    text.append(throttled.size()).append(" held back by the window of ");
    text.append(entries).append(" writes and ").append(bytes).append(" bytes, ");
  }
}
