package io.cairn.client.volume;

import java.util.ArrayList;
import java.util.List;

/**
 * When all chunks are looked at for what is to be done beside I/O: soon after something happened
 * that may ask for it, and as long as one of them is not at rest. Requests that come and go are not
 * such a thing, nor are chunks that open without trouble: a volume of a tebibyte has 16,384 chunks,
 * and to look at them all with each tick took most of a busy gateway's time.
 */
final class ChunkCare {
  /** Whether or not anything is known to have happened, where there are ticks. */
  private static final long LOOK_NANOS_MAX = 1_000_000_000L;

  /** A look takes 1 to 3 microseconds for each chunk. */
  private static final long PER_CHUNK_NANOS = 10_000L;

  /** A chunk that opens for so long has some trouble. */
  private static final long OPENS_NANOS_MAX = 50_000_000L;

  private final VolumeSession session;
  private final List<OwnedChunk> opening = new ArrayList<>();
  private final List<OwnedChunk> restless = new ArrayList<>();
  private boolean due = true;
  private long notBeforeNanos = Long.MIN_VALUE;
  private long againNanos = Long.MIN_VALUE;

  ChunkCare(VolumeSession session) {
    this.session = session;
  }

  /** Something happened, other than that requests went on. */
  void soon() {
    due = true;
  }

  /** The chunk opens from now on. */
  void opens(OwnedChunk chunk) {
    opening.add(chunk);
  }

  /** Whether this tick is to look at all chunks. */
  boolean isDue(long nowNanos) {
    return due && nowNanos >= notBeforeNanos || nowNanos >= againNanos;
  }

  /** Asks again those that open. */
  void poke(long nowNanos) {
    // Those that become ready meanwhile may have others opened.
    for (int i = opening.size() - 1; i >= 0; i--) {
      OwnedChunk chunk = opening.get(i);
      if (isOpening(chunk)) {
        due |= !opensSmoothly(chunk, nowNanos);
        chunk.poke(nowNanos);
      }
    }
    opening.removeIf(chunk -> !isOpening(chunk));
  }

  /** Finds those that are not at rest, and asks again whoever can be asked. */
  void look(long nowNanos) {
    restless.clear();
    for (OwnedChunk chunk : session.chunks()) {
      if (!opensSmoothly(chunk, nowNanos) && (isOpening(chunk) || CatchUps.needsCare(chunk))) {
        restless.add(chunk);
      }
    }
    due = !restless.isEmpty();
    notBeforeNanos = nowNanos + session.chunks().size() * PER_CHUNK_NANOS;
    againNanos = nowNanos + LOOK_NANOS_MAX;
    for (int i = 0; i < restless.size(); i++) {
      restless.get(i).poke(nowNanos);
    }
  }

  private static boolean isOpening(OwnedChunk chunk) {
    return chunk.state() == OwnedChunk.State.OPENING;
  }

  /** Whether all replicas are in sync and there: nothing is to be done but to wait for answers. */
  private static boolean opensSmoothly(OwnedChunk chunk, long nowNanos) {
    if (!isOpening(chunk) || nowNanos - chunk.openingNanos() >= OPENS_NANOS_MAX) {
      return false;
    }
    for (OwnedReplica replica : chunk.replicas()) {
      if (!replica.inSync() || !replica.node.ready || replica.failingSinceNanos != Long.MAX_VALUE) {
        return false;
      }
    }
    return true;
  }

  /** Something is to be tried again then; Long.MAX_VALUE when nothing is. */
  void again(long atNanos) {
    againNanos = Math.min(againNanos, atNanos);
  }

  /** When the next tick must be for it, at the latest; Long.MAX_VALUE when none has to. */
  long nextNanos() {
    return opening.isEmpty() ? due ? notBeforeNanos : Long.MAX_VALUE : Long.MIN_VALUE;
  }

  /** Writers wait for room: see {@link OwnedChunk#dropWhoHoldsBack}. */
  void dropWhoHoldsBack(long nowNanos) {
    for (int i = 0; i < restless.size(); i++) {
      restless.get(i).dropWhoHoldsBack(nowNanos);
    }
  }
}
