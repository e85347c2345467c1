package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.agrona.DirectBuffer;

/**
 * Bytes of any payload, as a channel wants them. Memory off the heap is shared, so that a cached
 * block goes from the journal's memory to the socket; the payload is released once Netty is done.
 */
final class PayloadBytes extends UnpooledDirectByteBuf {
  private final Payload payload;

  private PayloadBytes(ByteBufAllocator allocator, ByteBuffer bytes, Payload payload) {
    super(allocator, bytes, bytes.remaining());
    this.payload = payload;
  }

  /** The payload's bytes with a reference of their own; the payload is borrowed. */
  static ByteBuf of(Payload payload, ByteBufAllocator allocator) {
    if (payload instanceof NettyPayload netty) {
      return netty.retainedBytes();
    }
    DirectBuffer buffer = payload.buffer();
    byte[] array = buffer.byteArray();
    if (array != null) {
      int start = buffer.wrapAdjustment() + payload.offset();
      return allocator
          .directBuffer(payload.length(), payload.length())
          .writeBytes(array, start, payload.length());
    }
    payload.retain();
    return new PayloadBytes(allocator, view(buffer, payload.offset(), payload.length()), payload);
  }

  @SuppressWarnings("restricted")
  private static ByteBuffer view(DirectBuffer buffer, int offset, int length) {
    ByteBuffer bytes = buffer.byteBuffer();
    if (bytes != null) {
      return bytes.slice(buffer.wrapAdjustment() + offset, length);
    }
    return MemorySegment.ofAddress(buffer.addressOffset() + offset)
        .reinterpret(length)
        .asByteBuffer();
  }

  @Override
  protected void deallocate() {
    super.deallocate();
    payload.release();
  }
}
