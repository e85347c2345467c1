package io.cairn.storage.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Memory off the heap of a fixed size that is used again: bytes of a socket, and payloads that
 * share them, or headers that are to be sent. Its last reference may be dropped on any thread.
 */
final class Slab extends UnpooledDirectByteBuf {
  private static final AtomicInteger IN_USE = new AtomicInteger();

  private final LoopMemory home;
  private final long address;

  Slab(LoopMemory home, int sizeBytes) {
    super(UnpooledByteBufAllocator.DEFAULT, sizeBytes, sizeBytes);
    this.home = home;
    this.address = MemorySegment.ofBuffer(super.internalNioBuffer(0, sizeBytes)).address();
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

  /** Gives a free one's memory back. */
  void free() {
    super.deallocate();
  }

  @Override
  protected void deallocate() {
    IN_USE.decrementAndGet();
    if (!home.keeps(this)) {
      super.deallocate();
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
  public ByteBuf capacity(int newCapacity) {
    throw new UnsupportedOperationException("a slab keeps its size of " + capacity() + " bytes");
  }
}
