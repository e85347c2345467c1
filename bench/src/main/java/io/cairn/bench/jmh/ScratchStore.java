package io.cairn.bench.jmh;

import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.SegmentFiles;
import io.cairn.storage.journal.StoreLoop;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * One shard's store over a mapped journal in a new directory, above a capacity tier that costs
 * nothing. Whoever takes from the queue is the shard's loop. No timer runs: a sync that nobody
 * waits for begins at its size.
 */
final class ScratchStore {
  /** The system property that names where journals lie. */
  static final String DIRECTORY = "cairn.bench.directory";

  private final BlockingQueue<Runnable> loop;
  private final ExecutorService syncs =
      Executors.newFixedThreadPool(1, Thread.ofPlatform().daemon().factory());
  private final Path directory;
  private final JournaledStore store;

  /**
   * Makes the journal, prewritten.
   *
   * @param offLoop runs what blocks, destaging above all.
   */
  ScratchStore(
      BlockingQueue<Runnable> loop,
      Consumer<Runnable> offLoop,
      StoreSettings settings,
      int segmentBytes,
      int segmentCount)
      throws IOException {
    this.loop = loop;
    directory =
        Files.createTempDirectory(
            Path.of(System.getProperty(DIRECTORY, System.getProperty("java.io.tmpdir"))),
            "cairn-bench");
    VoidTier tier = new VoidTier();
    store =
        JournaledStore.open(
            new JournalIdentity(1, 2, 3),
            SegmentFiles.open(directory, segmentBytes, segmentCount, null, syncs, loop::add)
                .regions(),
            1,
            tier,
            tier,
            new StoreLoop() {
              @Override
              public void onLoop(Runnable task) {
                loop.add(task);
              }

              @Override
              public void offLoop(Runnable task) {
                offLoop.accept(task);
              }

              @Override
              public long nowNanos() {
                return System.nanoTime();
              }

              @Override
              public void later(long delayNanos, Runnable task) {}
            },
            NettyPayload.allocator(PooledByteBufAllocator.DEFAULT),
            settings,
            null);
  }

  JournaledStore store() {
    return store;
  }

  /** Deletes the journal; a run of {@code offLoop} under way must end by itself. */
  void close() throws IOException, InterruptedException {
    boolean[] done = new boolean[1];
    store.stop(() -> loop.add(() -> done[0] = true));
    while (!done[0]) {
      loop.take().run();
    }
    syncs.shutdown();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
