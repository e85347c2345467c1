package io.cairn.storage.device;

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
  private static final int O_DIRECT =
      "aarch64".equals(System.getProperty("os.arch")) ? 0x1_0000 : 0x4000;

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
  private static final MethodHandle FTRUNCATE =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("ftruncate"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG),
          ERRNO);
  private static final MethodHandle CLOSE = ofFd("close");
  private static final MethodHandle FDATASYNC = ofFd("fdatasync");
  private static final MethodHandle PREAD = transfer("pread");
  private static final MethodHandle PWRITE = transfer("pwrite");
  private static final MethodHandle PREADV2 =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("preadv2"),
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT),
          ERRNO);
  private static final MethodHandle PWRITEV2 =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("pwritev2"),
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT),
          ERRNO);
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

  /**
   * Opens a file for reading and writing.
   *
   * @return null when there is none and it was not to be made, and when the file system has no
   *     direct transfers but they were asked for.
   */
  public static NativeFile open(Path path, Mode mode) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      MemorySegment name = arena.allocateFrom(path.toString());
      int flags = O_RDWR | O_CLOEXEC;
      flags |= mode == Mode.CREATE ? O_CREAT : 0;
      flags |= mode == Mode.DIRECT ? O_DIRECT : 0;
      int fd = (int) OPEN.invokeExact(state, name, flags, 0640);
      if (fd >= 0) {
        return new NativeFile(path, fd);
      }
      int errno = (int) ERRNO_OF.get(state, 0L);
      if (errno == ENOENT && mode != Mode.CREATE || errno == EINVAL && mode == Mode.DIRECT) {
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
  public void write(MemorySegment bytes, long position) throws IOException {
    long done = 0;
    while (done < bytes.byteSize()) {
      done += transfer(PWRITE, "write", bytes.asSlice(done), position + done);
    }
  }

  /**
   * Writes all bytes at a position, and makes them durable with the same call where the system has
   * one for both: a sync that follows would ask the file system once more.
   */
  public void writeDurably(MemorySegment bytes, long position) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      MemorySegment vector = arena.allocate(2 * Long.BYTES, Long.BYTES);
      long done = 0;
      while (done < bytes.byteSize()) {
        vector.set(ValueLayout.JAVA_LONG, 0, bytes.address() + done);
        vector.set(ValueLayout.JAVA_LONG, Long.BYTES, bytes.byteSize() - done);
        long count = (long) PWRITEV2.invokeExact(state, fd, vector, 1, position + done, RWF_DSYNC);
        if (count >= 0) {
          done += count;
          continue;
        }
        int errno = (int) ERRNO_OF.get(state, 0L);
        if (errno == ENOSYS || errno == EOPNOTSUPP) {
          write(bytes.asSlice(done), position + done);
          sync();
          return;
        }
        if (errno != EINTR) {
          throw failure("write", path, errno);
        }
      }
    } catch (OutOfSpaceException e) {
      // As of a sync: what is not durable now will not be by trying again.
      throw new IOException(e.getMessage(), e);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Reads up to the end of the file; what lies behind it is zeroes. */
  public void read(MemorySegment bytes, long position) throws IOException {
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

  /**
   * Reads what is in the page cache, without waiting for the device.
   *
   * @param call the caller's own, kept between calls.
   * @return whether all bytes were there; when not, their memory may hold anything.
   */
  public boolean readCached(CachedRead call, long address, long length, long position) {
    return call.run(fd, address, length, position) == length;
  }

  /** The memory that a read from the page cache needs for its arguments; for one thread. */
  public static final class CachedRead {
    private final MemorySegment state = Arena.ofAuto().allocate(STATE);
    private final MemorySegment vector = Arena.ofAuto().allocate(2 * Long.BYTES, Long.BYTES);

    private long run(int fd, long address, long length, long position) {
      vector.set(ValueLayout.JAVA_LONG, 0, address);
      vector.set(ValueLayout.JAVA_LONG, Long.BYTES, length);
      try {
        return (long) PREADV2.invokeExact(state, fd, vector, 1, position, RWF_NOWAIT);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
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
  public void punch(long position, long length) throws IOException {
    fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch a hole", position, length);
  }

  /** Makes a range read as zeroes and keeps space for it. */
  public void zero(long position, long length) throws IOException {
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
  public long occupiedBytes() throws IOException {
    return stat(STAT_BLOCKS_OFFSET) * STAT_BLOCK_BYTES;
  }

  /** Where the file ends. */
  public long sizeBytes() throws IOException {
    return stat(STAT_SIZE_OFFSET);
  }

  private long stat(int field) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      MemorySegment stat = arena.allocate(STAT_BYTES_MAX, Long.BYTES);
      if ((int) FSTAT.invokeExact(state, fd, stat) != 0) {
        throw failure("stat", path, (int) ERRNO_OF.get(state, 0L));
      }
      return stat.get(ValueLayout.JAVA_LONG, field);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Lets the file end at a position; what is added is a hole. */
  public void resize(long sizeBytes) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      if ((int) FTRUNCATE.invokeExact(state, fd, sizeBytes) != 0) {
        throw failure("resize", path, (int) ERRNO_OF.get(state, 0L));
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
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
