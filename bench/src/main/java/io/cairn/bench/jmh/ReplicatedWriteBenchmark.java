package io.cairn.bench.jmh;

import io.cairn.client.volume.VolumeIo;
import io.cairn.client.volume.VolumeSession;
import io.cairn.storage.env.Payload;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A write of 4 KiB from the volume session to three replicas and back, without sockets, on one
 * thread: what the product's own code costs of a replicated write.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ReplicatedWriteBenchmark {
  private static final int REPLICAS = 3;
  private static final int SEGMENT_BYTES = 8 << 20;
  private static final int SEGMENTS = 8;
  private static final int CHUNKS = 4;
  private static final int BLOCK_BYTES = 4096;
  private static final int BLOCKS = CHUNKS * (InProcessCluster.CHUNK_BYTES / BLOCK_BYTES);
  private static final int GROUP = 32;

  /** Real journals, or stores that keep nothing: sequencing and the protocol alone. */
  @Param({"journal", "none"})
  private String store;

  private final LinkedBlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();
  private final ExecutorService blocking =
      Executors.newFixedThreadPool(1, Thread.ofPlatform().daemon().factory());
  private final List<ScratchStore> journals = new ArrayList<>();
  private final Payload payload =
      NettyPayload.of(Unpooled.directBuffer(BLOCK_BYTES).writeZero(BLOCK_BYTES));
  private final VolumeIo.Callback written = this::written;
  private InProcessCluster cluster;
  private VolumeSession session;
  private int done;
  private int random = 1;

  private void written(VolumeIo.Failure failure) {
    if (failure != null) {
      throw new IllegalStateException(failure.toString());
    }
    done++;
  }

  /** A volume with a write in each chunk. */
  @Setup
  public void open() throws IOException {
    List<ShardStore> stores = new ArrayList<>();
    for (int i = 0; i < REPLICAS; i++) {
      if ("journal".equals(store)) {
        ScratchStore journal =
            new ScratchStore(
                loop, blocking::execute, StoreSettings.defaults(), SEGMENT_BYTES, SEGMENTS);
        journals.add(journal);
        stores.add(journal.store());
      } else {
        stores.add(new VoidStore());
      }
    }
    cluster = new InProcessCluster(stores, loop, CHUNKS);
    for (int i = 0; i < REPLICAS; i++) {
      if (stores.get(i) instanceof VoidStore none) {
        none.start(cluster.shards().get(i));
      } else {
        journals.get(i).store().start(cluster.shards().get(i));
      }
    }
    session = cluster.start();
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      done = 0;
      session.write((long) chunk * InProcessCluster.CHUNK_BYTES, payload, false, written);
      await(1);
    }
  }

  /** Deletes the journals. */
  @TearDown
  public void close() throws Exception {
    for (ScratchStore journal : journals) {
      journal.close();
    }
    blocking.shutdown();
  }

  private void begin(boolean durable) {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    session.write((long) Math.floorMod(random, BLOCKS) * BLOCK_BYTES, payload, durable, written);
  }

  private void await(int count) {
    while (done < count) {
      cluster.step();
    }
  }

  /** One at a time. */
  @Benchmark
  public int write() {
    done = 0;
    begin(false);
    await(1);
    return done;
  }

  /** Thirty-two in flight; the time of one. */
  @Benchmark
  @OperationsPerInvocation(GROUP)
  public int writeInGroups() {
    done = 0;
    for (int i = 0; i < GROUP; i++) {
      begin(false);
    }
    await(GROUP);
    return done;
  }

  /** One at a time, durable on all three. */
  @Benchmark
  public int writeDurable() {
    done = 0;
    begin(true);
    await(1);
    return done;
  }
}
