package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.NativeMemory;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.nio.ByteBuffer;
import org.agrona.DirectBuffer;

/**
 * Bytes as a channel wants them: a view of memory off the heap, such as a cached block in the
 * journal's, so that it goes to the socket without a copy. What it was made of is released once
 * Netty is done; then the view is used again. Its indices count from {@link NativeMemory#base}.
 */
public final class OutboundBytes extends UnpooledDirectByteBuf {
  private final LoopMemory home;
  private final long base;
  private Payload payload;
  private Slab slab;

  OutboundBytes(LoopMemory home, ByteBuffer region, long base) {
    super(UnpooledByteBufAllocator.DEFAULT, whole(region), Integer.MAX_VALUE);
    this.home = home;
    this.base = base;
  }

  private static ByteBuffer whole(ByteBuffer region) {
    return region.duplicate().clear();
  }

  /**
   * The payload's bytes with a reference of their own, for a channel of the calling loop to write.
   *
   * @param payload borrowed.
   */
  public static ByteBuf of(Payload payload, ByteBufAllocator allocator) {
    DirectBuffer buffer = payload.buffer();
    byte[] array = buffer.byteArray();
    if (array != null) {
      int start = buffer.wrapAdjustment() + payload.offset();
      return allocator
          .directBuffer(payload.length(), payload.length())
          .writeBytes(array, start, payload.length());
    }
    long address = buffer.addressOffset() + payload.offset();
    return LoopMemory.current().outbound(address, payload.length(), payload);
  }

  OutboundBytes of(long address, int lengthBytes, Payload ofPayload, Slab ofSlab) {
    payload = ofPayload;
    slab = ofSlab;
    resetRefCnt();
    int from = (int) (address - base);
    setIndex(from, from + lengthBytes);
    return this;
  }

  @Override
  protected void deallocate() {
    Payload written = payload;
    Slab writtenSlab = slab;
    payload = null;
    slab = null;
    home.give(this, base);
    if (written != null) {
      written.release();
    } else {
      writtenSlab.release();
    }
  }

  @Override
  public boolean hasMemoryAddress() {
    return true;
  }

  @Override
  public long memoryAddress() {
    return base;
  }
}
