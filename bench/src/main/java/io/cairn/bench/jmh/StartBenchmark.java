package io.cairn.bench.jmh;

import io.cairn.storage.cache.CacheDevice;
import io.cairn.storage.cache.CacheLoop;
import io.cairn.storage.cache.FileCacheDevice;
import io.cairn.storage.cache.ReadCache;
import io.cairn.storage.cache.VolumeShares;
import io.cairn.storage.env.Region;
import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.SegmentFiles;
import io.cairn.storage.journal.StoreLoop;
import io.cairn.storage.journal.StoreSettings;
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
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What a start after a crash costs a shard: the entries of a full read cache, and a journal whose
 * records are nearly all behind the checkpoint, both read from the page cache. A device adds the
 * time that it takes for as many bytes.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class StartBenchmark {
  private static final int SEGMENT_BYTES = 16 << 20;
  private static final int CHUNK_BLOCKS = 16_384;
  private static final long VOLUME = 5;

  /** GiB of read cache, and as many eighths of a GiB of journal. */
  @Param({"4", "8"})
  private int size;

  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final UnsafeBuffer block = new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));
  private Path directory;
  private List<Region> regions;
  private long life = 1;

  /** Beside the time. */
  @AuxCounters(AuxCounters.Type.EVENTS)
  @State(Scope.Thread)
  public static class Found {
    /** Bytes of the heap per cached block. */
    public double heapPerBlock;

    /** Blocks that the cache has after the start. */
    public double blocks;

    /** Bytes of the log that were recovered. */
    public double recoveredBytes;
  }

  /** Everything on the thread of the benchmark; what blocks is done at once, or never. */
  private final class Loop implements StoreLoop {
    private final boolean blocks;

    Loop(boolean blocks) {
      this.blocks = blocks;
    }

    @Override
    public void onLoop(Runnable task) {
      tasks.add(task);
    }

    @Override
    public void offLoop(Runnable task) {
      if (blocks) {
        task.run();
      }
    }

    @Override
    public void later(long delayNanos, Runnable task) {}

    @Override
    public long nowNanos() {
      return System.nanoTime();
    }
  }

  /** The file of a cache, to which blocks are not written: only what is read at a start is. */
  private record EntriesOnly(CacheDevice device) implements CacheDevice {
    @Override
    public int slots() {
      return device.slots();
    }

    @Override
    public void resize(int slots) throws IOException {
      device.resize(slots);
    }

    @Override
    public void read(int slot, MutableDirectBuffer target, int offset) throws IOException {
      device.read(slot, target, offset);
    }

    @Override
    public boolean readCached(int slot, MutableDirectBuffer target, int offset) {
      return device.readCached(slot, target, offset);
    }

    @Override
    public void write(int slot, int count, DirectBuffer source, int offset) {}

    @Override
    public void readEntries(int page, MutableDirectBuffer target, int offset) throws IOException {
      device.readEntries(page, target, offset);
    }

    @Override
    public void writeEntries(int page, DirectBuffer source, int offset) throws IOException {
      device.writeEntries(page, source, offset);
    }

    @Override
    public void close() throws IOException {
      device.close();
    }
  }

  /** A full cache, and a full journal. */
  @Setup
  public void fill() throws IOException {
    directory =
        Files.createTempDirectory(
            Path.of(
                System.getProperty(ScratchStore.DIRECTORY, System.getProperty("java.io.tmpdir"))),
            "cairn-bench");
    fillCache();
    fillJournal();
  }

  private CacheDevice device() throws IOException {
    return FileCacheDevice.open(directory.resolve("read-cache"), (long) size << 30, 1, 2, 3);
  }

  private static VolumeShares shares() {
    return new VolumeShares(StoreSettings.defaults().pinnedPercent());
  }

  private void fillCache() throws IOException {
    CacheLoop loop = new Loop(true);
    ReadCache cache = ReadCache.open(new EntriesOnly(device()), loop, shares());
    for (long key = 1; cache.filledBlocks() < cache.slots() - Frame.BLOCK_BYTES; key++) {
      for (int i = 0; i < 2; i++) {
        cache.offer(VOLUME, key * 0x9E3779B97F4A7C15L, key, block, 0);
      }
      runTasks();
    }
    cache.close();
  }

  private void runTasks() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  private void fillJournal() throws IOException {
    regions =
        SegmentFiles.open(
                Files.createDirectory(directory.resolve("journal")),
                SEGMENT_BYTES,
                size * 8,
                null,
                task -> {},
                tasks::add)
            .regions();
    JournaledStore store = openStore();
    store.start(new FailsLoudly());
    store.appendFence(VOLUME, 1);
    UnsafeBuffer sums = new UnsafeBuffer(new byte[Integer.BYTES]);
    sums.putInt(0, new Crc32c().of(block, 0, Frame.BLOCK_BYTES), ByteOrder.LITTLE_ENDIAN);
    store.create(VOLUME, 0, 0, CHUNK_BLOCKS);
    for (long sequence = 1; store.hasRoom(Frame.BLOCK_BYTES); sequence++) {
      int at = (int) (sequence * 7919 % CHUNK_BLOCKS);
      store.appendWrite(
          store.find(VOLUME, 0, 0), Version.of(1, sequence), at, 1, sums, 0, block, 0);
    }
  }

  private JournaledStore openStore() throws IOException {
    VoidTier tier = new VoidTier();
    return JournaledStore.open(
        new JournalIdentity(1, 2, 3),
        regions,
        life++,
        tier,
        tier,
        new Loop(false),
        NettyPayload.allocator(PooledByteBufAllocator.DEFAULT),
        StoreSettings.defaults(),
        null);
  }

  /** Deletes both. */
  @TearDown
  public void delete() throws IOException {
    regions.forEach(region -> region.close(false));
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static long heapBytes() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  /**
   * The index of the cache from its entries; with two collections, for the memory that it takes.
   */
  @Benchmark
  public int openReadCache(Found found) throws IOException {
    long before = heapBytes();
    ReadCache cache = ReadCache.open(device(), new Loop(true), shares());
    found.blocks = cache.filledBlocks();
    found.heapPerBlock = (double) (heapBytes() - before) / cache.slots();
    cache.close();
    return cache.slots();
  }

  /** The journal after a kill: every record is read and its checksum compared. */
  @Benchmark
  public long recoverJournal(Found found) throws IOException {
    JournaledStore store = openStore();
    found.recoveredBytes = store.journalUsedBytes();
    return store.appendedLsn();
  }
}
