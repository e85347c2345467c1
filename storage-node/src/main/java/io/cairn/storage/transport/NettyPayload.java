package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A payload that is a range of a Netty buffer, which it shares and whose reference it holds. The
 * reference count is the buffer's, so a payload may be released on any thread.
 */
public final class NettyPayload implements Payloads.Writable {
  private final ByteBuf bytes;
  private final UnsafeBuffer view;

  private NettyPayload(ByteBuf bytes) {
    this.bytes = bytes;
    // An empty buffer has no memory to look at; one of Netty's own may refuse to name its address.
    this.view =
        bytes.readableBytes() == 0
            ? new UnsafeBuffer(0, 0)
            : new UnsafeBuffer(bytes.nioBuffer(bytes.readerIndex(), bytes.readableBytes()));
  }

  /** Wraps the readable bytes; takes over one reference. */
  public static NettyPayload of(ByteBuf bytes) {
    return new NettyPayload(bytes);
  }

  /** Allocates payloads of zeroes off the heap. */
  public static Payloads allocator(ByteBufAllocator allocator) {
    return length -> {
      ByteBuf bytes = allocator.directBuffer(Math.max(1, length), Math.max(1, length));
      bytes.writeZero(length);
      return new NettyPayload(bytes);
    };
  }

  /** The readable bytes as a buffer with a reference of its own, for a channel to write. */
  public ByteBuf retainedBytes() {
    return bytes.retainedSlice();
  }

  @Override
  public MutableDirectBuffer buffer() {
    return view;
  }

  @Override
  public MutableDirectBuffer mutable() {
    return view;
  }

  @Override
  public int offset() {
    return 0;
  }

  @Override
  public int length() {
    return bytes.readableBytes();
  }

  @Override
  public void retain() {
    bytes.retain();
  }

  @Override
  public void release() {
    bytes.release();
  }

  @Override
  public Payload slice(int offset, int length) {
    return new NettyPayload(bytes.retainedSlice(bytes.readerIndex() + offset, length));
  }
}
