package io.cairn.client.iscsi;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Bounds the memory in which commands gather what they write, over all sessions: who finds no room
 * waits in line, and its initiator is not asked for data (R2T) meanwhile.
 */
public final class TransferMemory {
  private record Wanted(long bytes, Runnable granted) {}

  private final long bytesMax;
  private final Deque<Wanted> line = new ArrayDeque<>();
  private long bytes;

  /**
   * All of it is free.
   *
   * @param bytesMax bound; one command is let in whatever its size.
   */
  public TransferMemory(long bytesMax) {
    this.bytesMax = bytesMax;
  }

  /** Runs the action once there is room, possibly at once. */
  void reserve(long wantedBytes, Runnable granted) {
    line.add(new Wanted(wantedBytes, granted));
    grant();
  }

  /** Reserves if there is room now, and nobody waits for it. */
  boolean reserveNow(long wantedBytes) {
    if (!line.isEmpty() || bytes > 0 && bytes + wantedBytes > bytesMax) {
      return false;
    }
    bytes += wantedBytes;
    return true;
  }

  /** Leaves the line. */
  void forget(Runnable granted) {
    line.removeIf(wanted -> wanted.granted == granted);
    grant();
  }

  void release(long releasedBytes) {
    bytes -= releasedBytes;
    grant();
  }

  private void grant() {
    while (!line.isEmpty() && (bytes == 0 || bytes + line.peek().bytes <= bytesMax)) {
      Wanted first = line.remove();
      bytes += first.bytes;
      first.granted.run();
    }
  }

  /** Bytes that are reserved. */
  public long bytes() {
    return bytes;
  }
}
