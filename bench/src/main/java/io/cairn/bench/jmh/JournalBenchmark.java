package io.cairn.bench.jmh;

import io.cairn.storage.env.Payload;
import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.SegmentFiles;
import io.cairn.storage.journal.StoreLoop;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One shard's store over a mapped journal: appends with and without waiting for the device, and
 * reads of what the journal has. The benchmark's thread is the shard's loop.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class JournalBenchmark {
  private static final int SEGMENT_BYTES = 16 << 20;
  private static final int SEGMENTS = 16;
  private static final int CHUNK_BLOCKS = 16_384;
  private static final int CHUNKS = 16;
  private static final int GROUP = 32;
  private static final long VOLUME = 5;

  private final LinkedBlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();
  private final ExecutorService blocking =
      Executors.newFixedThreadPool(2, Thread.ofPlatform().daemon().factory());
  private final UnsafeBuffer payload =
      new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));
  private final UnsafeBuffer sums = new UnsafeBuffer(new byte[4]);
  private final Blocks blocks = new Blocks();
  private final Versions versions = new Versions();
  private Path directory;
  private JournaledStore store;
  private long sequence;
  private int random = 1;

  /** Takes what was read. */
  private static final class Blocks implements ShardStore.ReadSink {
    long read;

    @Override
    public void onBlocks(int[] crcs, long[] versions, Payload bytes) {
      read += bytes.length() + versions[0];
    }

    @Override
    public void onUnreadable(int block, String reason) {
      throw new IllegalStateException(reason);
    }
  }

  private final class Threads implements StoreLoop {
    @Override
    public void onLoop(Runnable task) {
      loop.add(task);
    }

    @Override
    public void offLoop(Runnable task) {
      blocking.execute(task);
    }

    @Override
    public long nowNanos() {
      return System.nanoTime();
    }

    @Override
    public void later(long delayNanos, Runnable task) {
      // A sync that nobody waits for begins at its size instead: no timer thread in the figures.
    }
  }

  /** A journal with a block of each chunk. */
  @Setup
  public void open() throws IOException {
    directory =
        Files.createTempDirectory(
            Path.of(
                System.getProperty(ScratchStore.DIRECTORY, System.getProperty("java.io.tmpdir"))),
            "cairn-bench");
    VoidTier tier = new VoidTier();
    store =
        JournaledStore.open(
            new JournalIdentity(1, 2, 3),
            SegmentFiles.open(directory, SEGMENT_BYTES, SEGMENTS, null, blocking, loop::add)
                .regions(),
            1,
            tier,
            tier,
            new Threads(),
            NettyPayload.allocator(PooledByteBufAllocator.DEFAULT),
            StoreSettings.defaults(),
            null);
    store.start(new FailsLoudly());
    store.appendFence(VOLUME, 1);
    int sum = new Crc32c().of(payload, 0, Frame.BLOCK_BYTES);
    sums.putInt(0, sum, ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < CHUNKS; i++) {
      store.create(VOLUME, 0, i, CHUNK_BLOCKS);
    }
    for (int i = 0; i < CHUNKS * 256; i++) {
      write(i % CHUNKS, i / CHUNKS);
    }
    awaitDurable();
  }

  /** Deletes the journal. */
  @TearDown
  public void close() throws Exception {
    boolean[] done = new boolean[1];
    store.stop(() -> loop.add(() -> done[0] = true));
    while (!done[0]) {
      loop.take().run();
    }
    blocking.shutdown();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private void write(int chunkIndex, int block) {
    ChunkEntry chunk = store.find(VOLUME, 0, chunkIndex);
    store.appendWrite(chunk, Version.of(1, ++sequence), block, 1, sums, 0, payload, 0);
  }

  private int next(int bound) {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return Math.floorMod(random, bound);
  }

  private void runLoop() {
    for (Runnable task = loop.poll(); task != null; task = loop.poll()) {
      task.run();
    }
  }

  private void append() {
    runLoop();
    while (!store.hasRoom(Frame.BLOCK_BYTES)) {
      await();
    }
    write(next(CHUNKS), next(256));
  }

  private void await() {
    try {
      loop.take().run();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void awaitDurable() {
    long lsn = store.appendedLsn();
    store.requestSync(lsn);
    while (store.durableLsn() < lsn) {
      await();
    }
  }

  /** 4 KiB at random into the journal; the device syncs beside it, and destaging goes on. */
  @Benchmark
  public long appendBlock() {
    append();
    return store.appendedLsn();
  }

  /** The same, and durable before the next. */
  @Benchmark
  public long appendBlockDurable() {
    append();
    awaitDurable();
    return store.durableLsn();
  }

  /** Thirty-two that become durable by one sync; the time of one. */
  @Benchmark
  @OperationsPerInvocation(GROUP)
  public long appendBlockDurableInGroups() {
    for (int i = 0; i < GROUP; i++) {
      append();
    }
    awaitDurable();
    return store.durableLsn();
  }

  /** Finds one of the shard's chunks. */
  @Benchmark
  public ChunkEntry findChunk() {
    return store.find(VOLUME, 0, next(CHUNKS));
  }

  /** 4 KiB at random out of the journal's memory, its checksum compared. */
  @Benchmark
  public long readBlock() {
    store.read(store.find(VOLUME, 0, next(CHUNKS)), next(256), 1, blocks);
    return blocks.read;
  }

  /** The versions of 64 blocks: the index alone. */
  @Benchmark
  public long readVersions() {
    store.readVersions(store.find(VOLUME, 0, next(CHUNKS)), 64, 64, versions);
    return versions.sum;
  }

  /** Takes a list. */
  private static final class Versions implements ShardStore.VersionsSink {
    long sum;

    @Override
    public void onVersions(LongArrayList values) {
      sum += values.getLong(0);
    }

    @Override
    public void onUnreadable(int block, String reason) {
      throw new IllegalStateException(reason);
    }
  }
}
