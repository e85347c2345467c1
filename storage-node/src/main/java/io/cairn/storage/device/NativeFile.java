package io.cairn.storage.device;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file by its descriptor, through the C library: the JDK has no call that punches a hole, and
 * names the error number nowhere. Linux only, 64 bits. Positional calls may run beside each other.
 */
@SuppressWarnings("restricted")
public final class NativeFile implements AutoCloseable {
  /** How a file is opened. */
  public enum Mode {
    /** Through the page cache; there must be such a file. */
    BUFFERED,
    /** Through the page cache; the file is made when there is none. */
    CREATE,
    /**
     * Past the page cache, to a file that is there: memory must begin at a multiple of {@link
     * #DIRECT_ALIGNMENT}, positions and lengths must be multiples of it.
     */
    DIRECT
  }

  /** Enough for direct transfers on every device with blocks of up to 4 KiB. */
  public static final int DIRECT_ALIGNMENT = 4096;

  private static final int O_RDWR = 2;
  private static final int O_CREAT = 64;
  private static final int O_CLOEXEC = 524288;

  /** The one flag here whose value depends on the architecture. */
  private static final int O_DIRECT = Architecture.here().direct;

  private static final int RWF_DSYNC = 2;
  private static final int RWF_NOWAIT = 8;
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int FALLOC_FL_ZERO_RANGE = 16;
  private static final int ENOENT = 2;
  private static final int EINTR = 4;
  private static final int EINVAL = 22;
  private static final int ENOSPC = 28;
  private static final int ENOSYS = 38;
  private static final int EOPNOTSUPP = 95;
  private static final int EDQUOT = 122;

  /** struct stat of x86-64 and of aarch64 both have st_blocks here; it counts 512 bytes each. */
  private static final int STAT_BLOCKS_OFFSET = 64;

  /** The same goes for st_size. */
  private static final int STAT_SIZE_OFFSET = 48;

  private static final int STAT_BLOCK_BYTES = 512;
  private static final int STAT_BYTES_MAX = 256;

  private static final MethodHandle OPEN =
      NativeCalls.function(
          "open",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle FSTAT =
      NativeCalls.function(
          "fstat",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
  private static final MethodHandle FTRUNCATE =
      NativeCalls.function(
          "ftruncate",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
  private static final MethodHandle CLOSE = ofFd("close");
  private static final MethodHandle FDATASYNC = ofFd("fdatasync");
  private static final MethodHandle SYNCFS = ofFd("syncfs");
  private static final MethodHandle PREAD = transfer("pread");
  private static final MethodHandle PWRITE = transfer("pwrite");
  private static final MethodHandle PREADV2 = vectored("preadv2");
  private static final MethodHandle PWRITEV2 = vectored("pwritev2");
  private static final MethodHandle FALLOCATE =
      NativeCalls.function(
          "fallocate",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG));

  private static final int POSIX_FADV_WILLNEED = 3;

  /** A call reads no more ahead than the device's own readahead, which is this unless set. */
  private static final long AHEAD_BYTES = 128 << 10;

  private static final MethodHandle POSIX_FADVISE =
      NativeCalls.function(
          "posix_fadvise",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));

  private final Path path;
  private final int fd;

  private NativeFile(Path path, int fd) {
    this.path = path;
    this.fd = fd;
  }

  private static MethodHandle ofFd(String name) {
    return NativeCalls.function(
        name, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
  }

  private static MethodHandle transfer(String name) {
    return NativeCalls.function(
        name,
        FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG));
  }

  private static MethodHandle vectored(String name) {
    return NativeCalls.function(
        name,
        FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT));
  }

