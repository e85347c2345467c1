package io.cairn.client.volume;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;

/**
 * One sequenced write of one chunk, from its submission until every replica that counts has it
 * durable. The masks have one bit per replica of the chunk's record, in its order.
 */
final class WriteOp {
  final OwnedChunk chunk;
  final int block;
  final int count;

  /** Bytes of the blocks, with a reference of our own; null for zeroes. */
  final Payload payload;

  final int[] crcs;
  final boolean noHole;
  final boolean durable;
  final Runnable done;

  /** Order over all writes of the session; flushes wait by it. */
  long number;

  long version;
  int ackedMask;
  int durableMask;
  boolean completed;
  boolean settled;

  /** When it was settled: from then on only replicas that catch up can hold it in the window. */
  long settledNanos;

  WriteOp(
      OwnedChunk chunk,
      int block,
      int count,
      Payload payload,
      int[] crcs,
      boolean noHole,
      boolean durable,
      Runnable done) {
    this.chunk = chunk;
    this.block = block;
    this.count = count;
    this.payload = payload;
    this.crcs = crcs;
    this.noHole = noHole;
    this.durable = durable;
    this.done = done;
  }

  /** What the write occupies of the window. */
  int windowBytes() {
    return payload == null ? 64 : count * Frame.BLOCK_BYTES;
  }
}
