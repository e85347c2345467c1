package io.cairn.client.volume;

import io.cairn.client.volume.SessionTimings.Kind;
import io.cairn.client.volume.VolumeIo.Callback;
import io.cairn.client.volume.VolumeIo.Failure;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.wire.Frame;
import java.util.ArrayList;
import java.util.List;

/**
 * Turns byte requests of any offset and length into block requests of single chunks: splits them
 * into pieces, makes partial blocks whole under an exclusive claim, and knows the requests that
 * were not answered yet.
 */
final class BlockRequests {
  private static final int BLOCK = Frame.BLOCK_BYTES;

  private final VolumeSession session;
  private final Payloads payloads;
  private final long timeoutNanos;
  private final Pool<ClientRequest> requests = new Pool<>(() -> new ClientRequest(this));
  private final Pool<Piece> pieces;

  /** Client requests that were not answered yet, in the order of their age. */
  private ClientRequest oldest;

  private ClientRequest newest;
  private int inFlight;

  BlockRequests(VolumeSession session, Payloads payloads, long timeoutNanos) {
    this.timeoutNanos = timeoutNanos;
    this.session = session;
    this.payloads = payloads;
    pieces = new Pool<>(() -> new Piece(this, session));
  }

  /** Requests that were not answered yet. */
  int inFlight() {
    return inFlight;
  }

  /** How long the oldest request has waited; 0 when there is none. */
  long oldestNanos(long nowNanos) {
    return oldest == null ? 0 : nowNanos - oldest.startNanos;
  }

  /** When the oldest request has waited long enough; Long.MAX_VALUE when requests may wait on. */
  long nextDeadlineNanos() {
    return timeoutNanos == 0 || oldest == null ? Long.MAX_VALUE : oldest.startNanos + timeoutNanos;
  }

  /** Fails what has waited long enough; what it began goes on behind its back. */
  void onTimer(long nowNanos) {
    while (nextDeadlineNanos() <= nowNanos) {
      session.counters.timeouts++;
      boolean lacksSpace = oldest.awaitsChunks() && session.allocation.lacksSpace();
      oldest.end(lacksSpace ? Failure.NO_SPACE : Failure.TIMED_OUT);
    }
  }

  /** A request waits for its answer from now on. */
  void begun(ClientRequest request) {
    request.older = newest;
    if (newest == null) {
      oldest = request;
    } else {
      newest.newer = request;
    }
    newest = request;
    inFlight++;
  }

  /** A request is being answered. */
  void ended(ClientRequest request, boolean failed) {
    if (request.older == null) {
      oldest = request.newer;
    } else {
      request.older.newer = request.newer;
    }
    if (request.newer == null) {
      newest = request.older;
    } else {
      request.newer.older = request.older;
    }
    request.older = null;
    request.newer = null;
    inFlight--;
    session.counters.ended(session.now() - request.startNanos);
    session.timings.ended(request, failed, session.chunkSizeBytes(), session.now());
  }

  /** Nobody refers to the request any more. */
  void give(ClientRequest request) {
    requests.give(request);
  }

  /** Nobody refers to the piece any more. */
  void give(Piece piece) {
    pieces.give(piece);
  }

  private void split(
      ClientRequest request,
      long start,
      long offset,
      long length,
      int blocksMax,
      Piece.Kind kind,
      boolean fua) {
    long chunkBytes = session.chunkSizeBytes();
    long at = offset;
    long end = offset + length;
    while (at < end) {
      int index = (int) (at / chunkBytes);
      long pieceEnd = pieceEnd(at, end, chunkBytes, blocksMax);
      Piece piece = pieces.take().of(request, kind, fua);
      piece.begin(index, at % chunkBytes, (int) (at - start), (int) (pieceEnd - at));
      at = pieceEnd;
    }
  }

