package io.cairn.storage.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.device.BlockingThreads;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Region;
import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.StoreLoop;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.PeerLinks;
import io.cairn.storage.replication.ReplicaLimits;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/**
 * What one request costs the collector: from the received bytes through the frame decoder, the
 * replica machine and the journal to the encoded reply, on one thread; and what reads of the
 * capacity tier and destaging cost on the thread beside it.
 *
 * <p>What remains, and is bounded here, is per sync and per destage run and not per request or
 * block: the index that a run makes for its chunks, a few tasks, and one timer.
 */
@Timeout(value = 300)
class ShardAllocationTest {
  private static final long CLUSTER = 1;
  private static final long NODE = 2;
  private static final long VOLUME = 3;
  private static final int SEGMENT_BYTES = 4 << 20;
  private static final int SEGMENTS = 16;
  private static final int CHUNK_BLOCKS = 16_384;

  /** Requests that are decoded from one received buffer: half writes, half reads. */
  private static final int BATCH = 32;

  private static final int WARM_UP = 400_000;
  private static final int REQUESTS = 1_000_000;

  /** Syncs and runs, spread over the requests between them. */
  private static final double BYTES_PER_REQUEST_MAX = 1.0;

  private final ManyToOneConcurrentArrayQueue<Runnable> tasks =
      new ManyToOneConcurrentArrayQueue<>(1024);
  private final AtomicReference<Thread> other = new AtomicReference<>();
  private final BlockingThreads elsewhere =
      new BlockingThreads(
          1,
          TimeUnit.MINUTES.toNanos(5),
          task -> {
            other.set(Thread.ofPlatform().daemon().unstarted(task));
            return other.get();
          });
  private final Request request = new Request(CLUSTER);
  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer header = new UnsafeBuffer(new byte[256]);
  private final UnsafeBuffer block = new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));
  private final Replies replies = new Replies();
  private JournaledStore store;
  private ReplicaShard shard;
  private FrameDecoder decoder;
  private Runnable timer;
  private long sequence;
  private long requests;
  private long reads;

  /** The far end: encodes replies as a link does and counts them. */
  private static final class Replies implements Link, FrameDecoder.Sink {
    private final ByteBuf out = PooledByteBufAllocator.DEFAULT.directBuffer(2 * Frame.BLOCK_BYTES);
    private final UnsafeBuffer block =
        new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));
    private ReplicaShard shard;
    private long sent;
    private long readBytes;
    private String refusal;

    @Override
    public long id() {
      return 1;
    }

    @Override
    public void send(DirectBuffer header, int offset, int length, Payload payload) {
      out.clear();
      out.writeBytes(header.byteArray(), header.wrapAdjustment() + offset, length);
      if (payload != null) {
        readBytes += payload.length();
        block.putBytes(0, payload.buffer(), payload.offset(), payload.length());
      }
      if (Frame.type(header, offset) != MessageType.HELLO
          && Frame.status(header, offset) != Status.OK.code()) {
        refusal = Status.ofCode(Frame.status(header, offset)).toString();
      }
      sent++;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {
      refusal = "closed";
    }

    @Override
    public boolean takesMore() {
      return shard.takesMore(this);
    }

    @Override
    public void onFrame(DirectBuffer frame, int headerLength, Payload payload) {
      shard.onFrame(this, frame, 0, headerLength, payload, 0);
    }
  }

  /** The shard's loop is the test's thread; what blocks runs on another. */
  private final class Loop implements StoreLoop {
    @Override
    public void onLoop(Runnable task) {
      assertTrue(tasks.offer(task));
    }

    @Override
    public void offLoop(Runnable task) {
      elsewhere.execute(task);
    }

    @Override
    public long nowNanos() {
      return System.nanoTime();
    }

    @Override
    public void later(long delayNanos, Runnable task) {
      timer = task;
    }
  }

  /** A segment off the heap, durable when asked. */
  private static final class Memory implements Region {
    private final UnsafeBuffer bytes = new UnsafeBuffer(ByteBuffer.allocateDirect(SEGMENT_BYTES));

    @Override
    public MutableDirectBuffer buffer() {
      return bytes;
    }

    @Override
    public int sizeBytes() {
      return SEGMENT_BYTES;
    }

    @Override
    public void force(int offsetBytes, int lengthBytes, Consumer<Throwable> onDone) {
      onDone.accept(null);
    }

    @Override
    public void close(boolean forced) {}
  }

  /** One chunk off the heap. */
  private static final class Tier implements CapacityTier {
    /** Whether reads need not leave the loop. */
    private final boolean cached;

    private final UnsafeBuffer blocks =
        new UnsafeBuffer(ByteBuffer.allocateDirect(CHUNK_BLOCKS * Frame.BLOCK_BYTES));

    Tier(boolean cached) {
      this.cached = cached;
    }

    @Override
    public boolean reserve(long sizeBytes) {
      return true;
    }

    @Override
    public void adopt(long sizeBytes) {}

    @Override
    public void write(ChunkId chunk, int at, int count, DirectBuffer source, int offset) {
      blocks.putBytes(at * Frame.BLOCK_BYTES, source, offset, count * Frame.BLOCK_BYTES);
    }

    @Override
    public void zero(ChunkId chunk, int at, int count, boolean allocate) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void read(ChunkId chunk, int at, int count, MutableDirectBuffer target, int offset) {
      target.putBytes(offset, blocks, at * Frame.BLOCK_BYTES, count * Frame.BLOCK_BYTES);
    }

    @Override
    public boolean readCached(
        ChunkId chunk, int at, int count, MutableDirectBuffer target, int offset) {
      if (cached) {
        read(chunk, at, count, target, offset);
      }
      return cached;
    }

    @Override
    public void sync(ChunkId chunk) {}

    @Override
    public void trash(ChunkId chunk, long sizeBytes) {}
  }

  private static final class Entries implements Catalogue {
    private final Map<ChunkId, Stored> chunks = new ConcurrentHashMap<>();
    private final byte[][] stored = new byte[CHUNK_BLOCKS / 256][];
    private volatile long checkpointLsn;

    @Override
    public long checkpointLsn() {
      return checkpointLsn;
    }

    @Override
    public Map<Long, Long> fences() {
      return Map.of();
    }

    @Override
    public List<Stored> chunks() {
      return List.copyOf(chunks.values());
    }

    @Override
    public Stored chunk(ChunkId chunk) {
      return chunks.get(chunk);
    }

    @Override
    public byte[] page(ChunkId chunk, int page) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void raiseFence(long volumeId, long generation) {}

    @Override
    public int page(ChunkId chunk, int page, byte[] target) {
      byte[] bytes = stored[page];
      System.arraycopy(bytes, 0, target, 0, bytes.length);
      return bytes.length;
    }

    @Override
    public void commit(Batch batch) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Checkpoint begin() {
      return new Checkpoint() {
        @Override
        public void delete(ChunkId chunk) {
          throw new UnsupportedOperationException();
        }

        @Override
        public void putFence(long volumeId, long generation) {}

        @Override
        public void putChunk(Stored chunk) {
          chunks.put(chunk.chunk(), chunk);
        }

        @Override
        public void putPage(ChunkId chunk, int page, byte[] bytes) {
          if (stored[page] == null) {
            stored[page] = new byte[bytes.length];
          }
          System.arraycopy(bytes, 0, stored[page], 0, bytes.length);
        }

        @Override
        public void commit(long lsn) {
          checkpointLsn = lsn;
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public void close() {}
  }

  private static final class NoPeers implements PeerLinks {
    @Override
    public int shardCount(long nodeId) {
      return 0;
    }

    @Override
    public void connect(String host, int port, Dialer.Handler handler) {
      throw new UnsupportedOperationException();
    }
  }

  private void open(boolean cached) throws Exception {
    List<Region> ring = new ArrayList<>();
    for (int i = 0; i < SEGMENTS; i++) {
      ring.add(new Memory());
    }
    store =
        JournaledStore.open(
            new JournalIdentity(CLUSTER, NODE, 0),
            ring,
            1,
            new Entries(),
            new Tier(cached),
            new Loop(),
            NettyPayload.allocator(PooledByteBufAllocator.DEFAULT),
            StoreSettings.defaults(),
            null);
    shard =
        new ReplicaShard(CLUSTER, NODE, 1, 0, 1, store, new NoPeers(), ReplicaLimits.defaults());
    replies.shard = shard;
    decoder = new FrameDecoder(PooledByteBufAllocator.DEFAULT, null);
    store.start(shard);
    shard.onLinkOpen(replies);
    block.setMemory(0, Frame.BLOCK_BYTES, (byte) 7);
    frame(request.hello(header, 0, requests++, NODE, 1, 1, 0, Request.ROLE_GATEWAY));
    frame(request.bare(header, 0, MessageType.FENCE, requests++, NODE, VOLUME, 0, 0, 1));
    frame(request.create(header, 0, requests++, NODE, VOLUME, 0, 0, 1, CHUNK_BLOCKS));
  }

  private void frame(int length) {
    ByteBuf in = PooledByteBufAllocator.DEFAULT.directBuffer(length);
    in.writeBytes(header.byteArray(), 0, length);
    feed(in);
  }

  private void feed(ByteBuf in) {
    assertNull(decoder.feed(in, replies));
    assertEquals(0, in.readableBytes());
    in.release();
  }

  /** Half writes, and half reads of blocks of which some are in the journal and some destaged. */
  private void batch() {
    ByteBuf in = PooledByteBufAllocator.DEFAULT.directBuffer(BATCH * (Frame.BLOCK_BYTES + 128));
    for (int i = 0; i < BATCH / 2; i++) {
      sequence++;
      block.putLong(0, sequence);
      int sum = crc.of(block, 0, Frame.BLOCK_BYTES);
      Request.putCrc(header, 0, 0, sum);
      int at = (int) (sequence * 2_654_435_761L >>> 8) & CHUNK_BLOCKS - 1;
      int length =
          request.write(
              header, 0, 0, requests++, NODE, VOLUME, 0, 0, 1, Version.of(1, sequence), at, 1);
      in.writeBytes(header.byteArray(), 0, length);
      block.getBytes(0, in.internalNioBuffer(in.writerIndex(), Frame.BLOCK_BYTES), 4096);
      in.writerIndex(in.writerIndex() + Frame.BLOCK_BYTES);
      int other = (int) (sequence * 40_503L >>> 3) & CHUNK_BLOCKS - 1;
      length =
          request.range(
              header,
              0,
              MessageType.READ,
              Frame.FLAG_WITH_VERSIONS,
              requests++,
              NODE,
              VOLUME,
              0,
              0,
              1,
              other,
              1,
              0);
      in.writeBytes(header.byteArray(), 0, length);
    }
    feed(in);
  }

  private void runTasks() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  private void push(int count) {
    for (int done = 0; done < count; done += BATCH) {
      // As on a node whose destaging keeps up: a journal that fills parks requests, which is no
      // steady state.
      while (store.journalUsedBytes() > store.journalSizeBytes() * 6 / 10) {
        Runnable sync = timer;
        timer = null;
        if (sync != null) {
          sync.run();
        }
        runTasks();
      }
      batch();
      reads += BATCH / 2;
      while (replies.readBytes < reads * Frame.BLOCK_BYTES && replies.refusal == null) {
        runTasks();
      }
    }
  }

  /** What was left to the collector per request, on the loop and beside it. */
  private record Left(double onLoop, double offLoop, long tierReads, long destagedBlocks) {}

  private Left measured(boolean cached) throws Exception {
    open(cached);
    push(WARM_UP);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    final long sent = replies.sent;
    final long tierReads = store.counters().tierReads();
    final long destaged = store.counters().destagedBlocks();
    final long beside = threads.getThreadAllocatedBytes(other.get().threadId());
    long before = threads.getCurrentThreadAllocatedBytes();
    push(REQUESTS);
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertNull(replies.refusal);
    assertEquals(reads * Frame.BLOCK_BYTES, replies.readBytes);
    assertTrue(replies.sent - sent >= REQUESTS, () -> replies.sent - sent + " replies");
    return new Left(
        (double) allocated / REQUESTS,
        (double) (threads.getThreadAllocatedBytes(other.get().threadId()) - beside) / REQUESTS,
        store.counters().tierReads() - tierReads,
        store.counters().destagedBlocks() - destaged);
  }

  private Left onItsThread(boolean cached) throws Exception {
    CompletableFuture<Left> outcome = new CompletableFuture<>();
    Thread loop =
        new FastThreadLocalThread(
            () -> {
              try {
                outcome.complete(measured(cached));
              } catch (Throwable e) {
                outcome.completeExceptionally(e);
              }
            });
    loop.start();
    Left left = outcome.get(280, TimeUnit.SECONDS);
    elsewhere.end(TimeUnit.SECONDS.toNanos(10));
    return left;
  }

  private static void assertNearlyNothing(double bytesPerRequest, String where) {
    assertTrue(
        bytesPerRequest <= BYTES_PER_REQUEST_MAX,
        () ->
            bytesPerRequest + " bytes per request " + where + "; at most " + BYTES_PER_REQUEST_MAX);
  }

  @Test
  void writesCachedReadsAndDestagingLeaveNothingToTheCollector(TestReporter reporter)
      throws Exception {
    Left left = onItsThread(true);
    reporter.publishEntry(left.toString());
    assertTrue(left.destagedBlocks() > REQUESTS / 8, "little was destaged");
    assertNearlyNothing(left.onLoop(), "on the loop");
    assertNearlyNothing(left.offLoop(), "beside it");
  }

  @Test
  void readsOfTheCapacityTierLeaveNothingToTheCollector(TestReporter reporter) throws Exception {
    Left left = onItsThread(false);
    reporter.publishEntry(left.toString());
    assertTrue(left.tierReads() > REQUESTS / 8, "few reads left the loop");
    assertNearlyNothing(left.onLoop(), "on the loop");
    assertNearlyNothing(left.offLoop(), "beside it");
  }
}
