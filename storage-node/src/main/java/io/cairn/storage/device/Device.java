package io.cairn.storage.device;

import io.cairn.metadata.metrics.LatencyHistogram;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * One device of a node, as far as people and the node's watch see it: what is under way on it and
 * since when, how long its calls take, and what went wrong. Whoever uses the device makes each call
 * by {@link #run} or {@link #get}. Any thread, but not a shard's loop.
 *
 * <pre>
 * GOOD --a write or a sync fails--> FAILED, for as long as the process lives: what the system had
 *         taken may be lost, and a second try would say that it is not
 * </pre>
 *
 * <p>A device whose calls do not return is found by {@link #oldestNanos}; it is no state of its
 * own, as it ends when they do.
 */
public final class Device {
  /** What a node has a device for. */
  public enum Tier {
    /** Journals, catalogues, read caches. */
    CACHE,
    /** Chunks. */
    CAPACITY;

    /** As it is written for people. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Kinds of calls. */
  public enum Operation {
    /** Blocks or records are read. */
    READ,
    /** Blocks or records are written; nothing is promised of them. */
    WRITE,
    /** What was written becomes durable. */
    SYNC;

    /** As it is written for people. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** A call to the device. */
  public interface Call {
    /** Makes the call. */
    void run() throws IOException;
  }

  /** A call to the device that fetches something. */
  public interface Fetch<T> {
    /** Makes the call. */
    T get() throws IOException;
  }

  /** Calls that can be watched at one time: beyond, they are only counted. */
  private static final int SLOTS = 256;

  private static final int UNWATCHED = -1;

  /**
   * Reads are slow from one mean time of a read on, and until another one: those that wait for the
   * rest of what was ordered ahead of them take less than the device would.
   */
  private static final long SLOW_FROM_NANOS = 1_000_000;

  private static final long SLOW_UNTIL_NANOS = 250_000;

  /** Of so many reads, in about, the mean is. */
  private static final int MEAN_READS = 16;

  private final Tier tier;
  private final Path directory;
  private final DeviceFaults faults;
  private final Map<Operation, LatencyHistogram> latencies = new EnumMap<>(Operation.class);
  private final Map<Operation, LongAdder> errors = new EnumMap<>(Operation.class);

  /** When the call of a slot began; 0 for none. */
  private final AtomicLongArray begun = new AtomicLongArray(SLOTS);

  private final AtomicBoolean busy = new AtomicBoolean();

  private final LongAdder writtenBytes = new LongAdder();

  /** Of reads; written under the lock of their histogram. */
  private long meanNanos;

  private volatile boolean readsAreSlow;
  private volatile Runnable whenBusy = () -> {};
  private volatile String failure;
  private volatile String lastError;

  /**
   * A device that is good.
   *
   * @param directory on it.
   * @param faults that a test plays on it; null for none.
   */
  public Device(Tier tier, Path directory, DeviceFaults faults) {
    this.tier = tier;
    this.directory = directory;
    this.faults = faults;
    for (Operation operation : Operation.values()) {
      latencies.put(operation, new LatencyHistogram());
      errors.put(operation, new LongAdder());
    }
  }

  /** What the node has it for. */
  public Tier tier() {
    return tier;
  }

  /** A directory on it: by this people know it. */
  public Path directory() {
    return directory;
  }

  /** Makes a call and counts it; what it throws goes on to the caller. */
  public void run(Operation operation, Call call) throws IOException {
    get(
        operation,
        () -> {
          call.run();
          return null;
        });
  }

  /** Makes a call and counts it; what it throws goes on to the caller. */
  public <T> T get(Operation operation, Fetch<T> fetch) throws IOException {
    int slot = begin(operation);
    try {
      return fetch.get();
    } catch (IOException e) {
      throw failed(operation, e);
    } finally {
      end(operation, slot);
    }
  }

  /**
   * A call begins.
   *
   * @return for {@link #end}.
   * @throws IOException a fault that a test plays; then there is no end.
   */
  private int begin(Operation operation) throws IOException {
    int slot = claim(System.nanoTime() | 1);
    if (!busy.get() && busy.compareAndSet(false, true)) {
      whenBusy.run();
    }
    if (faults != null) {
      try {
        faults.obey(operation);
      } catch (IOException e) {
        end(operation, slot);
        throw failed(operation, e);
      }
    }
    return slot;
  }

  private int claim(long nowNanos) {
    int first = (int) Thread.currentThread().threadId();
    for (int i = 0; i < SLOTS; i++) {
      int slot = Math.floorMod(first + i, SLOTS);
      if (begun.get(slot) == 0 && begun.compareAndSet(slot, 0, nowNanos)) {
        return slot;
      }
    }
    return UNWATCHED;
  }

  /** The call has returned, however it ended. */
  private void end(Operation operation, int slot) {
    if (slot == UNWATCHED) {
      return;
    }
    long tookNanos = System.nanoTime() - begun.getAndSet(slot, 0);
    LatencyHistogram latency = latencies.get(operation);
    synchronized (latency) {
      latency.record(tookNanos);
      if (operation == Operation.READ) {
        observe(tookNanos);
      }
    }
  }

  private void observe(long tookNanos) {
    meanNanos += (tookNanos - meanNanos) / MEAN_READS;
    if (readsAreSlow != meanNanos >= (readsAreSlow ? SLOW_UNTIL_NANOS : SLOW_FROM_NANOS)) {
      readsAreSlow = !readsAreSlow;
    }
  }

  /** The call threw; what it threw, for the caller to go on with. */
  private IOException failed(Operation operation, IOException problem) {
    if (problem instanceof OutOfSpaceException) {
      return problem;
    }
    errors.get(operation).increment();
    lastError = operation + ": " + problem.getMessage();
    if (operation != Operation.READ && failure == null) {
      failure = lastError;
    }
    return problem;
  }

  /** Why nothing more is accepted from the device; null while it is good. */
  public String failure() {
    return failure;
  }

  /** The last call that failed, a read too; null when none has. */
  public String lastError() {
    return lastError;
  }

  /** Calls that failed. */
  public long errors(Operation operation) {
    return errors.get(operation).sum();
  }

  /** How long its calls took; a little old. */
  public LatencyHistogram latency(Operation operation) {
    return latencies.get(operation);
  }

  /** So much was handed to the device to be written. */
  public void wrote(long bytes) {
    writtenBytes.add(bytes);
  }

  /** What {@link #wrote} was told of since the start. */
  public long writtenBytes() {
    return writtenBytes.sum();
  }

  /** Whether its reads take milliseconds, as those of disks that turn or are far away do. */
  public boolean readsAreSlow() {
    return readsAreSlow;
  }

  /** Is told when a call begins while {@link #rests} has found none; once, and then again. */
  public void whenBusy(Runnable task) {
    whenBusy = task;
  }

  /** Whether no call is under way: then the next one is told to {@link #whenBusy}. */
  public boolean rests() {
    busy.set(false);
    if (oldestNanos(System.nanoTime()) == 0) {
      return true;
    }
    // One began meanwhile, and may have found the device busy.
    return !busy.compareAndSet(false, true);
  }

  /** For how long the oldest of the calls under way has not returned; 0 when there is none. */
  public long oldestNanos(long nowNanos) {
    long oldest = 0;
    for (int slot = 0; slot < SLOTS; slot++) {
      long beginNanos = begun.get(slot);
      if (beginNanos != 0) {
        oldest = Math.max(oldest, Math.max(1, nowNanos - beginNanos));
      }
    }
    return oldest;
  }

  /** As people know it. */
  @Override
  public String toString() {
    return tier + " device " + directory;
  }
}
