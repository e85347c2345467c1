package io.cairn.client.volume;

import io.cairn.client.volume.VolumeIo.Callback;
import io.cairn.client.volume.VolumeIo.Failure;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.wire.Frame;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Turns byte requests of any offset and length into block requests of single chunks: splits them,
 * makes partial blocks whole under an exclusive claim, and puts answers together.
 */
final class BlockRequests {
  private static final int BLOCK = Frame.BLOCK_BYTES;

  /** Client requests that were not answered yet. */
  private final Set<Parent> pending = new LinkedHashSet<>();

  private final VolumeSession session;
  private final Payloads payloads;
  private final long timeoutNanos;

  BlockRequests(VolumeSession session, Payloads payloads, long timeoutNanos) {
    this.timeoutNanos = timeoutNanos;
    this.session = session;
    this.payloads = payloads;
  }

  /** Requests that were not answered yet. */
  int inFlight() {
    return pending.size();
  }

  /** How long the oldest request has waited; 0 when there is none. */
  long oldestNanos(long nowNanos) {
    return pending.isEmpty() ? 0 : nowNanos - pending.iterator().next().startNanos;
  }

  /** When the oldest request has waited long enough; Long.MAX_VALUE when requests may wait on. */
  long nextDeadlineNanos() {
    return timeoutNanos == 0 || pending.isEmpty()
        ? Long.MAX_VALUE
        : pending.iterator().next().startNanos + timeoutNanos;
  }

  /** Fails what has waited long enough; what it began goes on behind its back. */
  void onTimer(long nowNanos) {
    while (nextDeadlineNanos() <= nowNanos) {
      session.counters.timeouts++;
      Parent oldest = pending.iterator().next();
      boolean lacksSpace = oldest.awaitsChunks > 0 && session.allocation.lacksSpace();
      oldest.end(lacksSpace ? Failure.NO_SPACE : Failure.TIMED_OUT);
    }
  }

  /** One client request, done when all its pieces are. */
  private final class Parent {
    private final long startNanos = session.now();
    private final Callback done;
    private final Payload held;
    private int left = 1;
    private int awaitsChunks;
    private Failure failure;
    private boolean ended;

    Parent(Payload held, Callback done) {
      this.held = held;
      this.done = done;
      if (held != null) {
        held.retain();
      }
      pending.add(this);
    }

    void expect() {
      left++;
    }

    /** Allocates the piece's chunk first, if need be. */
    void onChunk(Piece piece, Runnable action) {
      awaitsChunks++;
      session.allocation.allocate(
          piece.index(),
          () -> {
            awaitsChunks--;
            action.run();
          });
    }

    void pieceDone(Failure pieceFailure) {
      if (ended) {
        return;
      }
      if (pieceFailure != null && failure == null) {
        failure = pieceFailure;
      }
      if (--left == 0) {
        end(failure);
      }
    }

    void end(Failure how) {
      if (!ended) {
        ended = true;
        pending.remove(this);
        session.counters.ended(session.now() - startNanos);
        done.done(how);
        if (held != null) {
          held.release();
        }
      }
    }
  }

  /** A part of a request that lies in one chunk; bytes are relative to the request's first. */
  private record Piece(int index, int block, int count, int skipBytes, int atByte, int bytes) {
    boolean isWhole() {
      return skipBytes == 0 && bytes == count * BLOCK;
    }
  }

  private interface PieceAction {
    void on(Piece piece);
  }

  private void split(long offset, long length, int blocksMax, PieceAction action) {
    long chunkBytes = session.chunkSizeBytes();
    long at = offset;
    long end = offset + length;
    while (at < end) {
      int index = (int) (at / chunkBytes);
      long inChunk = at % chunkBytes;
      int block = (int) (inChunk / BLOCK);
      long pieceEnd =
          Math.min(
              Math.min(end, (index + 1) * chunkBytes),
              index * chunkBytes + (long) (block + blocksMax) * BLOCK);
      int bytes = (int) (pieceEnd - at);
      int skip = (int) (inChunk % BLOCK);
      int count = (skip + bytes + BLOCK - 1) / BLOCK;
      action.on(new Piece(index, block, count, skip, (int) (at - offset), bytes));
      at = pieceEnd;
    }
  }

  private void check(long offset, long length) {
    if (offset < 0 || length < 0 || offset > session.sizeBytes() - length) {
      throw new IllegalArgumentException(
          "bytes " + offset + "+" + length + " are outside a volume of " + session.sizeBytes());
    }
  }

