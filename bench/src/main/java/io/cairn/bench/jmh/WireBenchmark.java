package io.cairn.bench.jmh;

import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.RequestGate;
import io.cairn.storage.wire.Version;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The data protocol's header of a WRITE of 4 KiB, and the checksum of a block. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class WireBenchmark {
  private final Request request = new Request(0x5A5A);
  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer header = new UnsafeBuffer(ByteBuffer.allocateDirect(512));
  private final UnsafeBuffer block = new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));
  private long sequence;

  /** There is something to decode. */
  @Setup
  public void encode() {
    encodeWrite();
  }

  /** Encodes and seals. */
  @Benchmark
  public int encodeWrite() {
    header.putInt(Request.crcsOffset(), 0x1234);
    return request.write(header, 0, 0, ++sequence, 2, 5, 0, 7, 1, Version.of(1, sequence), 12, 1);
  }

  /** Checks as a node does, and reads all fields. */
  @Benchmark
  public long decodeWrite() {
    if (Frame.prefixProblem(header, 0) != null
        || !Frame.headerCrcOk(header, 0, crc)
        || RequestGate.problem(header, 0) != null) {
      throw new IllegalStateException("not what was encoded");
    }
    return Frame.requestId(header, 0)
        + Request.clusterId(header, 0)
        + Request.nodeId(header, 0)
        + Request.volumeId(header, 0)
        + Request.generation(header, 0)
        + Request.writeVersion(header, 0)
        + Request.writeBlock(header, 0)
        + Request.writeCount(header, 0);
  }

  /** CRC32C of 4 KiB. */
  @Benchmark
  public int checksumOfBlock() {
    return crc.of(block, 0, Frame.BLOCK_BYTES);
  }
}
