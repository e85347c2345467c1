package io.cairn.client.cli;

import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns SIGTERM, SIGINT and SIGHUP into a wait that ends, so that the thread that started something
 * also closes it, and the program leaves by its ordinary way with its ordinary exit code. The JVM's
 * own answer is to leave with 143 while its parts are still at work.
 *
 * <p>A signal that comes while something still starts interrupts the thread that starts it; a
 * second signal ends the process at once.
 *
 * <p>Not promised: that closing finishes. A part that hangs for {@link #STOP_SECONDS} is left where
 * it stands, as by a SIGKILL: all formats survive that.
 */
public final class StopSignal implements AutoCloseable {
  /** Below the 30 s that Kubernetes leaves between SIGTERM and SIGKILL. */
  static final long STOP_SECONDS = 25;

  private static final String[] SIGNALS = {"TERM", "INT", "HUP"};

  private final CountDownLatch stop = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  /** Puts back what handled the signals before. */
  private final Deque<Runnable> restore = new ArrayDeque<>();

  /** The thread that starts things; null once they run. */
  private volatile Thread starter = Thread.currentThread();

  /** From here on the signals are this object's; the calling thread starts what they will stop. */
  public StopSignal() {
    for (String name : SIGNALS) {
      restore.push(handle(name, this::signalled));
    }
  }

  private void signalled() {
    if (isSet()) {
      Runtime.getRuntime().halt(Cairn.FAILED);
    }
    stop.countDown();
    Thread starting = starter;
    if (starting != null) {
      starting.interrupt();
    }
    Thread.ofPlatform().daemon().name("stop-deadline").start(this::enforce);
  }

  private void enforce() {
    try {
      if (!closed.await(STOP_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("cairn: did not stop within " + STOP_SECONDS + " s, and is left");
        Runtime.getRuntime().halt(Cairn.FAILED);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Sets a signal's handler by reflection: {@code sun.misc.Signal} is exported and stays so, but
   * the compiler's warning about it cannot be turned off, and warnings are errors here. A signal
   * that was ignored when the JVM started stays ignored.
   *
   * @return puts the former handler back.
   */
  private static Runnable handle(String name, Runnable action) {
    try {
      Class<?> signals = Class.forName("sun.misc.Signal");
      Class<?> handlers = Class.forName("sun.misc.SignalHandler");
      Object signal = signals.getConstructor(String.class).newInstance(name);
      Object handler =
          Proxy.newProxyInstance(
              StopSignal.class.getClassLoader(),
              new Class<?>[] {handlers},
              (proxy, method, arguments) ->
                  switch (method.getName()) {
                    case "handle" -> {
                      action.run();
                      yield null;
                    }
                    case "equals" -> proxy == arguments[0];
                    case "hashCode" -> System.identityHashCode(proxy);
                    default -> "StopSignal";
                  });
      var handle = signals.getMethod("handle", signals, handlers);
      Object before = handle.invoke(null, signal, handler);
      return () -> {
        try {
          handle.invoke(null, signal, before);
        } catch (ReflectiveOperationException e) {
          throw new IllegalStateException("cannot give SIG" + name + " back", e);
        }
      };
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot handle SIG" + name, e);
    }
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

  /** All is closed: signals are again whose they were. */
  @Override
  public void close() {
    closed.countDown();
    while (!restore.isEmpty()) {
      restore.pop().run();
    }
  }
}