  private static long pieceEnd(long at, long end, long chunkBytes, int blocksMax) {
    long chunkStart = at - at % chunkBytes;
    long block = at % chunkBytes / BLOCK;
    return Math.min(
        Math.min(end, chunkStart + chunkBytes), chunkStart + (block + blocksMax) * BLOCK);
  }

  private void check(long offset, long length) {
    if (offset < 0 || length < 0 || offset > session.sizeBytes() - length) {
      throw new IllegalArgumentException(
          "bytes " + offset + "+" + length + " are outside a volume of " + session.sizeBytes());
    }
  }

  private ClientRequest begin(Kind kind, long offset, long length) {
    return requests.take().about(kind, offset, length);
  }

  void flush(Callback done) {
    session.counters.flushes++;
    ClientRequest request = begin(Kind.FLUSH, 0, 0).of(null, done, session.now());
    session.window.whenDurable(() -> request.pieceDone(null));
  }

  void read(long offset, int length, VolumeIo.ReadCallback sink) {
    check(offset, length);
    session.counters.reads++;
    session.counters.readBytes += length;
    ClientRequest request = begin(Kind.READ, offset, length).read(sink, session.now());
    long end = offset + length;
    if (pieceEnd(offset, end, session.chunkSizeBytes(), Frame.BLOCKS_MAX) < end) {
      request.expectSeveral(payloads);
    }
    split(request, offset, offset, length, Frame.BLOCKS_MAX, Piece.Kind.READ, false);
    request.pieceDone(null);
  }

  Payload zeroes(int length) {
    return payloads.allocate(length);
  }

  /** Runs one action when it is certain that the chunk does not exist, the other when it may. */
  void ifUnallocated(int index, Runnable absent, Runnable again) {
    session.lease.underUnallocated(
        () -> {
          if (session.chunk(index) != null) {
            again.run();
          } else if (session.allocation.mayExist(index)) {
            session.allocation.afterAnswer(again);
          } else {
            absent.run();
          }
        });
  }

  /**
   * When no replica has all of the blocks, each is read by itself: two replicas may each have a bad
   * copy of another block.
   */
  void readSingly(OwnedChunk chunk, int block, int count, ReadOp.Done done) {
    readSingly(chunk, block, new byte[count * BLOCK], 0, done);
  }

  private void readSingly(OwnedChunk chunk, int block, byte[] whole, int index, ReadOp.Done done) {
    ReadOp.begin(
        chunk,
        block + index,
        1,
        (payload, repair, now) -> {
          if (payload == null) {
            done.on(null, false, now);
            return;
          }
          payload.buffer().getBytes(payload.offset(), whole, index * BLOCK, BLOCK);
          if ((index + 1) * BLOCK < whole.length) {
            readSingly(chunk, block, whole, index + 1, done);
            return;
          }
          Payloads.Writable together = payloads.allocate(whole.length);
          together.mutable().putBytes(together.offset(), whole);
          done.on(together, true, now);
          together.release();
        });
  }

  /** Rewrites blocks of which a replica has a bad copy, through the ordinary write path. */
  void repair(OwnedChunk chunk, int block, int count) {
    session.counters.repairs++;
    chunk.ready(
        () -> {
          RangeLocks.Claim[] claim = new RangeLocks.Claim[1];
          claim[0] =
              new RangeLocks.Claim(
                  block, count, true, () -> rewrite(chunk, block, count, claim[0]));
          chunk.locks.acquire(claim[0]);
        },
        session.now());
  }

  private void rewrite(OwnedChunk chunk, int block, int count, RangeLocks.Claim claim) {
    ReadOp.Done last =
        (payload, again, now) -> {
          if (payload == null) {
            chunk.locks.release(claim);
            return;
          }
          payload.retain();
          submit(
              chunk, block, count, payload, false, session.now(), () -> chunk.locks.release(claim));
        };
    ReadOp.begin(
        chunk,
        block,
        count,
        (payload, again, now) -> {
          if (payload == null && count > 1) {
            readSingly(chunk, block, count, last);
          } else {
            last.on(payload, again, now);
          }
        });
  }

