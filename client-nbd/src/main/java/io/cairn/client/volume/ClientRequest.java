package io.cairn.client.volume;

import io.cairn.client.volume.VolumeIo.Callback;
import io.cairn.client.volume.VolumeIo.Failure;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;

/**
 * One client request, done when all its pieces are. {@link BlockRequests} keeps those that are
 * free: one is when it has ended and no piece is under way any more.
 */
final class ClientRequest {
  private final BlockRequests requests;

  /** Neighbours in the list of unanswered requests. */
  ClientRequest older;

  ClientRequest newer;

  SessionTimings.Kind kind;
  long offsetBytes;
  long lengthBytes;
  long startNanos;

  /** When a part of it was sent to replicas for the last time; 0 before. */
  long sentNanos;

  private Callback done;
  private VolumeIo.ReadCallback sink;

  /** Bytes of a write, with a reference of our own. */
  private Payload held;

  /** Bytes that were read, with a reference of our own; null while there are none. */
  private Payload result;

  /** The same while they are put together from several pieces. */
  private Payloads.Writable together;

  private int left;
  private int awaitsChunks;
  private Failure failure;
  private boolean ended;

  ClientRequest(BlockRequests requests) {
    this.requests = requests;
  }

  /** Says what is asked for. */
  ClientRequest about(SessionTimings.Kind ofKind, long offset, long length) {
    kind = ofKind;
    offsetBytes = offset;
    lengthBytes = length;
    return this;
  }

  /** Begins one that is answered by its end alone. */
  ClientRequest of(Payload payload, Callback callback, long nowNanos) {
    startNanos = nowNanos;
    sentNanos = 0;
    done = callback;
    held = payload;
    left = 1;
    awaitsChunks = 0;
    failure = null;
    ended = false;
    if (payload != null) {
      payload.retain();
    }
    requests.begun(this);
    return this;
  }

  /** Begins one that is answered by bytes. */
  ClientRequest read(VolumeIo.ReadCallback callback, long nowNanos) {
    sink = callback;
    return of(null, null, nowNanos);
  }

  boolean hasEnded() {
    return ended;
  }

  Payload held() {
    return held;
  }

  boolean awaitsChunks() {
    return awaitsChunks > 0;
  }

  void awaitsChunks(int change) {
    awaitsChunks += change;
  }

  /** One more piece. */
  void expect() {
    left++;
  }

  /** The answer will be put together: it is zeroes until then. */
  void expectSeveral(Payloads payloads) {
    together = payloads.allocate((int) lengthBytes);
    result = together;
  }

  /** Takes a part of what was read; its memory is shared when it is all of it. */
  void take(int atByte, Payload payload, int from, int bytes) {
    if (together != null) {
      together
          .mutable()
          .putBytes(together.offset() + atByte, payload.buffer(), payload.offset() + from, bytes);
    } else if (bytes == payload.length()) {
      payload.retain();
      result = payload;
    } else {
      result = payload.slice(from, bytes);
    }
  }

  /** A piece, or the one who split the request, has no more to do with it. */
  void pieceDone(Failure pieceFailure) {
    if (pieceFailure != null && failure == null) {
      failure = pieceFailure;
    }
    if (--left == 0) {
      end(failure);
      requests.give(this);
    }
  }

  /** Answers; does nothing when that was done before. */
  void end(Failure how) {
    if (ended) {
      return;
    }
    ended = true;
    requests.ended(this, how != null);
    if (sink != null) {
      answer(how);
    } else {
      done.done(how);
    }
    if (held != null) {
      held.release();
    }
    done = null;
    sink = null;
    held = null;
    result = null;
    together = null;
  }

  private void answer(Failure how) {
    if (how == null && result == null) {
      // Nothing was ever written there.
      result = requests.zeroes((int) lengthBytes);
    }
    sink.done(how == null ? result : null, how);
    if (result != null) {
      result.release();
    }
  }
}
