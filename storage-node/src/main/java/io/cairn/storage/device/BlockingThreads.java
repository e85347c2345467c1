package io.cairn.storage.device;

import io.cairn.metadata.metrics.LatencyHistogram;
import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.agrona.collections.LongArrayQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Threads for work that blocks: made when they are needed, ended when they have had none for a
 * while. Handing a task over makes no objects, which the JDK's pools do for their queues and for
 * each wait; a read of the capacity tier is handed over each time.
 */
public final class BlockingThreads implements Executor {
  private static final Logger LOG = LoggerFactory.getLogger(BlockingThreads.class);

  private final int threadsMax;
  private final long idleNanos;
  private final ThreadFactory factory;

  // A monitor, not a lock with a condition: its waiters are no objects on the heap.
  private final Object lock = new Object();
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();

  /** When each of the tasks came. */
  private final LongArrayQueue cameNanos = new LongArrayQueue(Long.MIN_VALUE);

  private final LatencyHistogram waits = new LatencyHistogram();
  private int threads;
  private int idle;
  private boolean ended;

  /**
   * None yet.
   *
   * @param threadsMax more tasks than that wait for one of the others to end.
   * @param idleNanos after which a thread without a task ends.
   */
  public BlockingThreads(int threadsMax, long idleNanos, ThreadFactory factory) {
    this.threadsMax = threadsMax;
    this.idleNanos = idleNanos;
    this.factory = factory;
  }

  /**
   * Runs the task on one of the threads, in no particular order; any thread, never waits.
   *
   * @throws RejectedExecutionException after {@link #end}.
   */
  @Override
  public void execute(Runnable task) {
    boolean another = false;
    synchronized (lock) {
      if (ended) {
        throw new RejectedExecutionException("the threads have ended");
      }
      tasks.addLast(task);
      cameNanos.addLong(System.nanoTime());
      if (idle >= tasks.size()) {
        lock.notify();
      } else if (threads < threadsMax) {
        threads++;
        another = true;
      }
    }
    if (another) {
      factory.newThread(this::work).start();
    }
  }

  private void work() {
    for (Runnable task = next(); task != null; task = next()) {
      try {
        task.run();
      } catch (RuntimeException | Error e) {
        LOG.error("a task off the loop failed", e);
      }
    }
  }

  /** The next task; null when there was none for so long that the thread is to end. */
  private Runnable next() {
    synchronized (lock) {
      long deadlineNanos = System.nanoTime() + idleNanos;
      while (tasks.isEmpty()) {
        long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
        if (ended || leftMillis <= 0) {
          threads--;
          lock.notifyAll();
          return null;
        }
        idle++;
        try {
          lock.wait(leftMillis);
        } catch (InterruptedException e) {
          // Nobody interrupts these threads; one that is goes on with what it has.
          LOG.warn("a thread off the loop was interrupted");
        } finally {
          idle--;
        }
      }
      waits.record(System.nanoTime() - cameNanos.pollLong());
      return tasks.pollFirst();
    }
  }

  /** How long tasks waited for a thread; a little old. */
  public LatencyHistogram waits() {
    return waits;
  }

  int threadCount() {
    synchronized (lock) {
      return threads;
    }
  }

  /**
   * Takes no more tasks, and waits until those that it has are done.
   *
   * @return false when that took too long, or the caller was interrupted.
   */
  public boolean end(long timeoutNanos) {
    synchronized (lock) {
      ended = true;
      lock.notifyAll();
      long deadlineNanos = System.nanoTime() + timeoutNanos;
      while (threads > 0) {
        long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
        if (leftMillis <= 0) {
          return false;
        }
        try {
          lock.wait(leftMillis);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return false;
        }
      }
      return true;
    }
  }
}
