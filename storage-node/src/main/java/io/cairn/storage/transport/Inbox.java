package io.cairn.storage.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;

/**
 * Where one channel's socket is read into, and what was not consumed yet. The bytes of several
 * reads follow each other in one slab, so that a frame seldom lies in two pieces; payloads share
 * the slab's memory and keep it. A connection that has nothing to consume holds no memory.
 *
 * <p>It must be the channel's receive allocator before the first read; then every message that the
 * channel reads is the buffer that {@link #bytes} returns, with a reference for the reader.
 */
public final class Inbox implements RecvByteBufAllocator {
  /** With less room than this the next read gets another slab. */
  private static final int ROOM_MIN_BYTES = 16 << 10;

  /**
   * After a payload of this size another is likely, and what is read with its header would have to
   * be copied: the next read takes little more than that.
   */
  private static final int LARGE_BYTES = 64 << 10;

  /** Reads of one channel before others have their turn. */
  private static final int READS_MAX = 16;

  private ByteBuf bytes;
  private ByteBuf direct;
  private boolean expectsLarge;

  /** What was received and not consumed; null when there is nothing. Borrowed. */
  public ByteBuf bytes() {
    return bytes;
  }

  /**
   * The next reads fill this buffer and no other, as far as it has room; null for none. Borrowed
   * while it is set.
   */
  public void readInto(ByteBuf payload) {
    direct = payload;
    expectsLarge |= payload != null && payload.capacity() >= LARGE_BYTES;
  }

  /** Lets go of what was consumed. */
  public void trim() {
    if (bytes == null || bytes.isReadable()) {
      return;
    }
    ByteBuf used = bytes;
    bytes = null;
    if (used instanceof Slab slab) {
      LoopMemory.current().giveBack(slab);
    } else {
      used.release();
    }
  }

  /** Lets go of everything. */
  public void release() {
    if (bytes != null) {
      bytes.release();
      bytes = null;
    }
  }

  /** Appends bytes that came another way; takes them over. */
  void append(ByteBuf came) {
    room(came.alloc(), came.readableBytes()).writeBytes(came);
    came.release();
  }

  private ByteBuf room(ByteBufAllocator allocator, int wanted) {
    if (bytes != null && !bytes.isReadable() && bytes.refCnt() == 1) {
      bytes.clear();
    }
    if (bytes == null || bytes.writableBytes() < wanted) {
      int left = bytes == null ? 0 : bytes.readableBytes();
      ByteBuf next =
          left + wanted <= LoopMemory.RECEIVE_BYTES
              ? LoopMemory.current().forReceiving(left + wanted)
              : allocator.directBuffer(Math.max(2 * left, left + wanted));
      next.readerIndex(next.writerIndex());
      if (left > 0) {
        next.writeBytes(bytes);
      }
      release();
      bytes = next;
    }
    return bytes;
  }

  @Override
  public ExtendedHandle newHandle() {
    return new Reading();
  }

  private final class Reading implements ExtendedHandle {
    private ChannelConfig config;
    private int attempted;
    private int last;
    private int reads;

    @Override
    public ByteBuf allocate(ByteBufAllocator allocator) {
      if (direct != null && direct.isWritable()) {
        return direct.retain();
      }
      if (expectsLarge) {
        expectsLarge = false;
        if (bytes == null) {
          bytes = LoopMemory.current().forHeaders();
          return bytes.retain();
        }
      }
      return room(allocator, ROOM_MIN_BYTES).retain();
    }

    @Override
    public int guess() {
      return LoopMemory.RECEIVE_BYTES;
    }

    @Override
    public void reset(ChannelConfig channelConfig) {
      config = channelConfig;
      reads = 0;
    }

    @Override
    public void incMessagesRead(int count) {
      reads += count;
    }

    @Override
    public void lastBytesRead(int count) {
      last = count;
    }

    @Override
    public int lastBytesRead() {
      return last;
    }

    @Override
    public void attemptedBytesRead(int count) {
      attempted = count;
    }

    @Override
    public int attemptedBytesRead() {
      return attempted;
    }

    /** A socket that did not fill the buffer is empty: asking again would only say so. */
    @Override
    public boolean continueReading() {
      return config.isAutoRead() && last > 0 && last == attempted && reads < READS_MAX;
    }

    @Override
    public boolean continueReading(UncheckedBooleanSupplier mayHaveMore) {
      return continueReading();
    }

    @Override
    public void readComplete() {
      trim();
    }
  }
}
