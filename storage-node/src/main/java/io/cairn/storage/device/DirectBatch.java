package io.cairn.storage.device;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Direct writes that go to the device side by side: one system call for all of them costs a seventh
 * of one for each, and what is written does not push anything out of the page cache. Kernel AIO
 * (io_submit(2)), as containers are often denied io_uring; without either they go one after the
 * other.
 *
 * <p>For one thread at a time. The bytes are copied into aligned memory of the batch's own, or
 * written from where they lie.
 */
@SuppressWarnings("restricted")
public final class DirectBatch implements AutoCloseable {
  private static final Architecture HERE = Architecture.here();

  /** struct iocb of linux/aio_abi.h. */
  private static final int CONTROL_BYTES = 64;

  private static final int CONTROL_OPCODE = 16;
  private static final int CONTROL_FILE = 20;
  private static final int CONTROL_BUFFER = 24;
  private static final int CONTROL_LENGTH = 32;
  private static final int CONTROL_POSITION = 40;
  private static final short PWRITE = 1;

  /** struct io_event. */
  private static final int EVENT_BYTES = 32;

  private static final int EVENT_DATA = 0;
  private static final int EVENT_RESULT = 16;
  private static final int EINTR = 4;

  private static final MethodHandle SYSCALL =
      NativeCalls.function(
          "syscall",
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG),
          Linker.Option.firstVariadicArg(1));

  private final Arena arena = Arena.ofShared();
  private final NativeFile[] files;
  private final long[] positions;
  private final long[] addresses;
  private final int[] lengths;
  private final MemorySegment memory;
  private final UnsafeBuffer buffer;
  private final MemorySegment controls;
  private final MemorySegment pointers;
  private final MemorySegment events;

  /** Of the kernel; 0 when it grants none. */
  private final long context;

  private int count;
  private int filled;

  /** Bytes of all that was added, copied or not. */
  private int pending;

  /**
   * An empty batch.
   *
   * @param requests most writes, 1 to 1024.
   * @param bytes most bytes of all of them, a multiple of {@link NativeFile#DIRECT_ALIGNMENT}.
   */
  public DirectBatch(int requests, int bytes) {
    files = new NativeFile[requests];
    positions = new long[requests];
    addresses = new long[requests];
    lengths = new int[requests];
    memory = arena.allocate(bytes, NativeFile.DIRECT_ALIGNMENT);
    buffer = new UnsafeBuffer(memory.asByteBuffer());
    controls = arena.allocate((long) requests * CONTROL_BYTES, CONTROL_BYTES);
    pointers = arena.allocate((long) requests * Long.BYTES, Long.BYTES);
    events = arena.allocate((long) requests * EVENT_BYTES, Long.BYTES);
    MemorySegment slot = arena.allocate(Long.BYTES, Long.BYTES);
    context = call(HERE.ioSetup, requests, slot.address(), 0, 0, 0) < 0 ? 0 : longAt(slot, 0);
  }

  /** Whether the kernel takes the writes side by side. */
  public boolean isAsynchronous() {
    return context != 0;
  }

  /** Whether nothing waits to be written. */
  public boolean isEmpty() {
    return count == 0;
  }

  /**
   * Takes bytes to be written; what continues the write before becomes part of it.
   *
   * @param file opened for direct transfers, and left open until the batch has run.
   * @return where in {@link #memory} they were copied to; -1 when there is no place: the batch must
   *     run first.
   */
  public int add(
      NativeFile file, long position, DirectBuffer source, int sourceOffset, int length) {
    if (!put(file, position, memory.address() + filled, length)) {
      return -1;
    }
    int copy = filled;
    buffer.putBytes(copy, source, sourceOffset, length);
    filled += length;
    return copy;
  }

  /**
   * Takes bytes to be written from where they lie.
   *
   * @param file as for {@link #add}.
   * @param address a multiple of {@link NativeFile#DIRECT_ALIGNMENT}, of memory that stays, and
   *     stays as it is, until the batch has run.
   * @return false when there is no place: the batch must run first.
   */
  public boolean addInPlace(NativeFile file, long position, long address, int length) {
    return put(file, position, address, length);
  }

  private boolean put(NativeFile file, long position, long address, int length) {
    if (length > buffer.capacity() - pending) {
      return false;
    }
    int last = count - 1;
    if (count > 0
        && files[last] == file
        && positions[last] + lengths[last] == position
        && addresses[last] + lengths[last] == address) {
      lengths[last] += length;
    } else if (count == files.length) {
      return false;
    } else {
      files[count] = file;
      positions[count] = position;
      addresses[count] = address;
      lengths[count] = length;
      count++;
    }
    pending += length;
    return true;
  }

  /** The batch's own copies of what was added. Borrowed, until the batch runs. */
  public DirectBuffer memory() {
    return buffer;
  }

  /** Forgets what was added and not run. */
  public void clear() {
    Arrays.fill(files, 0, count, null);
    count = 0;
    filled = 0;
    pending = 0;
  }

  /** Most bytes that one call of {@link #add} can take. */
  public int capacityBytes() {
    return buffer.capacity();
  }

  /**
   * Writes everything, and waits for it. Whatever the outcome, the batch is empty afterwards and
   * the kernel is done with its memory.
   *
   * @throws OutOfSpaceException when there was no room for one of the writes.
   */
  public void run() throws IOException {
    int wanted = count;
    count = 0;
    filled = 0;
    pending = 0;
    try {
      if (context != 0) {
        submitAll(wanted);
      } else {
        for (int i = 0; i < wanted; i++) {
          files[i].write(addresses[i], lengths[i], positions[i]);
        }
      }
    } finally {
      Arrays.fill(files, 0, wanted, null);
    }
  }

  private void submitAll(int wanted) throws IOException {
    for (int i = 0; i < wanted; i++) {
      prepare(i);
    }
    IOException failure = null;
    int submitted = 0;
    while (submitted < wanted) {
      long address = pointers.address() + (long) submitted * Long.BYTES;
      long taken = call(HERE.ioSubmit, context, wanted - submitted, address, 0, 0);
      if (taken < 0) {
        // The kernel says no to the first of the rest: one that waits may say more.
        failure = alone(submitted);
        taken = 1;
        collect(0);
      } else {
        collect((int) taken);
        failure = failure == null ? outcome((int) taken) : failure;
      }
      submitted += (int) taken;
      if (failure != null) {
        throw failure;
      }
    }
  }

  private void prepare(int i) {
    long at = (long) i * CONTROL_BYTES;
    // What is not set here stays zero: of it the kernel writes the key only, which is zero too.
    controls.set(ValueLayout.JAVA_LONG, at, i);
    controls.set(ValueLayout.JAVA_SHORT, at + CONTROL_OPCODE, PWRITE);
    controls.set(ValueLayout.JAVA_INT, at + CONTROL_FILE, files[i].descriptor());
    controls.set(ValueLayout.JAVA_LONG, at + CONTROL_BUFFER, addresses[i]);
    controls.set(ValueLayout.JAVA_LONG, at + CONTROL_LENGTH, lengths[i]);
    controls.set(ValueLayout.JAVA_LONG, at + CONTROL_POSITION, positions[i]);
    pointers.set(ValueLayout.JAVA_LONG, (long) i * Long.BYTES, controls.address() + at);
  }

  private IOException alone(int i) {
    try {
      files[i].write(addresses[i], lengths[i], positions[i]);
      return null;
    } catch (IOException e) {
      return e;
    }
  }

  /** Waits for so many writes; their events lie from the first place on. */
  private void collect(int wanted) {
    int done = 0;
    while (done < wanted) {
      long address = events.address() + (long) done * EVENT_BYTES;
      long got = call(HERE.ioGetevents, context, wanted - done, wanted - done, address, 0);
      if (got < 0) {
        int errno = NativeCalls.ofThread().errno();
        if (errno != EINTR) {
          throw new IllegalStateException("io_getevents: error " + errno);
        }
      } else {
        done += (int) got;
      }
    }
  }

  /** What went wrong with the writes that were collected, or null; a short one is finished here. */
  private IOException outcome(int collected) {
    IOException failure = null;
    for (int e = 0; e < collected; e++) {
      int i = (int) longAt(events, (long) e * EVENT_BYTES + EVENT_DATA);
      long result = longAt(events, (long) e * EVENT_BYTES + EVENT_RESULT);
      if (result < 0) {
        failure = worse(failure, NativeFile.failure("write", files[i], (int) -result));
      } else if (result < lengths[i]) {
        failure = worse(failure, alone(i));
      }
    }
    return failure;
  }

  /** A device without room is tried again; one that fails is not. */
  private static IOException worse(IOException first, IOException second) {
    return first == null || first instanceof OutOfSpaceException && second != null ? second : first;
  }

  private static long longAt(MemorySegment segment, long offset) {
    return segment.get(ValueLayout.JAVA_LONG, offset);
  }

  private static long call(long number, long a, long b, long c, long d, long e) {
    try {
      return (long) SYSCALL.invokeExact(NativeCalls.ofThread().state(), number, a, b, c, d, e);
    } catch (Throwable problem) {
      throw NativeCalls.broken(problem);
    }
  }

  @Override
  public void close() {
    if (context != 0) {
      call(HERE.ioDestroy, context, 0, 0, 0, 0);
    }
    arena.close();
  }
}
