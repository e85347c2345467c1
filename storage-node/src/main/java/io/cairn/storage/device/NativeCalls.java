package io.cairn.storage.device;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.stream.Stream;

/**
 * How the C library is called: functions that leave an error number, and what a thread needs beside
 * their arguments, made once per thread, so that a call makes no objects. Addresses go as numbers
 * for the same reason: who passes one keeps the memory until the call has returned.
 */
@SuppressWarnings("restricted")
public final class NativeCalls {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final ThreadLocal<NativeCalls> OF_THREAD =
      ThreadLocal.withInitial(NativeCalls::new);

  private final MemorySegment state = Arena.ofAuto().allocate(STATE);

  /** A struct iovec. */
  private final MemorySegment vector = Arena.ofAuto().allocate(2 * Long.BYTES, Long.BYTES);

  private NativeCalls() {}

  /** A function of the C library that sets errno; its first argument is {@link #state}. */
  public static MethodHandle function(
      String name, FunctionDescriptor types, Linker.Option... options) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        types,
        Stream.concat(Stream.of(CAPTURE), Stream.of(options)).toArray(Linker.Option[]::new));
  }

  /** The calling thread's own. */
  public static NativeCalls ofThread() {
    return OF_THREAD.get();
  }

  /** Where the error number of the thread's calls goes. */
  public MemorySegment state() {
    return state;
  }

  /** Why the thread's last call failed, if it did. */
  public int errno() {
    return (int) ERRNO.get(state, 0L);
  }

  /** The address of a vector of one part. */
  long vector(long address, long length) {
    vector.set(ValueLayout.JAVA_LONG, 0, address);
    vector.set(ValueLayout.JAVA_LONG, Long.BYTES, length);
    return vector.address();
  }

  /** What a handle throws: a call of the C library itself throws nothing. */
  public static IllegalStateException broken(Throwable problem) {
    return new IllegalStateException(problem);
  }
}
