package io.cairn.bench.chaos;

import io.cairn.bench.check.BlockHistory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * Reads and writes of random blocks, recorded so that each block's history can be proved
 * linearizable: an acknowledged write that is gone, a block that is torn, an old block after a new
 * one was seen, are found. It also measures the longest time that a request took.
 *
 * <p>The load owns the first blocks of an export. A request that is refused is a failure; a
 * connection that breaks is one, unless the story has said that it may break: then the load
 * connects again, and what was in flight counts as perhaps written.
 */
public final class RecordedLoad implements AutoCloseable {
  private static final int BLOCK_BYTES = 4096;
  private static final int REQUEST_BLOCKS_MAX = 8;
  private static final int FLUSH_PERCENT = 2;
  private static final int WRITE_PERCENT = 60;

  /** Processes die here, power does not fail: who owned when makes no difference. */
  private static final long ONE_GENERATION = 1;

  private static final Duration SETTLE = Duration.ofSeconds(60);
  private static final long RECONNECT_PAUSE_MILLIS = 20;

  /**
   * What the load does.
   *
   * @param firstBlock where the blocks that it owns begin; best before the border of a chunk.
   * @param blockCount blocks that it owns.
   * @param depth requests in flight.
   * @param pauseMicros between two requests, so that the machine has time for what is tried.
   * @param seed of its draws.
   */
  public record Settings(int firstBlock, int blockCount, int depth, int pauseMicros, long seed) {}

  private record Flight(long beginNanos) {}

  private final BlockClient.Connector connector;
  private final String export;
  private final Settings settings;
  private final Random random;
  private final BlockHistory[] histories;
  private final Map<Long, Flight> flights = new LinkedHashMap<>();
  private final Thread thread;

  /** Every answered request's time in microseconds, since somebody last took them. */
  private final Recorder latencies = new Recorder(3);

  /** Where the export is served, and which of them it is now. */
  private List<InetSocketAddress> servers;

  private int serverIndex;
  private BlockClient client;
  private long time;
  private long lastValue;
  private long lastFlight;
  private long completed;
  private long acknowledgedWrites;
  private long worstNanos;
  private long completedNanos;
  private long longestSilenceNanos;
  private int reconnects;
  private boolean mayBreak;
  private boolean stopping;
  private Throwable failure;

  /** Connects to a server of this machine; {@link #start} begins. */
  public RecordedLoad(int port, String export, Settings settings) {
    this(List.of(onThisMachine(port)), export, settings);
  }

  /**
   * Connects to the first server that serves the export; {@link #start} begins.
   *
   * @param servers when the connection to one breaks the next is tried, in turn.
   */
  public RecordedLoad(List<InetSocketAddress> servers, String export, Settings settings) {
    this(servers, server -> NbdClient.connect(server, export), export, settings);
  }

  /** The same by whichever protocol the connector speaks. */
  public RecordedLoad(
      List<InetSocketAddress> servers,
      BlockClient.Connector connector,
      String export,
      Settings settings) {
    this.connector = connector;
    this.servers = List.copyOf(servers);
    this.export = export;
    this.settings = settings;
    this.random = new Random(settings.seed());
    this.histories = new BlockHistory[settings.blockCount()];
    client = connected();
    if (client.sizeBytes() < ((long) settings.firstBlock() + settings.blockCount()) * BLOCK_BYTES) {
      throw new ChaosFailure("the export " + export + " is too small for the load");
    }
    learn();
    thread = Thread.ofPlatform().daemon().name("load-" + export).unstarted(this::run);
  }

  /** Connects as soon as the export is served, which after a fault of the gateway takes a while. */
  private BlockClient connected() {
    BlockClient[] connected = new BlockClient[1];
    String[] refusal = new String[1];
    Await.until(
        "the export " + export + " is served",
        SETTLE,
        () -> {
          try {
            connected[0] = connector.connect(server());
            return true;
          } catch (IOException e) {
            refusal[0] = e.getMessage();
            nextServer();
            return false;
          }
        },
        () -> refusal[0]);
    return connected[0];
  }

