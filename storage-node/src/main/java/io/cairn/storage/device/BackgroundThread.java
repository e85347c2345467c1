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
  private static final int NICER_BY = 10;

  /** nice(3): relative, so that a process that gives way as a whole is never raised. */
  private static final MethodHandle NICE =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("nice"),
              FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

  private BackgroundThread() {}

  /** Lowers the calling thread for good: raising it again takes a right that containers lack. */
  public static void lowerThisOne() {
    try {
      int unused = (int) NICE.invokeExact(NICER_BY);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
