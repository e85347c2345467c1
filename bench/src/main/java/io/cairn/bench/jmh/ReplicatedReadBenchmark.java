package io.cairn.bench.jmh;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
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
 * A read of 4 KiB from the volume session to a replica's journal and back, without sockets, on one
 * thread; the checksum is compared at both ends.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ReplicatedReadBenchmark {
  private static final int GROUP = 32;

  /** With those of three other chunks a small part of the journal: no block leaves it. */
  private static final int BLOCKS_OF_CHUNK = 256;

  private InProcessVolume volume;

  /** A volume with blocks to read. */
  @Setup
  public void open() throws IOException {
    volume = new InProcessVolume(true, BLOCKS_OF_CHUNK);
    volume.prewrite(BLOCKS_OF_CHUNK);
  }

  /** Deletes the journals. */
  @TearDown
  public void close() throws Exception {
    volume.close();
  }

  /** One at a time. */
  @Benchmark
  public int read() {
    return volume.read(1);
  }

  /** Thirty-two in flight; the time of one. */
  @Benchmark
  @OperationsPerInvocation(GROUP)
  public int readInGroups() {
    return volume.read(GROUP);
  }
}