  /**
   * Opens a file for reading and writing.
   *
   * @return null when there is none and it was not to be made, and when the file system has no
   *     direct transfers but they were asked for.
   */
  public static NativeFile open(Path path, Mode mode) throws IOException {
    NativeCalls calls = NativeCalls.ofThread();
    int flags = O_RDWR | O_CLOEXEC;
    flags |= mode == Mode.CREATE ? O_CREAT : 0;
    flags |= mode == Mode.DIRECT ? O_DIRECT : 0;
    int fd;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path.toString());
      fd = (int) OPEN.invokeExact(calls.state(), name, flags, 0640);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
    if (fd >= 0) {
      return new NativeFile(path, fd);
    }
    int errno = calls.errno();
    if (errno == ENOENT && mode != Mode.CREATE || errno == EINVAL && mode == Mode.DIRECT) {
      return null;
    }
    throw failure("open", path, errno);
  }

  /** Writes all bytes at a position. */
  public void write(MemorySegment bytes, long position) throws IOException {
    write(bytes.address(), bytes.byteSize(), position);
    Reference.reachabilityFence(bytes);
  }

  /** The same with the address of memory that stays until the call has returned. */
  public void write(long address, long length, long position) throws IOException {
    long done = 0;
    while (done < length) {
      done += transfer(PWRITE, "write", address + done, length - done, position + done);
    }
  }

  /**
   * Writes all bytes at a position, and makes them durable with the same call where the system has
   * one for both: a sync that follows would ask the file system once more.
   */
  public void writeDurably(long address, long length, long position) throws IOException {
    NativeCalls calls = NativeCalls.ofThread();
    long done = 0;
    while (done < length) {
      long count =
          vectored(PWRITEV2, calls, address + done, length - done, position + done, RWF_DSYNC);
      if (count >= 0) {
        done += count;
        continue;
      }
      int errno = calls.errno();
      if (errno == ENOSYS || errno == EOPNOTSUPP) {
        write(address + done, length - done, position + done);
        sync();
        return;
      }
      if (errno != EINTR) {
        // As of a sync: what is not durable now will not be by trying again.
        throw new IOException(failure("write", path, errno).getMessage());
      }
    }
  }

  /** Reads up to the end of the file; what lies behind it is zeroes. */
  public void read(MemorySegment bytes, long position) throws IOException {
    read(bytes.address(), bytes.byteSize(), position);
    Reference.reachabilityFence(bytes);
  }

  /** The same with the address of memory that stays until the call has returned. */
  public void read(long address, long length, long position) throws IOException {
    long done = 0;
    while (done < length) {
      long count = transfer(PREAD, "read", address + done, length - done, position + done);
      if (count == 0) {
        MemorySegment.ofAddress(address + done).reinterpret(length - done).fill((byte) 0);
        return;
      }
      done += count;
    }
  }

  /**
   * Reads what is in the page cache, without waiting for the device.
   *
   * @return whether all bytes were there; when not, their memory may hold anything.
   */
  public boolean readCached(long address, long length, long position) {
    NativeCalls calls = NativeCalls.ofThread();
    return vectored(PREADV2, calls, address, length, position, RWF_NOWAIT) == length;
  }

  /**
   * Has the system begin to read a range into the page cache; a hint, whose failure nobody hears
   * of.
   */
  public void willNeed(long position, long length) {
    NativeCalls calls = NativeCalls.ofThread();
    for (long done = 0; done < length; done += AHEAD_BYTES) {
      long part = Math.min(AHEAD_BYTES, length - done);
      try {
        int outcome =
            (int)
                POSIX_FADVISE.invokeExact(
                    calls.state(), fd, position + done, part, POSIX_FADV_WILLNEED);
        if (outcome != 0) {
          return;
        }
      } catch (Throwable e) {
        throw NativeCalls.broken(e);
      }
    }
  }

  /** Keeps space for a range and makes the file reach its end. */
  public void allocate(long position, long length) throws IOException {
    fallocate(0, "allocate", position, length);
  }

  /** Makes the names in a directory durable. */
  public static void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  int descriptor() {
    return fd;
  }

  @Override
  public String toString() {
    return path.toString();
  }

  private long transfer(MethodHandle call, String what, long address, long length, long position)
      throws IOException {
    NativeCalls calls = NativeCalls.ofThread();
    while (true) {
      long count;
      try {
        count = (long) call.invokeExact(calls.state(), fd, address, length, position);
      } catch (Throwable e) {
        throw NativeCalls.broken(e);
      }
      if (count >= 0) {
        return count;
      }
      requireInterrupted(calls, what);
    }
  }

  private long vectored(
      MethodHandle call, NativeCalls calls, long address, long length, long position, int flags) {
    long vector = calls.vector(address, length);
    try {
      return (long) call.invokeExact(calls.state(), fd, vector, 1, position, flags);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
  }

  /** A call that a signal ended is to be repeated; everything else is a failure. */
  private void requireInterrupted(NativeCalls calls, String what) throws IOException {
    int errno = calls.errno();
    if (errno != EINTR) {
      throw failure(what, path, errno);
    }
  }

  /** Makes a range read as zeroes and gives its space back. */
  public void punch(long position, long length) throws IOException {
    fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch a hole", position, length);
  }

  /** Makes a range read as zeroes and keeps space for it. */
  public void zero(long position, long length) throws IOException {
    fallocate(FALLOC_FL_ZERO_RANGE, "zero a range", position, length);
  }

  private void fallocate(int mode, String what, long position, long length) throws IOException {
    NativeCalls calls = NativeCalls.ofThread();
    while (true) {
      int outcome;
      try {
        outcome = (int) FALLOCATE.invokeExact(calls.state(), fd, mode, position, length);
      } catch (Throwable e) {
        throw NativeCalls.broken(e);
      }
      if (outcome == 0) {
        return;
      }
      if (calls.errno() == EOPNOTSUPP) {
        writeZeroes(position, length);
        return;
      }
      requireInterrupted(calls, what);
    }
  }

  /** For file systems that have no holes. */
  private void writeZeroes(long position, long length) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment zeroes = arena.allocate(Math.min(length, 1 << 20));
      for (long done = 0; done < length; done += zeroes.byteSize()) {
        write(zeroes.asSlice(0, Math.min(zeroes.byteSize(), length - done)), position + done);
      }
    }
  }

  /** What the file takes on the device, holes left out. */
  public long occupiedBytes() throws IOException {
    return stat(STAT_BLOCKS_OFFSET) * STAT_BLOCK_BYTES;
  }

  /** Where the file ends. */
  public long sizeBytes() throws IOException {
    return stat(STAT_SIZE_OFFSET);
  }

  private long stat(int field) throws IOException {
    NativeCalls calls = NativeCalls.ofThread();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stat = arena.allocate(STAT_BYTES_MAX, Long.BYTES);
      int outcome;
      try {
        outcome = (int) FSTAT.invokeExact(calls.state(), fd, stat);
      } catch (Throwable e) {
        throw NativeCalls.broken(e);
      }
      if (outcome != 0) {
        throw failure("stat", path, calls.errno());
      }
      return stat.get(ValueLayout.JAVA_LONG, field);
    }
  }

  /** Lets the file end at a position; what is added is a hole. */
  public void resize(long sizeBytes) throws IOException {
    NativeCalls calls = NativeCalls.ofThread();
    int outcome;
    try {
      outcome = (int) FTRUNCATE.invokeExact(calls.state(), fd, sizeBytes);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
    if (outcome != 0) {
      throw failure("resize", path, calls.errno());
    }
  }

  /** Makes the file's data durable. */
  public void sync() throws IOException {
    try {
      callFd(FDATASYNC, "sync");
    } catch (OutOfSpaceException e) {
      // Whatever the reason: what a failed sync did not write is lost, and a second one would lie.
      throw new IOException(e.getMessage(), e);
    }
  }

  /**
   * Makes durable what was written directly to any files of this one's file system, their sizes and
   * their names. What somebody else has not synced there is written as well. Errors of writes
   * through the page cache are not told by each kernel: sync such files one by one.
   */
  public void syncFileSystem() throws IOException {
    try {
      callFd(SYNCFS, "sync the file system of");
    } catch (OutOfSpaceException e) {
      throw new IOException(e.getMessage(), e);
    }
    // Where there was nothing but data, some file systems (XFS) have not flushed the device.
    sync();
  }

  private void callFd(MethodHandle call, String what) throws IOException {
    NativeCalls calls = NativeCalls.ofThread();
    int outcome;
    try {
      outcome = (int) call.invokeExact(calls.state(), fd);
    } catch (Throwable e) {
      throw NativeCalls.broken(e);
    }
    if (outcome != 0) {
      throw failure(what, path, calls.errno());
    }
  }

  static IOException failure(String what, Object path, int errno) {
    String message = "cannot " + what + " " + path + ": error " + errno;
    return errno == ENOSPC || errno == EDQUOT
        ? new OutOfSpaceException(message + " (no space left)")
        : new IOException(message);
  }

  @Override
  public void close() throws IOException {
    callFd(CLOSE, "close");
  }
}
