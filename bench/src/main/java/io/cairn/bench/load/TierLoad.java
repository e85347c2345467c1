package io.cairn.bench.load;

import io.cairn.bench.chaos.NbdClient;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.HdrHistogram.ConcurrentHistogram;

/**
 * A client that says how many requests ended in each second: an average hides a server that stands
 * still. A number of requests is in flight, the next of which begins when one has ended.
 */
final class TierLoad implements AutoCloseable {
  static final int BLOCK_BYTES = 4096;
  private static final int SCAN_BYTES = 128 << 10;
  private static final long END_SECONDS = 300;

  /** A second of a timeline. */
  private static final int SECONDS_MAX = 3600;

  private final NbdClient connection;
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final byte[] block = new byte[BLOCK_BYTES];

  /**
   * What the client saw.
   *
   * @param perSecond requests that ended in each second, the last and incomplete one left out.
   */
  record Seen(long ios, double seconds, long[] perSecond, ConcurrentHistogram latencies) {
    double iops() {
      return ios / seconds;
    }

    /** Requests a second in the last third of the time. */
    double iopsAtTheEnd() {
      int from = perSecond.length * 2 / 3;
      return Arrays.stream(perSecond, from, perSecond.length).average().orElse(iops());
    }

    /** The fewest that ended in one second. */
    long leastPerSecond() {
      return Arrays.stream(perSecond).min().orElse(ios);
    }
  }

  TierLoad(int port, String volume) {
    try {
      connection = NbdClient.connect(port, volume);
    } catch (IOException e) {
      throw new CommandFailure("volume '" + volume + "' cannot be opened: " + e.getMessage(), e);
    }
    new SplittableRandom(7).nextBytes(block);
  }

  /** Blocks at random. */
  static LongSupplier uniform(long blocks, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return () -> random.nextLong(blocks);
  }

  /**
   * Blocks by Zipf's law: the one of rank n comes with a weight of 1 / n to the exponent, and the
   * ranks are scattered, always in the same way.
   */
  static LongSupplier zipf(int blocks, double exponent, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    SplittableRandom scatter = new SplittableRandom(1);
    double[] sums = new double[blocks];
    int[] scattered = new int[blocks];
    double sum = 0;
    for (int i = 0; i < blocks; i++) {
      sum += 1 / Math.pow(i + 1, exponent);
      sums[i] = sum;
      int other = scatter.nextInt(i + 1);
      scattered[i] = scattered[other];
      scattered[other] = i;
    }
    double all = sum;
    return () -> {
      int at = Arrays.binarySearch(sums, random.nextDouble() * all);
      return scattered[Math.min(blocks - 1, at < 0 ? -at - 1 : at)];
    };
  }

  /** Requests one after the other, from the begin of a region to its end and from there again. */
  static LongSupplier inOrder(long requests) {
    long[] next = {0};
    return () -> next[0]++ % requests;
  }

  /** Reads a region once, in requests that a cache may find worth keeping. */
  void scan(long regionBytes) {
    for (long at = 0; at < regionBytes; at += SCAN_BYTES) {
      connection.read(at, SCAN_BYTES).join();
    }
  }

  /** Writes or reads blocks until so many were begun, or the time is over. */
  Seen run(boolean read, LongSupplier blocks, int depth, long iosMax, int seconds) {
    return run(new Load(read, BLOCK_BYTES, blocks, iosMax, seconds), depth);
  }

  /** Reads requests of another size than a block's, likewise. */
  Seen read(int requestBytes, LongSupplier requests, int depth, long iosMax, int seconds) {
    return run(new Load(true, requestBytes, requests, iosMax, seconds), depth);
  }

  private Seen run(Load load, int depth) {
    Semaphore slots = new Semaphore(0);
    for (int i = 0; i < depth; i++) {
      load.next(slots);
    }
    try {
      boolean ended = slots.tryAcquire(depth, load.seconds + END_SECONDS, TimeUnit.SECONDS);
      Throwable refusal = failure.get();
      if (!ended || refusal != null) {
        throw new CommandFailure(
            refusal == null ? "requests do not end" : "a request failed: " + refusal, refusal);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure("interrupted", e);
    }
    return load.seen();
  }

  /** Writes blocks of a region once, in large requests. */
  void prewrite(long regionBytes) {
    byte[] data = new byte[1 << 20];
    new SplittableRandom(11).nextBytes(data);
    for (long at = 0; at < regionBytes; at += data.length) {
      connection.write(at, data, false).join();
    }
    connection.flush().join();
  }

  private final class Load {
    private final boolean read;
    private final int requestBytes;
    private final LongSupplier requests;
    private final long iosMax;
    private final int seconds;
    private final long beginNanos = System.nanoTime();
    private final long endNanos;
    private final ConcurrentHistogram latencies =
        new ConcurrentHistogram(Served.LATENCY_MAX_NANOS, Served.DIGITS);
    private final AtomicLongArray perSecond = new AtomicLongArray(SECONDS_MAX);
    private long begun;

    Load(boolean read, int requestBytes, LongSupplier requests, long iosMax, int seconds) {
      this.read = read;
      this.requestBytes = requestBytes;
      this.requests = requests;
      this.seconds = seconds;
      this.iosMax = iosMax;
      this.endNanos = beginNanos + TimeUnit.SECONDS.toNanos(seconds);
    }

    /** The next begins on the thread that heard of the end of one. */
    void next(Semaphore slots) {
      long from = System.nanoTime();
      long offset;
      synchronized (this) {
        if (begun >= iosMax || from >= endNanos || failure.get() != null) {
          slots.release();
          return;
        }
        begun++;
        offset = requests.getAsLong() * requestBytes;
      }
      CompletableFuture<byte[]> answer =
          read ? connection.read(offset, requestBytes) : connection.write(offset, block, false);
      var unused = answer.whenComplete((bytes, refusal) -> ended(from, refusal, slots));
    }

    private void ended(long fromNanos, Throwable refusal, Semaphore slots) {
      long now = System.nanoTime();
      if (refusal != null) {
        failure.compareAndSet(null, refusal);
      } else {
        latencies.recordValue(Math.min(Served.LATENCY_MAX_NANOS, now - fromNanos));
        int second = (int) TimeUnit.NANOSECONDS.toSeconds(now - beginNanos);
        perSecond.incrementAndGet(Math.min(second, SECONDS_MAX - 1));
      }
      next(slots);
    }

    Seen seen() {
      double seconds = (System.nanoTime() - beginNanos) / 1e9;
      long[] whole = new long[(int) Math.min(SECONDS_MAX, (long) seconds)];
      Arrays.setAll(whole, perSecond::get);
      return new Seen(latencies.getTotalCount(), seconds, whole, latencies);
    }
  }

  @Override
  public void close() {
    connection.close();
  }
}
