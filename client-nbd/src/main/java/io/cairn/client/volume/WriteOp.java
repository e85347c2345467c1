package io.cairn.client.volume;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;

/**
 * One sequenced write of one chunk, from its submission until every replica that counts has it
 * durable. The masks have one bit per replica of the chunk: {@link OwnedReplica#bit}. {@link
 * WriteWindow} keeps those that are free.
 */
final class WriteOp {
  /** Longer lists of checksums are not kept for the next write. */
  private static final int CRCS_KEPT = 64;

  private static final int[] NO_CRCS = {};

  /** Neighbours in the list of unsettled writes, which is the window's. */
  WriteOp older;

  WriteOp newer;

  OwnedChunk chunk;
  int block;
  int count;

  /** Bytes of the blocks, with a reference of our own; null for zeroes. */
  Payload payload;

  /** Checksums of the first {@link #count} blocks; not of zeroes. */
  int[] crcs = NO_CRCS;

  boolean noHole;
  boolean durable;
  Runnable done;

  /** Order over all writes of the session; flushes wait by it. */
  long number;

  long version;
  int ackedMask;
  int durableMask;
  boolean completed;
  boolean settled;

  /** When the client asked for it. */
  long askedNanos;

  /** When it was sent to the replicas for the first time. */
  long sentNanos;

  /** When it was settled: from then on only replicas that catch up can hold it in the window. */
  long settledNanos;

  /** Who refers to this: the window, requests that were not answered, what is not durable. */
  private int references;

  /** Blocks of a chunk; takes over the payload's reference. */
  void of(
      OwnedChunk ofChunk, int firstBlock, int blockCount, boolean isDurable, Runnable whenDone) {
    chunk = ofChunk;
    block = firstBlock;
    count = blockCount;
    payload = null;
    noHole = false;
    durable = isDurable;
    done = whenDone;
    ackedMask = 0;
    durableMask = 0;
    completed = false;
    settled = false;
    references = 1;
  }

  /** The bytes, with the checksums that go with them to the disk and back (I8). */
  void bytes(Payload bytes, Crc32c crc) {
    payload = bytes;
    if (crcs.length < count) {
      crcs = new int[count];
    }
    for (int i = 0; i < count; i++) {
      crcs[i] = crc.of(bytes.buffer(), bytes.offset() + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
    }
  }

  /** Every replica that counts has it: tells whoever asked. */
  void acknowledge() {
    chunk.session.timings.acknowledged(this, chunk.session.now());
    done.run();
  }

  /** What the write occupies of the window. */
  int windowBytes() {
    return payload == null ? 64 : count * Frame.BLOCK_BYTES;
  }

  void reference() {
    references++;
  }

  void dereference() {
    if (--references == 0) {
      WriteWindow window = chunk.session.window;
      chunk = null;
      payload = null;
      done = null;
      if (crcs.length > CRCS_KEPT) {
        crcs = NO_CRCS;
      }
      window.give(this);
    }
  }
}
