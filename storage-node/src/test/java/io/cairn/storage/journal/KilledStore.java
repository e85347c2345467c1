package io.cairn.storage.journal;

import io.cairn.storage.chunk.FileCapacityTier;
import io.cairn.storage.chunk.index.RocksCatalogue;
import io.cairn.storage.env.Region;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A store on real files and threads. As a program it writes until it is killed, and says after each
 * write what it has written, and resizes its journal all the while: {@code java KilledStore
 * DIRECTORY LIFE}.
 */
final class KilledStore implements AutoCloseable {
  static final int SEGMENT_BYTES = SegmentFiles.SEGMENT_BYTES_MIN;
  static final int CHUNK_BLOCKS = 1024;
  static final long VOLUME = 5;

  /** Writes after which the journal is to have another size. */
  private static final int RESIZED_EVERY = 500;

  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer payload =
      new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));
  private final UnsafeBuffer sums = new UnsafeBuffer(new byte[4]);
  private final ScheduledThreadPoolExecutor loop =
      new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().daemon().factory());
  private final ExecutorService blocking =
      Executors.newFixedThreadPool(4, Thread.ofPlatform().daemon().factory());
  private final FileCapacityTier tier;
  final RocksCatalogue catalogue;
  final List<Region> ring;
  final SegmentFiles files;
  final JournaledStore store;
  volatile String failure;

  /** Any file system does for a working copy that has to survive no power loss. */
  private static Path memory(Path directory) throws IOException {
    return Files.createDirectories(directory.resolveSibling(directory.getFileName() + "-memory"));
  }

  KilledStore(Path directory, long life) throws Exception {
    this(directory, life, memory(directory));
  }

  KilledStore(Path directory, long life, Path memory) throws Exception {
    files =
        SegmentFiles.open(
            directory.resolve("journal"), SEGMENT_BYTES, 4, memory, blocking, loop::execute);
    ring = files.regions();
    catalogue = RocksCatalogue.open(directory.resolve("catalogue"));
    tier = FileCapacityTier.open(directory.resolve("capacity"), 0, 0);
    store =
        JournaledStore.open(
            new JournalIdentity(1, 2, 3),
            ring,
            life,
            catalogue,
            tier,
            new Threads(),
            NettyPayload.allocator(ByteBufAllocator.DEFAULT),
            StoreSettings.defaults(),
            null);
    onLoop(
        () -> {
          store.start(new Heard());
          return null;
        });
  }

  private final class Threads implements StoreLoop {
    @Override
    public void onLoop(Runnable task) {
      loop.execute(task);
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
      var unused = loop.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
    }
  }

  private final class Heard implements ShardStore.Listener {
    @Override
    public void onDurable(long durableLsn) {}

    @Override
    public void onRoom() {}

    @Override
    public void onFailed(String reason) {
      failure = reason;
    }
  }

  interface Work<T> {
    T run() throws Exception;
  }

  <T> T onLoop(Work<T> work) throws Exception {
    return loop.submit(work::run).get(60, TimeUnit.SECONDS);
  }

  ChunkEntry chunk() {
    ChunkEntry chunk = store.find(VOLUME, 0, 0);
    if (chunk == null) {
      store.appendFence(VOLUME, 1);
      chunk = store.create(VOLUME, 0, 0, CHUNK_BLOCKS);
    }
    return chunk;
  }

  /** Which block a sequence number writes, so that nothing else must be remembered. */
  static int blockOf(long sequence) {
    return new Random(sequence).nextInt(CHUNK_BLOCKS);
  }

  /** Appends one write; false when there is no room at the moment. */
  boolean write(long sequence) {
    ChunkEntry chunk = chunk();
    int block = blockOf(sequence);
    if (!store.hasRoom(Frame.BLOCK_BYTES)) {
      return false;
    }
    payload.setMemory(0, Frame.BLOCK_BYTES, (byte) sequence);
    payload.putLong(0, sequence);
    sums.putInt(0, crc.of(payload, 0, Frame.BLOCK_BYTES), ByteOrder.LITTLE_ENDIAN);
    store.appendWrite(chunk, Version.of(1, sequence), block, 1, sums, 0, payload, 0);
    return true;
  }

  /** The journal is to have so many segments from now on. */
  void resize(int segments) throws Exception {
    onLoop(
        () -> {
          store.resizeJournal((long) segments * SEGMENT_BYTES, files);
          return null;
        });
  }

  long lastSequence() throws Exception {
    return onLoop(() -> Version.sequence(chunk().lastVersion()));
  }

  @Override
  public void close() throws IOException {
    CompletableFuture<Void> stopped = new CompletableFuture<>();
    loop.execute(() -> store.stop(() -> stopped.complete(null)));
    stopped.orTimeout(60, TimeUnit.SECONDS).join();
    tier.close();
    loop.shutdown();
    blocking.shutdown();
  }

  /** Writes for ever. */
  public static void main(String[] arguments) throws Exception {
    KilledStore killed = new KilledStore(Path.of(arguments[0]), Long.parseLong(arguments[1]));
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
    long sequence = killed.lastSequence();
    while (killed.failure == null) {
      long next = sequence + 1;
      if (killed.onLoop(() -> killed.write(next))) {
        sequence = next;
        out.println(sequence);
        if (sequence % RESIZED_EVERY == 0) {
          killed.resize(4 + new Random(sequence).nextInt(5));
        }
      }
    }
    out.println(killed.failure);
  }
}
