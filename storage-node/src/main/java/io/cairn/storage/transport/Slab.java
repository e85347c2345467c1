package io.cairn.storage.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Memory off the heap of a fixed size that is used again: bytes of a socket, and payloads that
 * share them, a large payload, or headers that are to be sent. Its last reference may be dropped on
 * any thread.
 */
final class Slab extends UnpooledDirectByteBuf {
  private static final AtomicInteger IN_USE = new AtomicInteger();

  private final LoopMemory home;
  private final long address;
  private final int sizeBytes;

  /** Bytes of the payload that it holds; all of them when it is for other things. */
  private int limit;

  private boolean holdsPayload;

  /** What it is a part of, with a reference; null when its memory is its own. */
  private final SharedMemory whole;

  Slab(LoopMemory home, int sizeBytes) {
    super(UnpooledByteBufAllocator.DEFAULT, sizeBytes, sizeBytes);
    this.home = home;
    this.sizeBytes = sizeBytes;
    this.limit = sizeBytes;
    this.whole = null;
    this.address = MemorySegment.ofBuffer(super.internalNioBuffer(0, sizeBytes)).address();
    IN_USE.incrementAndGet();
  }

  /** A part of memory that is lent to others. */
  Slab(LoopMemory home, SharedMemory whole, int from, int sizeBytes) {
    super(UnpooledByteBufAllocator.DEFAULT, whole.part(from, sizeBytes), sizeBytes);
    this.home = home;
    this.sizeBytes = sizeBytes;
    this.limit = sizeBytes;
    this.whole = whole;
    this.address = whole.memoryAddress() + from;
    whole.retain();
    clear();
    IN_USE.incrementAndGet();
  }

  /** Slabs of this process that somebody holds. */
  static int inUse() {
    return IN_USE.get();
  }

  /** A free one has one reference again, and no bytes. */
  Slab again() {
    resetRefCnt();
    clear();
    IN_USE.incrementAndGet();
    return this;
  }

  /** Has room for one payload, and no more. */
  Slab holding(int bytes) {
    holdsPayload = true;
    limit = bytes;
    return this;
  }

  /** Whether it is for payloads that have it to themselves. */
  boolean holdsPayload() {
    return holdsPayload;
  }

  int sizeBytes() {
    return sizeBytes;
  }

  /** Whether it is a part of memory that is lent to others. */
  boolean isShared() {
    return whole != null;
  }

  /** Gives a free one's memory back. */
  void free() {
    super.deallocate();
    if (whole != null) {
      whole.release();
    }
  }

  @Override
  protected void deallocate() {
    IN_USE.decrementAndGet();
    if (!home.keeps(this)) {
      free();
    }
  }

  @Override
  public boolean hasMemoryAddress() {
    return true;
  }

  @Override
  public long memoryAddress() {
    return address;
  }

  @Override
  public int capacity() {
    // Asked for while it is made, too.
    return limit == 0 ? maxCapacity() : limit;
  }

  @Override
  public ByteBuf capacity(int newCapacity) {
    throw new UnsupportedOperationException("a slab keeps its size of " + capacity() + " bytes");
  }
}
