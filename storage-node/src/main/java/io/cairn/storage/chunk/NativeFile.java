package io.cairn.storage.chunk;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/**
 * A file by its descriptor, through the C library: the JDK has no call that punches a hole, and
 * names the error number nowhere. Linux only, 64 bits. Positional calls may run beside each other.
 */
@SuppressWarnings("restricted")
final class NativeFile implements AutoCloseable {
  private static final int O_RDWR = 2;
  private static final int O_CREAT = 64;
  private static final int O_CLOEXEC = 524288;
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int FALLOC_FL_ZERO_RANGE = 16;
  private static final int ENOENT = 2;
  private static final int EINTR = 4;
  private static final int ENOSPC = 28;
  private static final int EOPNOTSUPP = 95;
  private static final int EDQUOT = 122;

  /** struct stat of x86-64 and of aarch64 both have st_blocks here; it counts 512 bytes each. */
  private static final int STAT_BLOCKS_OFFSET = 64;

  private static final int STAT_BLOCK_BYTES = 512;
  private static final int STAT_BYTES_MAX = 256;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO_OF =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final MethodHandle OPEN =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("open"),
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT),
          ERRNO,
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle FSTAT =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("fstat"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS),
          ERRNO);
  private static final MethodHandle CLOSE = ofFd("close");
  private static final MethodHandle FDATASYNC = ofFd("fdatasync");
  private static final MethodHandle PREAD = transfer("pread");
  private static final MethodHandle PWRITE = transfer("pwrite");
  private static final MethodHandle FALLOCATE =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("fallocate"),
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG),
          ERRNO);

  private final Path path;
  private final int fd;

  private NativeFile(Path path, int fd) {
    this.path = path;
    this.fd = fd;
  }

  private static MethodHandle ofFd(String name) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT),
        ERRNO);
  }

  private static MethodHandle transfer(String name) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG),
        ERRNO);
  }

  /** Opens a file for reading and writing; null when there is none and create is not set. */
  static NativeFile open(Path path, boolean create) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      MemorySegment name = arena.allocateFrom(path.toString());
      int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
      int fd = (int) OPEN.invokeExact(state, name, flags, 0640);
      if (fd >= 0) {
        return new NativeFile(path, fd);
      }
      int errno = (int) ERRNO_OF.get(state, 0L);
      if (errno == ENOENT && !create) {
        return null;
      }
      throw failure("open", path, errno);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Writes all bytes at a position. */
  void write(MemorySegment bytes, long position) throws IOException {
    long done = 0;
    while (done < bytes.byteSize()) {
      done += transfer(PWRITE, "write", bytes.asSlice(done), position + done);
    }
  }

  /** Reads up to the end of the file; what lies behind it is zeroes. */
  void read(MemorySegment bytes, long position) throws IOException {
    long done = 0;
    while (done < bytes.byteSize()) {
      long count = transfer(PREAD, "read", bytes.asSlice(done), position + done);
      if (count == 0) {
        bytes.asSlice(done).fill((byte) 0);
        return;
      }
      done += count;
    }
  }

  private long transfer(MethodHandle call, String what, MemorySegment bytes, long position)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      while (true) {
        long count = (long) call.invokeExact(state, fd, bytes, bytes.byteSize(), position);
        if (count >= 0) {
          return count;
        }
        int errno = (int) ERRNO_OF.get(state, 0L);
        if (errno != EINTR) {
          throw failure(what, path, errno);
        }
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Makes a range read as zeroes and gives its space back. */
  void punch(long position, long length) throws IOException {
    fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch a hole", position, length);
  }

  /** Makes a range read as zeroes and keeps space for it. */
  void zero(long position, long length) throws IOException {
    fallocate(FALLOC_FL_ZERO_RANGE, "zero a range", position, length);
  }

  private void fallocate(int mode, String what, long position, long length) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      while ((int) FALLOCATE.invokeExact(state, fd, mode, position, length) != 0) {
        int errno = (int) ERRNO_OF.get(state, 0L);
        if (errno == EOPNOTSUPP) {
          writeZeroes(position, length);
          return;
        }
        if (errno != EINTR) {
          throw failure(what, path, errno);
        }
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
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
  long occupiedBytes() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      MemorySegment stat = arena.allocate(STAT_BYTES_MAX, Long.BYTES);
      if ((int) FSTAT.invokeExact(state, fd, stat) != 0) {
        throw failure("stat", path, (int) ERRNO_OF.get(state, 0L));
      }
      return stat.get(ValueLayout.JAVA_LONG, STAT_BLOCKS_OFFSET) * STAT_BLOCK_BYTES;
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Makes the file's data durable. */
  void sync() throws IOException {
    try {
      callFd(FDATASYNC, "sync");
    } catch (CapacityTier.OutOfSpaceException e) {
      // Whatever the reason: what a failed sync did not write is lost, and a second one would lie.
      throw new IOException(e.getMessage(), e);
    }
  }

  private void callFd(MethodHandle call, String what) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      if ((int) call.invokeExact(state, fd) != 0) {
        throw failure(what, path, (int) ERRNO_OF.get(state, 0L));
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static IOException failure(String what, Path path, int errno) {
    String message = "cannot " + what + " " + path + ": error " + errno;
    return errno == ENOSPC || errno == EDQUOT
        ? new CapacityTier.OutOfSpaceException(message + " (no space left)")
        : new IOException(message);
  }

  @Override
  public void close() throws IOException {
    callFd(CLOSE, "close");
  }
}