  void flush(Callback done) {
    session.counters.flushes++;
    Parent parent = new Parent(null, done);
    session.window.whenDurable(() -> parent.pieceDone(null));
  }

  void read(long offset, int length, VolumeIo.ReadCallback sink) {
    check(offset, length);
    session.counters.reads++;
    session.counters.readBytes += length;
    Payloads.Writable result = payloads.allocate(length);
    Parent parent = new Parent(null, failure -> answer(result, failure, sink));
    split(
        offset,
        length,
        Frame.BLOCKS_MAX,
        piece -> {
          parent.expect();
          readPiece(piece, result, parent);
        });
    parent.pieceDone(null);
  }

  private static void answer(
      Payloads.Writable result, Failure failure, VolumeIo.ReadCallback sink) {
    sink.done(failure == null ? result : null, failure);
    result.release();
  }

  /** Runs one action when it is certain that the chunk does not exist, the other when it may. */
  private void ifUnallocated(int index, Runnable absent, Runnable again) {
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

  private void readPiece(Piece piece, Payloads.Writable result, Parent parent) {
    OwnedChunk chunk = session.chunk(piece.index());
    if (chunk == null) {
      ifUnallocated(
          piece.index(), () -> parent.pieceDone(null), () -> readPiece(piece, result, parent));
      return;
    }
    withClaim(
        chunk,
        piece,
        false,
        claim ->
            readBlocks(
                chunk,
                piece.block(),
                piece.count(),
                (payload, repair, now) -> {
                  if (payload != null && !parent.ended) {
                    result
                        .mutable()
                        .putBytes(
                            result.offset() + piece.atByte(),
                            payload.buffer(),
                            payload.offset() + piece.skipBytes(),
                            piece.bytes());
                  }
                  chunk.locks.release(claim);
                  parent.pieceDone(payload == null ? Failure.UNREADABLE : null);
                  if (repair) {
                    repair(chunk, piece);
                  }
                }));
  }

  /**
   * Reads blocks; when no replica has all of them, each by itself: two replicas may each have a bad
   * copy of another block.
   */
  private void readBlocks(OwnedChunk chunk, int block, int count, ReadOp.Done done) {
    new ReadOp(
            chunk,
            block,
            count,
            (payload, repair, now) -> {
              if (payload == null && count > 1) {
                readSingly(chunk, block, new byte[count * BLOCK], 0, done);
              } else {
                done.on(payload, repair, now);
              }
            })
        .start(session.now());
  }

  private void readSingly(OwnedChunk chunk, int block, byte[] whole, int index, ReadOp.Done done) {
    new ReadOp(
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
            })
        .start(session.now());
  }

  /** Rewrites blocks of which a replica has a bad copy, through the ordinary write path. */
  private void repair(OwnedChunk chunk, Piece piece) {
    session.counters.repairs++;
    withClaim(
        chunk,
        piece,
        true,
        claim ->
            readBlocks(
                chunk,
                piece.block(),
                piece.count(),
                (payload, again, now) -> {
                  if (payload == null) {
                    chunk.locks.release(claim);
                    return;
                  }
                  submitWrite(chunk, piece, payload.slice(0, payload.length()), false, claim, null);
                }));
  }

  private interface Claimed {
    void on(RangeLocks.Claim claim);
  }

  private void withClaim(OwnedChunk chunk, Piece piece, boolean exclusive, Claimed action) {
    chunk.ready(
        () -> {
          RangeLocks.Claim[] claim = new RangeLocks.Claim[1];
          claim[0] =
              new RangeLocks.Claim(
                  piece.block(), piece.count(), exclusive, () -> action.on(claim[0]));
          chunk.locks.acquire(claim[0]);
        },
        session.now());
  }

  void write(long offset, Payload payload, boolean fua, Callback done) {
    check(offset, payload.length());
    session.counters.writes++;
    session.counters.writtenBytes += payload.length();
    Parent parent = new Parent(payload, done);
    split(
        offset,
        payload.length(),
        Frame.BLOCKS_MAX,
        piece -> {
          parent.expect();
          parent.onChunk(
              piece,
              () -> {
                OwnedChunk chunk = session.chunk(piece.index());
                withClaim(
                    chunk,
                    piece,
                    true,
                    claim -> writePiece(chunk, piece, payload, fua, claim, parent));
              });
        });
    parent.pieceDone(null);
  }

