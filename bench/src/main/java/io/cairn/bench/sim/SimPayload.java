package io.cairn.bench.sim;

import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Reference-counted bytes on the heap, counted by the ledger of the process that holds them. */
final class SimPayload implements Payloads.Writable {
  private final SimPayload root;
  private final Ledger ledger;
  private final UnsafeBuffer buffer;
  private final int offset;
  private final int length;
  private int references = 1;

  private SimPayload(SimPayload root, Ledger ledger, UnsafeBuffer buffer, int offset, int length) {
    this.root = root == null ? this : root;
    this.ledger = ledger;
    this.buffer = buffer;
    this.offset = offset;
    this.length = length;
  }

  /** How many payloads one life of a process holds: zero in the end. */
  static final class Ledger {
    private long live;

    long live() {
      return live;
    }
  }

  static SimPayload of(Ledger ledger, byte[] bytes) {
    ledger.live++;
    return new SimPayload(null, ledger, new UnsafeBuffer(bytes), 0, bytes.length);
  }

  private void requireLive() {
    if (root.references <= 0) {
      throw new IllegalStateException("payload used after its last release");
    }
  }

  @Override
  public DirectBuffer buffer() {
    requireLive();
    return buffer;
  }

  @Override
  public MutableDirectBuffer mutable() {
    requireLive();
    return buffer;
  }

  @Override
  public int offset() {
    return offset;
  }

  @Override
  public int length() {
    return length;
  }

  @Override
  public void retain() {
    requireLive();
    root.references++;
  }

  @Override
  public void release() {
    requireLive();
    if (--root.references == 0) {
      ledger.live--;
      // Whoever reads it after this sees bytes that fail every check.
      root.buffer.setMemory(0, root.buffer.capacity(), (byte) 0xDE);
    }
  }

  @Override
  public Payload slice(int sliceOffset, int sliceLength) {
    requireLive();
    if (sliceOffset < 0 || sliceLength < 0 || sliceOffset + sliceLength > length) {
      throw new IndexOutOfBoundsException(sliceOffset + "+" + sliceLength + " of " + length);
    }
    root.references++;
    return new SimPayload(root, ledger, buffer, offset + sliceOffset, sliceLength);
  }
}
