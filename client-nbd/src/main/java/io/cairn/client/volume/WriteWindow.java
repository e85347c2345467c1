package io.cairn.client.volume;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The writes that are not durable everywhere yet (I7): bounds them, lets further ones wait, and
 * knows when a flush is done.
 */
final class WriteWindow {
  private record Flush(long number, Runnable done) {}

  private final VolumeSession session;
  private final long bytesMax;
  private final int entriesMax;
  private final TreeMap<Long, WriteOp> unsettled = new TreeMap<>();
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
    return unsettled.isEmpty();
  }

  /** Whether somebody waits for something to become durable. */
  boolean wantsSync() {
    return !flushes.isEmpty() || !throttled.isEmpty();
  }

  boolean hasFlushes() {
    return !flushes.isEmpty();
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
    unsettled.put(op.number, op);
    op.chunk.submit(op, session.now());
    session.wake();
  }

  /** Runs the action once every write that is completed now is durable on all in-sync replicas. */
  void whenDurable(Runnable done) {
    long last = 0;
    for (WriteOp op : unsettled.values()) {
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
    unsettled.remove(op.number);
    long first = unsettled.isEmpty() ? Long.MAX_VALUE : unsettled.firstKey();
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
    unsettled.remove(op.number);
    if (op.payload != null) {
      op.payload.release();
    }
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
    text.append(unsettled.size()).append(" unsettled, ");
    text.append(throttled.size()).append(" held back by the window of ");
    text.append(entries).append(" writes and ").append(bytes).append(" bytes, ");
  }
}
