package io.cairn.storage.transport;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.NativeMemory;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.FastThreadLocal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.agrona.BitUtil;
import org.agrona.collections.Long2ObjectHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the connections of one loop use again and again, so that a frame allocates nothing: slabs of
 * memory, payloads, and what a channel writes. One per thread.
 */
public final class LoopMemory {
  private static final Logger LOG = LoggerFactory.getLogger(LoopMemory.class);

  /** Size of a slab into which sockets are read. */
  static final int RECEIVE_BYTES = 128 << 10;

  /** Size of a slab of headers, to be sent or received. */
  static final int HEADERS_BYTES = 4 << 10;

  /** Free slabs of one size that are kept. */
  private static final int SLABS_KEPT = 32;

  /** A larger payload than this has a slab to itself: Netty's threads keep nothing above it. */
  private static final int POOLED_BYTES = 32 << 10;

  /** Larger payloads, which no request has, come from the allocator. */
  private static final int PAYLOAD_SLAB_BYTES_MAX = 2 << 20;

  /** Free slabs of all sizes for payloads that are kept, together. */
  private static final int PAYLOADS_KEPT_BYTES = 16 << 20;

  /** A payload of a request, at most, that is lent to a peer. */
  private static final int LENT_PART_BYTES = Frame.BLOCKS_MAX * Frame.BLOCK_BYTES;

  /**
   * Payloads that lie in lent memory at one time; further ones are sent. More than a volume's
   * window has of the largest, which keeps them until they are durable.
   */
  private static final int LENT_PARTS = 96;

  /** Free objects of one kind that are kept. */
  private static final int OBJECTS_KEPT = 4096;

  private static final FastThreadLocal<LoopMemory> CURRENT =
      new FastThreadLocal<>() {
        @Override
        protected LoopMemory initialValue() {
          return new LoopMemory();
        }

        @Override
        protected void onRemoval(LoopMemory memory) {
          memory.free();
        }
      };

  private final Thread thread = Thread.currentThread();
  private final List<Slab> receive = new ArrayList<>();

  /** A slab with room behind payloads that still use it: small ones lie close together. */
  private Slab begun;

  private final List<Slab> headers = new ArrayList<>();

  /** Free slabs for large payloads, by the logarithm of their size. */
  private final List<List<Slab>> large = new ArrayList<>();

  private int largeKeptBytes;

  /** Memory for large payloads that peers of this host are shown; null until one asks for it. */
  private SharedMemory lent;

  private boolean cannotLend;

  /** Parts of {@link #lent} that nobody uses, and how many were made. */
  private final List<Slab> lentFree = new ArrayList<>();

  private final Queue<Slab> lentBack = new ConcurrentLinkedQueue<>();
  private int lentParts;

  private final List<NettyPayload> payloads = new ArrayList<>();
  private final Long2ObjectHashMap<List<OutboundBytes>> outbound = new Long2ObjectHashMap<>();
  private final NativeMemory memory = new NativeMemory();
  private long lastBase = -1;
  private List<OutboundBytes> lastOutbound;
  private volatile boolean over;

  private LoopMemory() {}

  /** The calling thread's. */
  static LoopMemory current() {
    return CURRENT.get();
  }

  /** Slabs that connections and payloads hold, over all threads, but for one of each thread. */
  public static int slabsInUse() {
    return Slab.inUse();
  }

  /** A slab for a socket to be read into, with room behind its writer index. */
  Slab forReceiving(int wantedBytes) {
    Slab next = begun;
    if (next != null) {
      begun = null;
      if (next.refCnt() == 1) {
        next.clear();
      }
      if (next.writableBytes() >= wantedBytes) {
        return next;
      }
      next.release();
    }
    return receive.isEmpty() ? new Slab(this, RECEIVE_BYTES) : receive.removeLast().again();
  }

  /** A connection needs the slab no more; takes its reference over. */
  void giveBack(Slab slab) {
    if (begun == null
        && slab.sizeBytes() == RECEIVE_BYTES
        && Thread.currentThread() == thread
        && !over) {
      begun = slab;
    } else {
      slab.release();
    }
  }

  /** An empty slab for headers. */
  Slab forHeaders() {
    return headers.isEmpty() ? new Slab(this, HEADERS_BYTES) : headers.removeLast().again();
  }

  /**
   * Memory for one payload, with room for its bytes and no more; what it held before is still in
   * it. Netty's pools give a chunk of memory back as soon as nothing in it is used, so that a few
   * large payloads at a time would cost fresh memory, its zeroing and its page faults each. For a
   * loop's thread, which is to release it.
   *
   * @param allocator of what is too small or too large for a slab.
   */
  public static ByteBuf forPayload(int bytes, ByteBufAllocator allocator) {
    return bytes <= POOLED_BYTES || bytes > PAYLOAD_SLAB_BYTES_MAX
        ? allocator.directBuffer(Math.max(1, bytes), Math.max(1, bytes))
        : current().large(bytes);
  }

