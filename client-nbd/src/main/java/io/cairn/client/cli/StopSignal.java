package io.cairn.client.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns SIGTERM, SIGINT and SIGHUP into a wait that ends, so that the thread that started something
 * also closes it, and the program ends with exit code 0 after a clean stop. Without it a JVM leaves
 * with 143 while its parts are still at work.
 *
 * <p>A signal that comes while something still starts interrupts the thread that starts it.
 *
 * <p>Not promised: that closing finishes. A part that hangs for {@link #STOP_SECONDS} is left where
 * it stands, as by a SIGKILL: all formats survive that.
 */
public final class StopSignal implements AutoCloseable {
  /** Below the 30 s that Kubernetes leaves between SIGTERM and SIGKILL. */
  static final long STOP_SECONDS = 25;

  /** Time for a start to notice that it was interrupted. */
  static final long START_SECONDS = 5;

  private final CountDownLatch stop = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread hook = new Thread(this::stopped, "stop-signal");
  private volatile int exitCode;

  /** The thread that starts things; null once they run. */
  private volatile Thread starter = Thread.currentThread();

  /** From here on the signals are this object's; the calling thread starts what they will stop. */
  public StopSignal() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private void stopped() {
    stop.countDown();
    Thread starting = starter;
    if (starting != null) {
      starting.interrupt();
    }
    try {
      if (!closed.await(starting == null ? STOP_SECONDS : START_SECONDS, TimeUnit.SECONDS)) {
        exitCode = Cairn.FAILED;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    // A JVM that ends by a signal otherwise reports the signal, whatever came of the stop.
    Runtime.getRuntime().halt(exitCode);
  }

  /** All runs: from now on a signal ends the wait and interrupts nobody. */
  public void started() {
    starter = null;
  }

  /** Whether a signal has come. */
  public boolean isSet() {
    return stop.getCount() == 0;
  }

  /** Waits for a signal. */
  public void await() throws InterruptedException {
    stop.await();
  }

  /** Waits for a signal, but not longer; says whether it came. */
  public boolean await(long timeoutMillis) throws InterruptedException {
    return stop.await(timeoutMillis, TimeUnit.MILLISECONDS);
  }

  /** Makes the exit code one of failure, when the stop itself has failed. */
  public void failed() {
    exitCode = Cairn.FAILED;
  }

  /** All is closed: the process may end. Without a signal, signals are the JVM's again. */
  @Override
  public void close() {
    closed.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The signal came: its thread ends the process, with its exit code.
      stop.countDown();
    }
  }
}
