package io.cairn.client.volume;

import io.cairn.client.volume.VolumeIo.Failure;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;

/**
 * A part of a request that lies in one chunk, from when it waits for the chunk until it was read or
 * written. {@link BlockRequests} keeps those that are free.
 *
 * <pre>
 * begin --the chunk exists--> allocated --its replicas are equal--> ready --range is free--> granted
 * granted --read, or submitted and acknowledged--> end
 * </pre>
 */
final class Piece implements ReadOp.Done {
  private static final int BLOCK = Frame.BLOCK_BYTES;

  /** What is done with the blocks. */
  enum Kind {
    READ,
    WRITE,
    /** Zeroes that may become a hole. */
    TRIM,
    /** Zeroes that keep their space. */
    ZERO
  }

  private final BlockRequests requests;
  private final VolumeSession session;
  private final RangeLocks.Claim claim = new RangeLocks.Claim(this::granted);
  private final Runnable ready = this::ready;
  private final Runnable written = this::written;
  private ClientRequest request;
  private Kind kind;
  private boolean fua;
  private OwnedChunk chunk;
  private int index;
  private int block;
  private int count;

  /** Bytes of the first block before the piece. */
  private int skipBytes;

  /** First byte, relative to the request's. */
  private int atByte;

  private int bytes;

  /** Set once the blocks are read one by one. */
  private boolean singly;

  Piece(BlockRequests requests, VolumeSession session) {
    this.requests = requests;
    this.session = session;
  }

  /** Says what is to be done. */
  Piece of(ClientRequest ofRequest, Kind ofKind, boolean isFua) {
    request = ofRequest;
    kind = ofKind;
    fua = isFua;
    chunk = null;
    singly = false;
    return this;
  }

  /**
   * Says where, and begins.
   *
   * @param inChunkBytes first byte within the chunk.
   * @param atByteOfRequest first byte, relative to the request's.
   */
  void begin(int chunkIndex, long inChunkBytes, int atByteOfRequest, int lengthBytes) {
    index = chunkIndex;
    block = (int) (inChunkBytes / BLOCK);
    skipBytes = (int) (inChunkBytes % BLOCK);
    atByte = atByteOfRequest;
    bytes = lengthBytes;
    count = (skipBytes + bytes + BLOCK - 1) / BLOCK;
    request.expect();
    seekChunk();
  }

  private boolean isWhole() {
    return skipBytes == 0 && bytes == count * BLOCK;
  }

  private void seekChunk() {
    chunk = session.chunk(index);
    if (chunk != null) {
      chunk.ready(ready, session.now());
    } else if (kind == Kind.READ || kind == Kind.TRIM) {
      requests.ifUnallocated(index, () -> end(null), this::seekChunk);
    } else {
      ClientRequest waiting = request;
      waiting.awaitsChunks(1);
      session.allocation.allocate(
          index,
          () -> {
            waiting.awaitsChunks(-1);
            seekChunk();
          });
    }
  }

  private void ready() {
    claim.on(block, count, kind != Kind.READ);
    chunk.locks.acquire(claim);
  }

  private void granted() {
    boolean zeroes = kind == Kind.ZERO || kind == Kind.TRIM;
    if (kind == Kind.READ) {
      request.sentNanos = session.now();
      ReadOp.begin(chunk, block, count, this);
    } else if (request.hasEnded()) {
      // It timed out before its turn: its payload is gone.
      release(null);
    } else if (zeroes && isWhole()) {
      requests.submitZeroes(
          chunk, block, count, kind == Kind.ZERO, fua, request.startNanos, written);
    } else if (isWhole()) {
      submitPayload(request.held());
    } else {
      ReadOp.begin(chunk, block, count, this);
    }
  }

  private void submitPayload(Payload payload) {
    Payload part = payload;
    if (bytes == payload.length()) {
      part.retain();
    } else {
      part = payload.slice(atByte, bytes);
    }
    requests.submit(chunk, block, count, part, fua, request.startNanos, written);
  }

  /** The blocks that are asked for, or those of which a part is to be written. */
  @Override
  public void on(Payload payload, boolean repairWanted, long nowNanos) {
    if (payload == null && count > 1 && !singly) {
      singly = true;
      requests.readSingly(chunk, block, count, this);
    } else if (kind == Kind.READ) {
      if (payload != null && !request.hasEnded()) {
        request.take(atByte, payload, skipBytes, bytes);
      }
      OwnedChunk of = chunk;
      int first = block;
      int blocks = count;
      release(payload == null ? Failure.UNREADABLE : null);
      if (repairWanted) {
        requests.repair(of, first, blocks);
      }
    } else if (payload == null || request.hasEnded()) {
      release(Failure.UNREADABLE);
    } else {
      Payload held = kind == Kind.WRITE ? request.held() : null;
      Payload merged = requests.merge(payload, skipBytes, held, atByte, bytes);
      requests.submit(chunk, block, count, merged, fua, request.startNanos, written);
    }
  }

  private void written() {
    request.sentNanos = Math.max(request.sentNanos, session.timings.acknowledgedSentNanos());
    release(null);
  }

  private void release(Failure failure) {
    chunk.locks.release(claim);
    end(failure);
  }

  private void end(Failure failure) {
    ClientRequest of = request;
    request = null;
    chunk = null;
    requests.give(this);
    of.pieceDone(failure);
  }
}
