package io.cairn.client.attach;

import io.cairn.storage.device.NativeCalls;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.SocketTimeoutException;

/**
 * Calls of the C library on descriptors: the JDK keeps the numbers of its sockets to itself, and
 * the kernel must be told them.
 */
@SuppressWarnings("restricted")
final class Posix {
  static final int AF_UNIX = 1;
  static final int AF_INET = 2;
  static final int AF_INET6 = 10;
  static final int AF_NETLINK = 16;
  static final int SOCK_STREAM = 1;
  static final int SOCK_RAW = 3;
  static final int SOCK_CLOEXEC = 0x80000;
  static final int SOL_SOCKET = 1;
  static final int SO_RCVTIMEO = 20;
  static final int SO_SNDTIMEO = 21;
  static final int IPPROTO_TCP = 6;
  static final int TCP_NODELAY = 1;
  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int EBUSY = 16;

  private static final int EINTR = 4;
  private static final int EAGAIN = 11;
  private static final int EINPROGRESS = 115;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int O_EXCL = 128;
  private static final int O_CLOEXEC = 0x80000;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private static final MethodHandle SOCKET =
      NativeCalls.function("socket", FunctionDescriptor.of(INT, INT, INT, INT));
  private static final MethodHandle CONNECT = ofAddress("connect");
  private static final MethodHandle BIND = ofAddress("bind");
  private static final MethodHandle SETSOCKOPT =
      NativeCalls.function(
          "setsockopt", FunctionDescriptor.of(INT, INT, INT, INT, ValueLayout.ADDRESS, INT));
  private static final MethodHandle SEND = transfer("send");
  private static final MethodHandle RECV = transfer("recv");
  private static final MethodHandle CLOSE =
      NativeCalls.function("close", FunctionDescriptor.of(INT, INT));
  private static final MethodHandle OPEN =
      NativeCalls.function(
          "open",
          FunctionDescriptor.of(INT, ValueLayout.ADDRESS, INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle STRERROR =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("strerror"),
              FunctionDescriptor.of(ValueLayout.ADDRESS, INT));

  private Posix() {}

  private static MethodHandle ofAddress(String name) {
    return NativeCalls.function(name, FunctionDescriptor.of(INT, INT, ValueLayout.ADDRESS, INT));
  }

  private static MethodHandle transfer(String name) {
    return NativeCalls.function(
        name, FunctionDescriptor.of(LONG, INT, ValueLayout.ADDRESS, LONG, INT));
  }

  /** A call that failed, with the kernel's number for why. */
  static final class Failure extends IOException {
    private static final long serialVersionUID = 1;
    private final int errno;

    Failure(String what, int errno) {
      super(what + ": " + text(errno));
      this.errno = errno;
    }

    int errno() {
      return errno;
    }
  }

  /** What the C library says of an error number. */
  static String text(int errno) {
    try {
      MemorySegment text = (MemorySegment) STRERROR.invokeExact(errno);
      return text.reinterpret(256).getString(0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static RuntimeException unexpected(Throwable e) {
    return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
  }

  /** What a call is made of, given the memory for its error number. */
  private interface Call {
    long invoke(MemorySegment state) throws Throwable;
  }

  /** Calls, again after a signal. */
  private static long checked(String what, Call call) throws IOException {
    NativeCalls thread = NativeCalls.ofThread();
    while (true) {
      long result;
      try {
        result = call.invoke(thread.state());
      } catch (Throwable e) {
        throw unexpected(e);
      }
      if (result >= 0) {
        return result;
      }
      int errno = thread.errno();
      if (errno == EAGAIN || errno == EINPROGRESS) {
        throw new SocketTimeoutException(what + ": no answer in time");
      }
      if (errno != EINTR) {
        throw new Failure(what, errno);
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedIOException(what + ": interrupted");
      }
    }
  }

  static int socket(int family, int type, int protocol) throws IOException {
    return (int)
        checked(
            "socket",
            state -> (int) SOCKET.invokeExact(state, family, type | SOCK_CLOEXEC, protocol));
  }

  static void connect(String what, int fd, byte[] address) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, address);
      checked(what, state -> (int) CONNECT.invokeExact(state, fd, bytes, address.length));
    }
  }

  static void bind(int fd, byte[] address) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, address);
      checked("bind", state -> (int) BIND.invokeExact(state, fd, bytes, address.length));
    }
  }

  static void option(int fd, int level, int option, byte[] value) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, value);
      checked(
          "setsockopt",
          state -> (int) SETSOCKOPT.invokeExact(state, fd, level, option, bytes, value.length));
    }
  }

  static void send(String what, int fd, byte[] bytes) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
      long sent = 0;
      while (sent < bytes.length) {
        MemorySegment rest = memory.asSlice(sent);
        sent +=
            checked(
                what,
                state -> (long) SEND.invokeExact(state, fd, rest, rest.byteSize(), MSG_NOSIGNAL));
      }
    }
  }

  /** Receives at most so many bytes; none when the other side has ended. */
  static byte[] receive(String what, int fd, int lengthMax) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(lengthMax);
      long received =
          checked(what, state -> (long) RECV.invokeExact(state, fd, memory, memory.byteSize(), 0));
      return memory.asSlice(0, received).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  static void close(int fd) {
    try {
      checked("close", state -> (int) CLOSE.invokeExact(state, fd));
    } catch (IOException e) {
      // It is closed whatever the kernel says.
    }
  }

  /** Whether something has the block device to itself: a mount, a swap, a mapping. */
  static boolean isHeld(String device) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment path = arena.allocateFrom(device);
      int fd =
          (int) checked(device, state -> (int) OPEN.invokeExact(state, path, O_EXCL | O_CLOEXEC));
      close(fd);
      return false;
    } catch (Failure e) {
      if (e.errno() == EBUSY) {
        return true;
      }
      throw e;
    }
  }
}
