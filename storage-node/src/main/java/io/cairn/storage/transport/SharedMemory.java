package io.cairn.storage.transport;

import io.cairn.storage.device.NativeCalls;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;

/**
 * Memory that one process lends to others of its host, which read payloads where they lie: a file
 * without a name (memfd_create(2)) that both have mapped, and that nobody can make shorter, as who
 * reads behind the end of a mapped file is killed. Gone with the last process that has it.
 *
 * <p>Counted as any buffer: the last reference unmaps it. The mapping of a borrower is read-only;
 * nobody may write through it. Linux only.
 */
@SuppressWarnings("restricted")
final class SharedMemory extends UnpooledDirectByteBuf {
  /** What a borrower maps at most, in bytes. */
  static final int SIZE_BYTES_MAX = 128 << 20;

  static {
    // Of its library are the descriptors.
    Epoll.ensureAvailability();
  }

  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int F_ADD_SEALS = 1033;
  private static final int F_GET_SEALS = 1034;
  private static final int F_SEAL_SEAL = 1;
  private static final int F_SEAL_SHRINK = 2;
  private static final int F_SEAL_GROW = 4;
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int MAP_SHARED = 1;
  private static final int SEEK_END = 2;

  private static final MethodHandle MEMFD_CREATE =
      NativeCalls.function(
          "memfd_create",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
  private static final MethodHandle FTRUNCATE =
      NativeCalls.function(
          "ftruncate",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
  private static final MethodHandle LSEEK =
      NativeCalls.function(
          "lseek",
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));
  private static final MethodHandle FCNTL =
      NativeCalls.function(
          "fcntl",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle MMAP =
      NativeCalls.function(
          "mmap",
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG));
  private static final MethodHandle MUNMAP =
      NativeCalls.function(
          "munmap",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

  private final long address;
  private final int sizeBytes;

  /** The lender's; null for a borrower. */
  private final FileDescriptor descriptor;

  private SharedMemory(long address, int sizeBytes, FileDescriptor descriptor) {
    super(UnpooledByteBufAllocator.DEFAULT, bytes(address, sizeBytes), sizeBytes);
    this.address = address;
    this.sizeBytes = sizeBytes;
    this.descriptor = descriptor;
  }

  private static ByteBuffer bytes(long address, int length) {
    return MemorySegment.ofAddress(address).reinterpret(length).asByteBuffer();
  }

  /**
   * New memory, all zeroes, of which the system gives what is used.
   *
   * @param sizeBytes a multiple of the page size.
   * @throws IOException where the kernel or a container's rules do not permit it.
   */
  static SharedMemory make(int sizeBytes) throws IOException {
    int fd;
    try (Arena arena = Arena.ofConfined()) {
      fd =
          (int)
              MEMFD_CREATE.invokeExact(
                  NativeCalls.ofThread().state(),
                  arena.allocateFrom("cairn-payloads"),
                  MFD_CLOEXEC | MFD_ALLOW_SEALING);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
    FileDescriptor made = new FileDescriptor(done("memfd_create", fd));
    try {
      int resized;
      try {
        resized = (int) FTRUNCATE.invokeExact(NativeCalls.ofThread().state(), fd, (long) sizeBytes);
      } catch (Throwable e) {
        throw NativeCalls.broken(e);
      }
      done("ftruncate", resized);
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
      return new SharedMemory(map(fd, sizeBytes, PROT_READ | PROT_WRITE), sizeBytes, made);
    } catch (IOException | RuntimeException e) {
      made.close();
      throw e;
    }
  }

  /**
   * What another process lends.
   *
   * @param lent stays the caller's, and is not needed any more.
   * @throws IOException when it is no such memory, could be made shorter, or is larger than {@link
   *     #SIZE_BYTES_MAX}.
   */
  static SharedMemory borrow(FileDescriptor lent) throws IOException {
    int fd = lent.intValue();
    if ((fcntl(fd, F_GET_SEALS, 0) & F_SEAL_SHRINK) == 0) {
      throw new IOException("memory that its lender could make shorter");
    }
    long size;
    try {
      size = (long) LSEEK.invokeExact(NativeCalls.ofThread().state(), fd, 0L, SEEK_END);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
    if (size < 1 || size > SIZE_BYTES_MAX) {
      throw new IOException(
          "lent memory of " + size + " bytes is outside 1 to " + SIZE_BYTES_MAX + " bytes");
    }
    return new SharedMemory(map(fd, size, PROT_READ), (int) size, null);
  }

  private static int fcntl(int fd, int command, int argument) throws IOException {
    int answer;
    try {
      answer = (int) FCNTL.invokeExact(NativeCalls.ofThread().state(), fd, command, argument);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
    return done("fcntl", answer);
  }

  private static long map(int fd, long length, int protection) throws IOException {
    long mapped;
    try {
      mapped =
          (long)
              MMAP.invokeExact(
                  NativeCalls.ofThread().state(), 0L, length, protection, MAP_SHARED, fd, 0L);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
    if (mapped == -1) {
      throw failed("mmap");
    }
    return mapped;
  }

  private static int done(String call, int answer) throws IOException {
    if (answer < 0) {
      throw failed(call);
    }
    return answer;
  }

  private static IOException failed(String call) {
    return new IOException(call + ": error " + NativeCalls.ofThread().errno());
  }

  int sizeBytes() {
    return sizeBytes;
  }

  /** The lender's descriptor, to be shown to a borrower. Borrowed. */
  FileDescriptor descriptor() {
    return descriptor;
  }

  /** A part of it, as the buffer of a slab. */
  ByteBuffer part(int from, int length) {
    return bytes(address + from, length);
  }

  /** Where a range of addresses lies in it; -1 when it does not. */
  long placeOf(long from, int length) {
    long place = from - address;
    return place >= 0 && place <= sizeBytes - length ? place : -1;
  }

  @Override
  protected void deallocate() {
    try {
      int unmapped =
          (int) MUNMAP.invokeExact(NativeCalls.ofThread().state(), address, (long) sizeBytes);
      assert unmapped == 0 : "munmap: error " + NativeCalls.ofThread().errno();
      if (descriptor != null) {
        descriptor.close();
      }
    } catch (IOException e) {
      throw new IllegalStateException("cannot close lent memory", e);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
  }

  @Override
  public boolean hasMemoryAddress() {
    return true;
  }

  @Override
  public long memoryAddress() {
    return address;
  }
}
