package io.cairn.client.nbd.server;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Bounds the payload bytes that one export's requests and replies hold, over all its connections:
 * who finds no room waits in line and reads nothing from its socket meanwhile. Each export has its
 * own bound, so that one whose cluster stands still does not hold up the others.
 */
final class RequestMemory {
  /** Waits in line. */
  interface Waiter {
    /** The bytes are reserved now. */
    void granted();
  }

  private record Wanted(Waiter waiter, long bytes) {}

  private final long bytesMax;
  private final Deque<Wanted> line = new ArrayDeque<>();
  private long bytes;

  RequestMemory(long bytesMax) {
    this.bytesMax = bytesMax;
  }

  /** Reserves at once, or puts the waiter in line and answers false. */
  boolean reserve(long wantedBytes, Waiter waiter) {
    if (wantedBytes == 0 || line.isEmpty() && fits(wantedBytes)) {
      bytes += wantedBytes;
      return true;
    }
    line.add(new Wanted(waiter, wantedBytes));
    return false;
  }

  /** One request is let in whatever its size. */
  private boolean fits(long wantedBytes) {
    return bytes == 0 || bytes + wantedBytes <= bytesMax;
  }

  /** Leaves the line. */
  void forget(Waiter waiter) {
    line.removeIf(wanted -> wanted.waiter() == waiter);
    grant();
  }

  /** Counts bytes of a reply that is on its way: they are there, whether or not there is room. */
  void hold(long heldBytes) {
    bytes += heldBytes;
  }

  void release(long releasedBytes) {
    bytes -= releasedBytes;
    grant();
  }

  private void grant() {
    while (!line.isEmpty() && fits(line.peek().bytes())) {
      Wanted first = line.remove();
      bytes += first.bytes();
      first.waiter().granted();
    }
  }

  long bytes() {
    return bytes;
  }
}
