package io.cairn.bench.load;

import io.cairn.bench.chaos.NbdClient;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.ConcurrentHistogram;

/**
 * A client of this program's own, for what fio cannot do: requests at times of their own, and
 * requests spread over more volumes than a program has processors for.
 *
 * <p>fio waits, before it sleeps until the next request of a rate, until all requests in flight
 * have ended: a server that stands still delays the requests that should have come meanwhile, and
 * nobody counts their delay (coordinated omission). Here a latency counts from the time at which
 * the request was to begin, whatever kept it: the server, the depth, or this client.
 */
final class OwnClient implements AutoCloseable {
  private static final long END_SECONDS = 120;
  private static final long FIRST_NANOS = 1_000_000;
  private static final int PERCENT = 100;

  private final List<NbdClient> connections = new ArrayList<>();
  private final SplittableRandom random = new SplittableRandom(1);
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  /** One more connection, to be used by what begins later. */
  void connect(NbdAddress address) {
    try {
      connections.add(NbdClient.connect(address.port(), address.export()));
    } catch (IOException e) {
      throw new CommandFailure(
          "export '" + address.export() + "' cannot be opened: " + e.getMessage(), e);
    }
  }

  /** How many connections there are. */
  int connections() {
    return connections.size();
  }

  /** Writes the begin of the exports from a connection on, each block of the row once. */
  void prewrite(long regionBytes, int fromConnection, Row row) {
    byte[] data = new byte[row.blockBytes()];
    random.nextBytes(data);
    Semaphore slots = new Semaphore(row.depth());
    for (NbdClient connection : connections.subList(fromConnection, connections.size())) {
      for (long at = 0; at + data.length <= regionBytes; at += data.length) {
        slots.acquireUninterruptibly();
        connection
            .write(at, data, false)
            .whenComplete(
                (answer, refusal) -> {
                  if (refusal != null) {
                    failure.compareAndSet(null, refusal);
                  }
                  slots.release();
                });
      }
    }
    awaitAll(slots, row.depth());
  }

  /** Requests of one row, on connections and blocks at random or one after the other. */
  private final class Requests {
    private final Row row;
    private final long blocks;
    private final byte[] data;
    private long last = -1;

    Requests(Row row, long regionBytes) {
      this.row = row;
      this.blocks = regionBytes / row.blockBytes();
      data = new byte[row.blockBytes()];
      random.nextBytes(data);
    }

    /** Sends one, and records it from the given time on; {@code ended} hears its end. */
    void send(long beginNanos, ConcurrentHistogram latencies, Runnable ended) {
      NbdClient connection;
      boolean read;
      long block;
      synchronized (random) {
        connection = connections.get(random.nextInt(connections.size()));
        read = random.nextInt(PERCENT) < row.readPercent();
        block = row.random() ? random.nextLong(blocks) : ++last % blocks;
      }
      long offset = block * row.blockBytes();
      (read
              ? connection.read(offset, row.blockBytes())
              : connection.write(offset, data, row.form() == Row.Form.ALWAYS))
          .whenComplete(
              (answer, refusal) -> {
                if (refusal == null) {
                  latencies.recordValue(
                      Math.min(Served.LATENCY_MAX_NANOS, System.nanoTime() - beginNanos));
                } else {
                  failure.compareAndSet(null, refusal);
                }
                ended.run();
              });
    }
  }

  /**
   * Requests that begin at random times (Poisson), the same in each run, however long the others
   * take. No more than the row's depth are in flight; one that has to wait for another's end counts
   * from when it was to begin.
   */
  Served paced(Row row, long regionBytes, int iops, int seconds) {
    Requests requests = new Requests(row, regionBytes);
    ConcurrentHistogram latencies =
        new ConcurrentHistogram(Served.LATENCY_MAX_NANOS, Served.DIGITS);
    Semaphore slots = new Semaphore(row.depth());
    SplittableRandom pauses = new SplittableRandom(iops);
    TimerSlack.least();
    final long client = cpuNanos();
    long begin = System.nanoTime() + FIRST_NANOS;
    long end = begin + TimeUnit.SECONDS.toNanos(seconds);
    for (long at = begin + pauseNanos(pauses, iops);
        at < end && failure.get() == null;
        at += pauseNanos(pauses, iops)) {
      for (long left = at - System.nanoTime(); left > 0; left = at - System.nanoTime()) {
        LockSupport.parkNanos(left);
      }
      slots.acquireUninterruptibly();
      requests.send(at, latencies, slots::release);
    }
    awaitAll(slots, row.depth());
    // A server that did not keep up has taken longer.
    double elapsedSeconds = Math.max(end, System.nanoTime()) - begin;
    return served(row, latencies, elapsedSeconds / 1e9, cpuNanos() - client);
  }

  private static long pauseNanos(SplittableRandom random, int iops) {
    return (long) (-Math.log(1 - random.nextDouble()) * 1e9 / iops);
  }

  /** Requests of which the row's depth are in flight, over all connections together. */
  Served closed(Row row, long regionBytes, int seconds) {
    Requests requests = new Requests(row, regionBytes);
    ConcurrentHistogram latencies =
        new ConcurrentHistogram(Served.LATENCY_MAX_NANOS, Served.DIGITS);
    Semaphore slots = new Semaphore(row.depth());
    long client = cpuNanos();
    long begin = System.nanoTime();
    long end = begin + TimeUnit.SECONDS.toNanos(seconds);
    for (int i = 0; i < row.depth(); i++) {
      slots.acquireUninterruptibly();
      next(requests, latencies, slots, end);
    }
    awaitAll(slots, row.depth());
    return served(row, latencies, (System.nanoTime() - begin) / 1e9, cpuNanos() - client);
  }

  /** The next begins when one has ended, on the thread that heard of it. */
  private void next(Requests requests, ConcurrentHistogram latencies, Semaphore slots, long end) {
    requests.send(
        System.nanoTime(),
        latencies,
        () -> {
          if (System.nanoTime() < end && failure.get() == null) {
            next(requests, latencies, slots, end);
          } else {
            slots.release();
          }
        });
  }

  private void awaitAll(Semaphore slots, int depth) {
    try {
      boolean ended = slots.tryAcquire(depth, END_SECONDS, TimeUnit.SECONDS);
      Throwable refusal = failure.get();
      if (refusal != null || !ended) {
        throw new CommandFailure(
            refusal == null ? "requests do not end" : "a request failed: " + refusal, refusal);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure("interrupted", e);
    }
  }

  private static Served served(
      Row row, ConcurrentHistogram latencies, double seconds, long clientNanos) {
    long ios = latencies.getTotalCount();
    double iops = ios / seconds;
    return new Served(ios, iops, iops * row.blockBytes(), latencies.copy(), clientNanos);
  }

  private static long cpuNanos() {
    return ProcessorTime.ofNanos(List.of(ProcessHandle.current()));
  }

  @Override
  public void close() {
    connections.forEach(NbdClient::close);
  }
}