  /** Whatever is there from before is where the histories begin. */
  private void learn() {
    for (int block = 0; block < histories.length; block++) {
      histories[block] = new BlockHistory("block " + block + " of " + export);
    }
    for (int block = 0; block < histories.length; block += REQUEST_BLOCKS_MAX) {
      int count = Math.min(REQUEST_BLOCKS_MAX, histories.length - block);
      byte[] data = answer(client.read(offsetBytes(block), count * BLOCK_BYTES));
      for (int i = 0; i < count; i++) {
        long value = valueOf(data, i, block + i);
        histories[block + i].write(value, ++time, ONE_GENERATION).acknowledged(++time);
        lastValue = Math.max(lastValue, value);
      }
    }
  }

  private long offsetBytes(int block) {
    return ((long) settings.firstBlock() + block) * BLOCK_BYTES;
  }

  /** Begins. */
  public RecordedLoad start() {
    completedNanos = System.nanoTime();
    thread.start();
    return this;
  }

  private void run() {
    try {
      while (nextTurn()) {
        int draw = random.nextInt(100);
        if (draw < FLUSH_PERCENT) {
          flush();
        } else if (draw < FLUSH_PERCENT + WRITE_PERCENT) {
          write();
        } else {
          read();
        }
        if (settings.pauseMicros() > 0) {
          TimeUnit.MICROSECONDS.sleep(settings.pauseMicros());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      fail(e);
    }
  }

  /** Waits for room among the requests in flight; false when the load is over. */
  private boolean nextTurn() throws InterruptedException {
    synchronized (this) {
      while (!stopping && failure == null && client != null && flights.size() >= settings.depth()) {
        wait();
      }
      if (stopping || failure != null) {
        return false;
      }
      if (client != null) {
        return true;
      }
    }
    reconnect();
    return true;
  }

  private void reconnect() throws InterruptedException {
    while (true) {
      try {
        BlockClient fresh = connector.connect(server());
        synchronized (this) {
          client = fresh;
          reconnects++;
          return;
        }
      } catch (IOException e) {
        synchronized (this) {
          if (stopping) {
            // Nobody will use it; the next turn ends.
            return;
          }
        }
        nextServer();
        Thread.sleep(RECONNECT_PAUSE_MILLIS);
      }
    }
  }

  private void write() {
    int count = 1 + random.nextInt(REQUEST_BLOCKS_MAX);
    int first = random.nextInt(histories.length - count + 1);
    ByteBuffer data = ByteBuffer.allocate(count * BLOCK_BYTES);
    List<BlockHistory.Write> writes = new ArrayList<>();
    BlockClient to;
    long flight;
    synchronized (this) {
      to = client;
      if (to == null) {
        return;
      }
      flight = takeOff();
      for (int i = 0; i < count; i++) {
        long value = ++lastValue;
        fill(data, value, first + i);
        writes.add(histories[first + i].write(value, ++time, ONE_GENERATION));
      }
    }
    boolean forceUnitAccess = random.nextInt(20) == 0;
    to.write(offsetBytes(first), data.array(), forceUnitAccess)
        .whenComplete(
            (nothing, problem) ->
                land(
                    to,
                    flight,
                    problem,
                    () -> {
                      long now = ++time;
                      writes.forEach(write -> write.acknowledged(now));
                      acknowledgedWrites++;
                    }));
  }

  private void read() {
    int count = 1 + random.nextInt(REQUEST_BLOCKS_MAX);
    int first = random.nextInt(histories.length - count + 1);
    BlockClient from;
    long flight;
    long begin;
    synchronized (this) {
      from = client;
      if (from == null) {
        return;
      }
      flight = takeOff();
      begin = ++time;
    }
    from.read(offsetBytes(first), count * BLOCK_BYTES)
        .whenComplete(
            (data, problem) ->
                land(
                    from,
                    flight,
                    problem,
                    () -> {
                      long end = ++time;
                      for (int i = 0; i < count; i++) {
                        histories[first + i].read(
                            valueOf(data, i, first + i), begin, end, ONE_GENERATION);
                      }
                    }));
  }

  private void flush() {
    BlockClient to;
    long flight;
    synchronized (this) {
      to = client;
      if (to == null) {
        return;
      }
      flight = takeOff();
    }
    to.flush().whenComplete((nothing, problem) -> land(to, flight, problem, () -> {}));
  }

  private long takeOff() {
    flights.put(++lastFlight, new Flight(System.nanoTime()));
    return lastFlight;
  }

  private synchronized void land(
      BlockClient over, long flight, Throwable problem, Runnable whenDone) {
    Flight done = flights.remove(flight);
    try {
      if (problem == null) {
        long now = System.nanoTime();
        worstNanos = Math.max(worstNanos, now - done.beginNanos());
        longestSilenceNanos = Math.max(longestSilenceNanos, now - completedNanos);
        latencies.recordValue((now - done.beginNanos()) / 1000);
        completedNanos = now;
        completed++;
        whenDone.run();
      } else if (!mayBreak && !stopping || isError(problem)) {
        fail(problem);
      } else if (client == over) {
        client = null;
        over.close();
      }
    } catch (RuntimeException e) {
      fail(e);
    } finally {
      notifyAll();
    }
  }

  /** A server that goes away may say so; whatever else it answers is an error. */
  private static boolean isError(Throwable problem) {
    return problem instanceof NbdClient.Refusal refusal
        && refusal.errno() != NbdClient.SHUTTING_DOWN;
  }

  private synchronized void fail(Throwable problem) {
    if (failure == null) {
      failure = problem;
    }
    notifyAll();
  }

  /** From now on the connection may break, or must not. */
  public synchronized void mayBreak(boolean allowed) {
    mayBreak = allowed;
  }

  /** Where the load connects from now on when its connection breaks. */
  public synchronized void moveTo(int newPort) {
    servers = List.of(onThisMachine(newPort));
    serverIndex = 0;
  }

  private static InetSocketAddress onThisMachine(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private synchronized InetSocketAddress server() {
    return servers.get(serverIndex);
  }

  private synchronized void nextServer() {
    serverIndex = (serverIndex + 1) % servers.size();
  }

  /**
   * Turns to the next server when no request was answered for so long, as a host with several paths
   * does. What is in flight counts as perhaps written.
   *
   * @return whether it did.
   */
  public synchronized boolean turnFromSilence(Duration silence) {
    if (client == null || flights.isEmpty()) {
      return false;
    }
    long oldest = flights.values().iterator().next().beginNanos();
    if (System.nanoTime() - Math.max(oldest, completedNanos) < silence.toNanos()) {
      return false;
    }
    nextServer();
    client.abandon();
    return true;
  }

  /** Time since a request was last answered, in seconds; since the start if none was. */
  public synchronized double silentSeconds() {
    return (System.nanoTime() - completedNanos) / 1e9;
  }

  /** The times of the requests that were answered since the last call, in microseconds. */
  public Histogram takeLatencies() {
    return latencies.getIntervalHistogram();
  }

  /** How often the load had to connect again. */
  public synchronized int reconnects() {
    return reconnects;
  }

  /** Requests that were answered so far. */
  public synchronized long completed() {
    return completed;
  }

  /** Writes that were acknowledged so far. */
  public synchronized long acknowledgedWrites() {
    return acknowledgedWrites;
  }

  /** Waits until this many requests more were answered: the load runs. */
  public double awaitProgress(int requests, Duration limit) {
    long wanted = completed() + requests;
    return Await.until(
        requests + " requests more of " + export,
        limit,
        () -> {
          checkNoFailure();
          return completed() >= wanted;
        },
        () -> completed() + " of " + wanted);
  }

  /** Forgets the longest request and silence so far: a new part of the story begins. */
  public synchronized void forgetStall() {
    worstNanos = 0;
    longestSilenceNanos = 0;
  }

  /** The longest request since then in seconds; one that is still in flight counts as well. */
  public synchronized double stallSeconds() {
    long now = System.nanoTime();
    long worst = worstNanos;
    for (Flight flight : flights.values()) {
      worst = Math.max(worst, now - flight.beginNanos());
    }
    return worst / 1e9;
  }

  /** The longest time since then in which no request was answered, in seconds. */
  public synchronized double longestSilenceSeconds() {
    return Math.max(longestSilenceNanos, System.nanoTime() - completedNanos) / 1e9;
  }

  /** Throws what went wrong so far. */
  public synchronized void checkNoFailure() {
    if (failure != null) {
      throw new ChaosFailure("a client of " + export + " failed: " + failure, failure);
    }
  }

  /**
   * Ends the load, reads every block and checks all histories.
   *
   * @return a line for the report.
   */
  public String finish() {
    return finish(1);
  }

  /**
   * Ends the load, reads every block several times and checks all histories.
   *
   * @param readings how often: an owner takes the replicas in turn, so that with several more than
   *     there are replicas each of them has answered.
   * @return a line for the report.
   */
  public String finish(int readings) {
    awaitLanding();
    try (BlockClient reader = client == null ? connected() : client) {
      for (int reading = 0; reading < readings; reading++) {
        readAll(reader);
      }
    }
    for (BlockHistory history : histories) {
      history.check();
    }
    return String.format(
        "%d requests answered, %d writes acknowledged, all %d blocks as they must be",
        completed, acknowledgedWrites, histories.length);
  }

  private void readAll(BlockClient reader) {
    for (int block = 0; block < histories.length; block += REQUEST_BLOCKS_MAX) {
      int count = Math.min(REQUEST_BLOCKS_MAX, histories.length - block);
      long begin = ++time;
      byte[] data = answer(reader.read(offsetBytes(block), count * BLOCK_BYTES));
      long end = ++time;
      for (int i = 0; i < count; i++) {
        histories[block + i].read(valueOf(data, i, block + i), begin, end, ONE_GENERATION);
      }
    }
  }

  private void awaitLanding() {
    synchronized (this) {
      stopping = true;
      notifyAll();
    }
    try {
      thread.join(SETTLE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
    Await.until(
        "the requests in flight are answered",
        SETTLE,
        () -> {
          synchronized (this) {
            return failure != null || flights.isEmpty();
          }
        });
    checkNoFailure();
  }

  private static byte[] answer(java.util.concurrent.CompletableFuture<byte[]> request) {
    try {
      return request.get(SETTLE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    } catch (ExecutionException | TimeoutException e) {
      throw new ChaosFailure("a request failed: " + e, e);
    }
  }

  /** Value, place, and the value again to the end. */
  private static void fill(ByteBuffer data, long value, int block) {
    data.putLong(value).putLong(block);
    for (int i = 2; i < BLOCK_BYTES / Long.BYTES; i++) {
      data.putLong(value);
    }
  }

  private static long valueOf(byte[] data, int index, int block) {
    ByteBuffer bytes = ByteBuffer.wrap(data, index * BLOCK_BYTES, BLOCK_BYTES);
    long value = bytes.getLong();
    long place = bytes.getLong();
    boolean whole = place == (value == 0 ? 0 : block);
    while (bytes.hasRemaining()) {
      whole &= bytes.getLong() == value;
    }
    if (!whole) {
      throw new ChaosFailure(
          "block " + block + " is torn or not its own: it begins with " + value + ", " + place);
    }
    return value;
  }

  /** Ends the load without a check. */
  @Override
  public void close() {
    BlockClient last;
    synchronized (this) {
      stopping = true;
      last = client;
      notifyAll();
    }
    if (last != null) {
      last.close();
    }
    thread.interrupt();
  }
}
