package io.cairn.storage.device;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Lets a thread give way to the others of its process: the JVM passes priorities on to the system
 * only for root, and for all threads or none. Linux, where a nice value is a thread's own.
 */
@SuppressWarnings("restricted")
public final class BackgroundThread {
  /** A tenth of the weight of a thread that is left alone. */
  private static final int NICE = 10;

  private static final int PRIO_PROCESS = 0;

  private static final MethodHandle SETPRIORITY =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("setpriority"),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT));

  private BackgroundThread() {}

  /**
   * Lowers the calling thread for good: raising it again takes a right that containers lack.
   *
   * @return whether the system agreed; when not, the thread runs as before.
   */
  public static boolean lowerThisOne() {
    try {
      return (int) SETPRIORITY.invokeExact(PRIO_PROCESS, 0, NICE) == 0;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
