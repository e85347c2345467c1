package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A payload that is a range of a Netty buffer, which it shares and of which it holds one reference.
 * May be released on any thread; released on the one that made it, the object is used again.
 */
public final class NettyPayload implements Payloads.Writable {
  private static final AtomicIntegerFieldUpdater<NettyPayload> REFERENCES =
      AtomicIntegerFieldUpdater.newUpdater(NettyPayload.class, "references");

  private final LoopMemory home;
  private final UnsafeBuffer view = new UnsafeBuffer(0, 0);
  private ByteBuf bytes;
  private int from;
  private int length;
  private volatile int references;

  NettyPayload(LoopMemory home) {
    this.home = home;
  }

  /** Wraps the readable bytes; takes over one reference. */
  public static NettyPayload of(ByteBuf bytes) {
    return of(bytes, bytes.readerIndex(), bytes.readableBytes());
  }

  /** Wraps a range of the bytes; takes over one reference. */
  public static NettyPayload of(ByteBuf bytes, int from, int length) {
    NettyPayload payload = LoopMemory.current().takePayload();
    payload.bytes = bytes;
    payload.from = from;
    payload.length = length;
    payload.references = 1;
    if (length == 0) {
      // An empty buffer has no memory to look at.
      payload.view.wrap(0, 0);
    } else if (bytes.hasMemoryAddress()) {
      payload.view.wrap(bytes.memoryAddress() + from, length);
    } else {
      payload.view.wrap(bytes.nioBuffer(from, length));
    }
    return payload;
  }

  /** What the sockets of the data path are given, and where small payloads come from. */
  public static final PooledByteBufAllocator POOL = PooledByteBufAllocator.DEFAULT;

  /** Allocates payloads off the heap. */
  public static Payloads allocator(ByteBufAllocator allocator) {
    return new Payloads() {
      @Override
      public Writable allocate(int length) {
        Writable payload = allocateUnset(length);
        payload.mutable().setMemory(0, length, (byte) 0);
        return payload;
      }

      @Override
      public Writable allocateUnset(int length) {
        return of(LoopMemory.forPayload(length, allocator).writerIndex(length));
      }
    };
  }

  /**
   * The payload's memory for a socket to be read into, with room for its bytes and no more, and
   * nothing in it yet. Borrowed.
   */
  public ByteBuf receiver() {
    return bytes.slice(from, length).clear();
  }

  /** Whether it lies in memory that a peer lends. */
  boolean isLent() {
    return bytes instanceof SharedMemory;
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
    return length;
  }

  @Override
  public void retain() {
    int before = REFERENCES.getAndIncrement(this);
    if (before <= 0) {
      REFERENCES.decrementAndGet(this);
      throw new IllegalReferenceCountException(before, 1);
    }
  }

  @Override
  public void release() {
    int left = REFERENCES.decrementAndGet(this);
    if (left < 0) {
      REFERENCES.incrementAndGet(this);
      throw new IllegalReferenceCountException(left + 1, -1);
    }
    if (left == 0) {
      ByteBuf shared = bytes;
      bytes = null;
      home.give(this);
      shared.release();
    }
  }

  @Override
  public Payload slice(int offset, int lengthOfPart) {
    if (offset < 0 || lengthOfPart < 0 || offset > length - lengthOfPart) {
      throw new IndexOutOfBoundsException(
          "bytes " + offset + "+" + lengthOfPart + " of a payload of " + length);
    }
    return of(bytes.retain(), from + offset, lengthOfPart);
  }
}