  /**
   * Memory in which large payloads lie from now on, as long as there is room in it, so that they
   * can be lent; for a loop's thread, which has it until it ends.
   *
   * @return null where there is none. Borrowed.
   */
  SharedMemory lent() {
    if (lent == null && !cannotLend) {
      try {
        lent = SharedMemory.make(LENT_PARTS * LENT_PART_BYTES);
      } catch (IOException e) {
        cannotLend = true;
        LOG.info("payloads go to peers of this host by their sockets: {}", e.getMessage());
      }
    }
    return lent;
  }

  /** A part of the memory that is lent, or null. */
  private Slab part() {
    if (lentFree.isEmpty()) {
      Slab back = lentBack.poll();
      if (back != null) {
        return back.again();
      }
      return lentParts == LENT_PARTS
          ? null
          : new Slab(this, lent, lentParts++ * LENT_PART_BYTES, LENT_PART_BYTES);
    }
    return lentFree.removeLast().again();
  }

  private Slab large(int bytes) {
    if (lent != null && bytes <= LENT_PART_BYTES) {
      Slab part = part();
      if (part != null) {
        return part.holding(bytes);
      }
    }
    int sizeBytes = BitUtil.findNextPositivePowerOfTwo(bytes);
    List<Slab> free = free(sizeBytes);
    Slab slab;
    if (free.isEmpty()) {
      slab = new Slab(this, sizeBytes);
    } else {
      largeKeptBytes -= sizeBytes;
      slab = free.removeLast().again();
    }
    return slab.holding(bytes);
  }

  private List<Slab> free(int sizeBytes) {
    int number = Integer.numberOfTrailingZeros(sizeBytes);
    while (large.size() <= number) {
      large.add(new ArrayList<>());
    }
    return large.get(number);
  }

  /** Bytes of free slabs for large payloads. */
  int keptForPayloadsBytes() {
    return largeKeptBytes;
  }

  /** Whether a slab that nobody holds any more is kept here. */
  boolean keeps(Slab slab) {
    if (slab.isShared()) {
      return !over && (Thread.currentThread() == thread ? lentFree : lentBack).add(slab);
    }
    if (Thread.currentThread() != thread || over) {
      return false;
    }
    if (slab.holdsPayload()) {
      if (largeKeptBytes + slab.sizeBytes() > PAYLOADS_KEPT_BYTES) {
        return false;
      }
      largeKeptBytes += slab.sizeBytes();
      return free(slab.sizeBytes()).add(slab);
    }
    List<Slab> free = slab.sizeBytes() == RECEIVE_BYTES ? receive : headers;
    return free.size() < SLABS_KEPT && free.add(slab);
  }

  NettyPayload takePayload() {
    return payloads.isEmpty() ? new NettyPayload(this) : payloads.removeLast();
  }

  void give(NettyPayload payload) {
    if (Thread.currentThread() == thread && payloads.size() < OBJECTS_KEPT) {
      payloads.add(payload);
    }
  }

  /** Bytes off the heap for a channel to write; the payload gets another reference. */
  OutboundBytes outbound(long address, int lengthBytes, Payload payload) {
    payload.retain();
    return take(address).of(address, lengthBytes, payload, null);
  }

  /** A part of a slab for a channel to write; the slab gets another reference. */
  OutboundBytes outbound(Slab slab, int from, int lengthBytes) {
    slab.retain();
    long address = slab.memoryAddress() + from;
    return take(address).of(address, lengthBytes, null, slab);
  }

  private OutboundBytes take(long address) {
    long base = NativeMemory.base(address);
    List<OutboundBytes> free = free(base);
    return free.isEmpty() ? new OutboundBytes(this, memory.over(address), base) : free.removeLast();
  }

  private List<OutboundBytes> free(long base) {
    if (base != lastBase) {
      lastBase = base;
      lastOutbound = outbound.get(base);
      if (lastOutbound == null) {
        lastOutbound = new ArrayList<>();
        outbound.put(base, lastOutbound);
      }
    }
    return lastOutbound;
  }

  void give(OutboundBytes written, long base) {
    if (Thread.currentThread() == thread) {
      List<OutboundBytes> free = free(base);
      if (free.size() < OBJECTS_KEPT) {
        free.add(written);
      }
    }
  }

  private void free() {
    over = true;
    if (begun != null) {
      begun.release();
    }
    receive.forEach(Slab::free);
    headers.forEach(Slab::free);
    large.forEach(slabs -> slabs.forEach(Slab::free));
    large.clear();
    lentFree.forEach(Slab::free);
    lentFree.clear();
    for (Slab back = lentBack.poll(); back != null; back = lentBack.poll()) {
      back.free();
    }
    if (lent != null) {
      lent.release();
      lent = null;
    }
    receive.clear();
    headers.clear();
  }
}
