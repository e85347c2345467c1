package io.cairn.bench.jmh;

import io.cairn.client.nbd.Output;
import io.cairn.client.nbd.Transmission;
import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.Unpooled;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** An NBD request of 4 KiB from its fields to its reply, on a volume that answers at once. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class NbdBenchmark {
  private static final int READ = 0;
  private static final int WRITE = 1;
  private static final int BYTES = 4096;

  private final Payload payload = NettyPayload.of(Unpooled.directBuffer(BYTES).writeZero(BYTES));
  private final Sent sent = new Sent();
  private final Transmission transmission =
      new Transmission(new Ready(), true, true, sent, weight -> {});
  private long cookie;

  /** Counts what leaves. */
  private static final class Sent implements Output {
    long bytes;

    @Override
    public void send(DirectBuffer header, int length, Payload data) {
      bytes += length + (data == null ? 0 : data.length()) + header.getByte(0);
    }

    @Override
    public void close() {}
  }

  /** Has everything in memory. */
  private final class Ready implements VolumeIo {
    @Override
    public long sizeBytes() {
      return 1L << 40;
    }

    @Override
    public int chunkSizeBytes() {
      return 64 << 20;
    }

    @Override
    public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
      sink.done(payload, null);
    }

    @Override
    public void write(long offsetBytes, Payload bytes, boolean fua, Callback done) {
      done.done(null);
    }

    @Override
    public void zero(
        long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done) {
      done.done(null);
    }

    @Override
    public void flush(Callback done) {
      done.done(null);
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentsCallback sink) {
      throw new UnsupportedOperationException();
    }
  }

  /** READ with a structured reply. */
  @Benchmark
  public long read() {
    transmission.onRequest(0, READ, ++cookie, cookie << 12 & 0xFFFFF000L, BYTES, null);
    return sent.bytes;
  }

  /** WRITE. */
  @Benchmark
  public long write() {
    transmission.onRequest(0, WRITE, ++cookie, cookie << 12 & 0xFFFFF000L, BYTES, payload);
    return sent.bytes;
  }
}
