package io.cairn.bench.jmh;

import java.io.IOException;
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
  private static final int GROUP = 32;

  /** Real journals, or stores that keep nothing: sequencing and the protocol alone. */
  @Param({"journal", "none"})
  private String store;

  private InProcessVolume volume;

  /** A volume with a write in each chunk. */
  @Setup
  public void open() throws IOException {
    volume =
        new InProcessVolume(
            "journal".equals(store), InProcessCluster.CHUNK_BYTES / InProcessVolume.BLOCK_BYTES);
    volume.prewrite(1);
  }

  /** Deletes the journals. */
  @TearDown
  public void close() throws Exception {
    volume.close();
  }

  /** One at a time. */
  @Benchmark
  public int write() {
    return volume.write(1, false);
  }

  /** Thirty-two in flight; the time of one. */
  @Benchmark
  @OperationsPerInvocation(GROUP)
  public int writeInGroups() {
    return volume.write(GROUP, false);
  }

  /** One at a time, durable on all three. */
  @Benchmark
  public int writeDurable() {
    return volume.write(1, true);
  }
}
