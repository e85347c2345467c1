package io.cairn.bench.jmh;

import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One run of destaging over one segment of 16 MiB, some 4,000 blocks: reading the records, merging
 * what was written several times, encoding the pages. The tier and the catalogue cost nothing.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class DestageBenchmark {
  private static final int SEGMENT_BYTES = 16 << 20;
  private static final int SEGMENTS = 8;
  private static final int CHUNK_BLOCKS = 16_384;
  private static final int CHUNKS = 4;
  private static final long VOLUME = 5;

  /** Above half of the ring, down to just below, one segment at a time. */
  private static final StoreSettings SETTINGS =
      new StoreSettings(10_000_000L, 4 << 20, 50, 45, 1, 32_768, 1_000_000_000L, 50, 128);

  /** Blocks that are written over and over: few are merged, many each moved. */
  @Param({"256", "65536"})
  private int distinctBlocks;

  private final LinkedBlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();

  /** What is to run off the loop: loads of pages, and the two halves of a run. */
  private final Queue<Runnable> offLoop = new ArrayDeque<>();

  private final UnsafeBuffer payload =
      new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));
  private final UnsafeBuffer sums = new UnsafeBuffer(new byte[Integer.BYTES]);
  private ScratchStore scratch;
  private JournaledStore store;
  private long sequence;
  private int random = 1;

  /** Whoever takes from the loop does all the work: nobody else does any more. */
  private boolean closing;

  /** An empty journal. */
  @Setup
  public void open() throws IOException {
    scratch = new ScratchStore(loop, this::offLoop, SETTINGS, SEGMENT_BYTES, SEGMENTS);
    store = scratch.store();
    store.start(new FailsLoudly());
    store.appendFence(VOLUME, 1);
    sums.putInt(0, new Crc32c().of(payload, 0, Frame.BLOCK_BYTES), ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < CHUNKS; i++) {
      store.create(VOLUME, 0, i, CHUNK_BLOCKS);
    }
  }

  private void offLoop(Runnable task) {
    (closing ? loop : offLoop).add(task);
  }

  /** Writes until there is something to destage. */
  @Setup(Level.Invocation)
  public void fill() throws InterruptedException {
    while (store.counters().destagesRunning() == 0) {
      Runnable task = loop.poll();
      if (task == null) {
        task = offLoop.poll();
      }
      if (task == null && !canAppend()) {
        task = loop.take();
      }
      if (task != null) {
        task.run();
      } else {
        random ^= random << 13;
        random ^= random >>> 17;
        random ^= random << 5;
        int block = Math.floorMod(random, distinctBlocks);
        append(block % CHUNKS, block / CHUNKS);
      }
    }
  }

  private boolean canAppend() {
    return store.hasRoom(Frame.BLOCK_BYTES);
  }

  private void append(int chunk, int block) {
    store.appendWrite(
        store.find(VOLUME, 0, chunk), Version.of(1, ++sequence), block, 1, sums, 0, payload, 0);
  }

  /** Deletes the journal. */
  @TearDown
  public void close() throws Exception {
    closing = true;
    loop.addAll(offLoop);
    offLoop.clear();
    scratch.close();
  }

  /** A run, with what the loop does between its halves and at its end. */
  @Benchmark
  public long mergeSegment() throws InterruptedException {
    long before = store.counters().destageRuns();
    while (store.counters().destageRuns() == before) {
      Runnable task = offLoop.poll();
      (task == null ? loop.take() : task).run();
    }
    return before;
  }
}