  void write(long offset, Payload payload, boolean fua, Callback done) {
    check(offset, payload.length());
    session.counters.writes++;
    session.counters.writtenBytes += payload.length();
    ClientRequest request =
        begin(Kind.WRITE, offset, payload.length()).of(payload, done, session.now());
    split(request, offset, offset, payload.length(), Frame.BLOCKS_MAX, Piece.Kind.WRITE, fua);
    request.pieceDone(null);
  }

  /**
   * The old blocks with the new bytes in them.
   *
   * @param at first new byte, relative to the blocks'.
   * @param bytes where the new bytes are, from that one on; null for zeroes.
   */
  Payload merge(Payload old, int at, Payload bytes, int from, int length) {
    Payloads.Writable merged = payloads.allocate(old.length());
    merged.mutable().putBytes(merged.offset(), old.buffer(), old.offset(), old.length());
    int first = merged.offset() + at;
    if (bytes == null) {
      merged.mutable().setMemory(first, length, (byte) 0);
    } else {
      merged.mutable().putBytes(first, bytes.buffer(), bytes.offset() + from, length);
    }
    return merged;
  }

  /** Writes blocks under a claim; takes over the payload's reference. */
  void submit(
      OwnedChunk chunk,
      int block,
      int count,
      Payload payload,
      boolean fua,
      long askedNanos,
      Runnable written) {
    WriteOp op = session.window.take();
    op.askedNanos = askedNanos;
    op.of(chunk, block, count, fua || session.alwaysDurable(), written);
    op.bytes(payload, session.crc);
    session.window.submit(op);
  }

  /** Writes zeroes under a claim. */
  void submitZeroes(
      OwnedChunk chunk,
      int block,
      int count,
      boolean noHole,
      boolean fua,
      long askedNanos,
      Runnable written) {
    WriteOp op = session.window.take();
    op.askedNanos = askedNanos;
    op.of(chunk, block, count, fua || session.alwaysDurable(), written);
    op.noHole = noHole;
    session.window.submit(op);
  }

  void zero(long offset, long length, boolean mayPunch, boolean fua, Callback done) {
    check(offset, length);
    session.counters.zeroes++;
    ClientRequest request = begin(Kind.ZERO, offset, length).of(null, done, session.now());
    long firstWhole = Math.min(offset + length, (offset + BLOCK - 1) / BLOCK * BLOCK);
    long lastWhole = Math.max(firstWhole, (offset + length) / BLOCK * BLOCK);
    Piece.Kind kind = mayPunch ? Piece.Kind.TRIM : Piece.Kind.ZERO;
    split(request, offset, offset, firstWhole - offset, 1, kind, fua);
    split(request, offset, firstWhole, lastWhole - firstWhole, session.chunkBlocks(), kind, fua);
    split(request, offset, lastWhole, offset + length - lastWhole, 1, kind, fua);
    request.pieceDone(null);
  }

  void extents(long offset, long length, VolumeIo.ExtentsCallback sink) {
    check(offset, length);
    ExtentsQuery query = new ExtentsQuery(session, offset, length);
    ClientRequest request =
        begin(Kind.EXTENTS, offset, length)
            .of(
                null,
                failure -> {
                  if (failure == null) {
                    query.answer(sink);
                  } else {
                    sink.done(null, null, 0, failure);
                  }
                },
                session.now());
    query.run(
        () -> {
          if (query.sawAbsent()) {
            session.lease.underUnallocated(() -> request.pieceDone(null));
          } else {
            request.pieceDone(null);
          }
        });
  }

  /** The session is over: nobody waits any longer. */
  void failAll(Failure failure) {
    List<ClientRequest> waiting = new ArrayList<>(inFlight);
    for (ClientRequest request = oldest; request != null; request = request.newer) {
      waiting.add(request);
    }
    for (ClientRequest request : waiting) {
      request.end(failure);
    }
  }
}
