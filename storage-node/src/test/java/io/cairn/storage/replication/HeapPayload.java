package io.cairn.storage.replication;

import io.cairn.storage.env.Payloads;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Reference-counted bytes on the heap; a use after the last release throws. */
public final class HeapPayload implements Payloads.Writable {
  private final HeapPayload root;
  private final UnsafeBuffer buffer;
  private final int offset;
  private final int length;
  private int references = 1;

  private HeapPayload(HeapPayload root, UnsafeBuffer buffer, int offset, int length) {
    this.root = root == null ? this : root;
    this.buffer = buffer;
    this.offset = offset;
    this.length = length;
  }

  public static HeapPayload of(byte[] bytes) {
    return new HeapPayload(null, new UnsafeBuffer(bytes), 0, bytes.length);
  }

  int references() {
    return root.references;
  }

  private void live() {
    if (root.references <= 0) {
      throw new IllegalStateException("a payload is used after its last release");
    }
  }

  @Override
  public MutableDirectBuffer mutable() {
    live();
    return buffer;
  }

  @Override
  public UnsafeBuffer buffer() {
    live();
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
    live();
    root.references++;
  }

  @Override
  public void release() {
    live();
    root.references--;
  }

  @Override
  public HeapPayload slice(int sliceOffset, int sliceLength) {
    live();
    root.references++;
    return new HeapPayload(root, buffer, offset + sliceOffset, sliceLength);
  }
}