  /** Writes a piece under its claim; null for payload means zeroes. */
  private void writePiece(
      OwnedChunk chunk,
      Piece piece,
      Payload payload,
      boolean fua,
      RangeLocks.Claim claim,
      Parent parent) {
    if (parent.ended) {
      // It timed out before its turn: its payload is gone.
      chunk.locks.release(claim);
      return;
    }
    if (piece.isWhole()) {
      submitWrite(chunk, piece, payload.slice(piece.atByte(), piece.bytes()), fua, claim, parent);
      return;
    }
    readBlocks(
        chunk,
        piece.block(),
        piece.count(),
        (old, repair, now) -> {
          if (old == null || parent.ended) {
            chunk.locks.release(claim);
            parent.pieceDone(Failure.UNREADABLE);
            return;
          }
          Payloads.Writable merged = payloads.allocate(piece.count() * BLOCK);
          merged.mutable().putBytes(merged.offset(), old.buffer(), old.offset(), old.length());
          int at = merged.offset() + piece.skipBytes();
          if (payload == null) {
            merged.mutable().setMemory(at, piece.bytes(), (byte) 0);
          } else {
            merged
                .mutable()
                .putBytes(at, payload.buffer(), payload.offset() + piece.atByte(), piece.bytes());
          }
          submitWrite(chunk, piece, merged, fua, claim, parent);
        });
  }

  /** Takes over the payload's reference. */
  private void submitWrite(
      OwnedChunk chunk,
      Piece piece,
      Payload payload,
      boolean fua,
      RangeLocks.Claim claim,
      Parent parent) {
    int[] crcs = new int[piece.count()];
    for (int i = 0; i < crcs.length; i++) {
      crcs[i] = session.crc.of(payload.buffer(), payload.offset() + i * BLOCK, BLOCK);
    }
    session.window.submit(
        new WriteOp(
            chunk,
            piece.block(),
            piece.count(),
            payload,
            crcs,
            false,
            fua || session.alwaysDurable(),
            () -> ended(chunk, claim, parent)));
  }

  private static void ended(OwnedChunk chunk, RangeLocks.Claim claim, Parent parent) {
    chunk.locks.release(claim);
    if (parent != null) {
      parent.pieceDone(null);
    }
  }

  void zero(long offset, long length, boolean mayPunch, boolean fua, Callback done) {
    check(offset, length);
    session.counters.zeroes++;
    Parent parent = new Parent(null, done);
    long firstWhole = Math.min(offset + length, (offset + BLOCK - 1) / BLOCK * BLOCK);
    long lastWhole = Math.max(firstWhole, (offset + length) / BLOCK * BLOCK);
    PieceAction action =
        piece -> {
          parent.expect();
          zeroPiece(piece, mayPunch, fua, parent);
        };
    split(offset, firstWhole - offset, 1, action);
    split(firstWhole, lastWhole - firstWhole, session.chunkBlocks(), action);
    split(lastWhole, offset + length - lastWhole, 1, action);
    parent.pieceDone(null);
  }

  private void zeroPiece(Piece piece, boolean mayPunch, boolean fua, Parent parent) {
    if (session.chunk(piece.index()) == null && mayPunch) {
      ifUnallocated(
          piece.index(),
          () -> parent.pieceDone(null),
          () -> zeroPiece(piece, mayPunch, fua, parent));
      return;
    }
    parent.onChunk(
        piece,
        () -> {
          OwnedChunk chunk = session.chunk(piece.index());
          withClaim(
              chunk,
              piece,
              true,
              claim -> {
                if (!piece.isWhole() || parent.ended) {
                  writePiece(chunk, piece, null, fua, claim, parent);
                  return;
                }
                session.window.submit(
                    new WriteOp(
                        chunk,
                        piece.block(),
                        piece.count(),
                        null,
                        null,
                        !mayPunch,
                        fua || session.alwaysDurable(),
                        () -> ended(chunk, claim, parent)));
              });
        });
  }

  void extents(long offset, long length, VolumeIo.ExtentsCallback sink) {
    check(offset, length);
    ExtentsQuery query = new ExtentsQuery(session, offset, length);
    Parent parent =
        new Parent(
            null,
            failure -> {
              if (failure == null) {
                query.answer(sink);
              } else {
                sink.done(null, null, 0, failure);
              }
            });
    query.run(
        () -> {
          if (query.sawAbsent()) {
            session.lease.underUnallocated(() -> parent.pieceDone(null));
          } else {
            parent.pieceDone(null);
          }
        });
  }

  /** The session is over: nobody waits any longer. */
  void failAll(Failure failure) {
    for (Parent parent : List.copyOf(pending)) {
      parent.end(failure);
    }
  }
}
