package io.cairn.client.volume;

/**
 * Writes that one shard holds but has not made durable, in the order of their journal positions: a
 * ring of three columns, which refers to each write in it.
 */
final class UnsyncedWrites {
  private static final int FIRST_SIZE = 64;

  /** A bit that no replica has. */
  private static final int NOBODY = ChunkReplicas.BITS;

  private WriteOp[] ops = new WriteOp[FIRST_SIZE];
  private int[] bits = new int[FIRST_SIZE];
  private long[] lsns = new long[FIRST_SIZE];
  private int first;
  private int count;

  boolean isEmpty() {
    return count == 0;
  }

  /** The shard's replica of that bit holds the write since the position. */
  void add(WriteOp op, int bit, long lsn) {
    if (count == ops.length) {
      grow();
    }
    int at = first + count & ops.length - 1;
    ops[at] = op;
    bits[at] = bit;
    lsns[at] = lsn;
    count++;
    op.reference();
  }

  private void grow() {
    WriteOp[] moreOps = new WriteOp[2 * count];
    int[] moreBits = new int[2 * count];
    long[] moreLsns = new long[2 * count];
    for (int i = 0; i < count; i++) {
      int from = first + i & count - 1;
      moreOps[i] = ops[from];
      moreBits[i] = bits[from];
      moreLsns[i] = lsns[from];
    }
    ops = moreOps;
    bits = moreBits;
    lsns = moreLsns;
    first = 0;
  }

  long firstLsn() {
    return lsns[first];
  }

  int firstBit() {
    return bits[first];
  }

  long lastLsn() {
    return lsns[first + count - 1 & lsns.length - 1];
  }

  /** The write's reference goes to the caller. */
  WriteOp removeFirst() {
    WriteOp op = ops[first];
    ops[first] = null;
    first = first + 1 & ops.length - 1;
    count--;
    return op;
  }

  /**
   * The bit is no longer that of the chunk's replica here: what is durable here counts for none.
   */
  void forget(OwnedChunk chunk, int bit) {
    for (int i = 0; i < count; i++) {
      int at = first + i & ops.length - 1;
      if (ops[at].chunk == chunk && bits[at] == bit) {
        bits[at] = NOBODY;
      }
    }
  }

  /** The shard may have lost them. */
  void clear() {
    while (count > 0) {
      removeFirst().dereference();
    }
  }
}
