package io.cairn.bench.initiator;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.SplittableRandom;

/**
 * A session of libiscsi with one logical unit. One thread uses it: it begins commands, and hears of
 * their ends while it is in {@link #await}. No command is sent again: one that fails ends the
 * session's use.
 */
public final class Initiator implements Closeable {
  /** Bytes of the logical blocks that commands count in. */
  public static final int BLOCK_BYTES = 512;

  private static final int GOOD = 0;
  private static final long POLL_BYTES = 8;
  private static final long EVENTS_AT = 4;
  private static final long REVENTS_AT = 6;

  private final LibIscsi library;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment context;
  private final MemorySegment ended;
  private final MemorySegment pollFd;
  private final MemorySegment written;
  private final MemorySegment[] buffers;
  private final int lun;
  private final Ended listener;
  private int lastStatus = GOOD;

  /** Hears that a command ended well; on the thread that is in {@link #await}. */
  @FunctionalInterface
  public interface Ended {
    /** The command of this slot has ended, and the slot is free. */
    void ended(int slot);
  }

  /**
   * Logs in.
   *
   * @param port on 127.0.0.1.
   * @param slots commands in flight at most.
   * @param commandBytes the most that a command moves; a multiple of {@link #BLOCK_BYTES}.
   * @throws IOException when libiscsi is not there, or the target refuses.
   */
  public Initiator(int port, String target, int lun, int slots, int commandBytes, Ended listener)
      throws IOException {
    library =
        LibIscsi.load()
            .orElseThrow(
                () -> new IOException(LibIscsi.LIBRARY + " is not installed (Debian: libiscsi7)"));
    this.lun = lun;
    this.listener = listener;
    try {
      ended =
          library.callback(
              MethodHandles.lookup()
                  .bind(
                      this,
                      "commandEnded",
                      MethodType.methodType(
                          void.class,
                          MemorySegment.class,
                          int.class,
                          MemorySegment.class,
                          long.class)),
              arena);
      pollFd = arena.allocate(POLL_BYTES);
      written = arena.allocate(commandBytes);
      SplittableRandom random = new SplittableRandom(1);
      for (long at = 0; at + Long.BYTES <= commandBytes; at += Long.BYTES) {
        written.set(ValueLayout.JAVA_LONG_UNALIGNED, at, random.nextLong());
      }
      buffers = new MemorySegment[slots];
      for (int slot = 0; slot < slots; slot++) {
        buffers[slot] = arena.allocate(commandBytes);
      }
      context =
          (MemorySegment)
              library.createContext.invokeExact(
                  arena.allocateFrom("iqn.2026-11.io.cairn.bench:initiator"));
      int failed =
          (int) library.setTargetName.invokeExact(context, arena.allocateFrom(target))
              | (int) library.setSessionType.invokeExact(context, LibIscsi.SESSION_NORMAL);
      library.setNoAutoReconnect.invokeExact(context, 1);
      failed |=
          (int)
              library.fullConnectSync.invokeExact(
                  context, arena.allocateFrom("127.0.0.1:" + port), lun);
      if (failed != 0) {
        throw failure("login at " + target);
      }
      pollFd.set(ValueLayout.JAVA_INT, 0, (int) library.getFd.invokeExact(context));
    } catch (Throwable e) {
      arena.close();
      throw rethrown(e);
    }
  }

  /** Begins a read of bytes at an offset; both are multiples of {@link #BLOCK_BYTES}. */
  public void read(int slot, long offset, int bytes) throws IOException {
    try {
      MemorySegment task =
          (MemorySegment)
              library.read16.invokeExact(
                  context,
                  lun,
                  offset / BLOCK_BYTES,
                  bytes,
                  BLOCK_BYTES,
                  0,
                  0,
                  0,
                  0,
                  0,
                  ended,
                  (long) slot);
      if (task.address() == 0
          || (int) library.addDataInBuffer.invokeExact(task, bytes, buffers[slot]) != 0) {
        throw failure("a read");
      }
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /** Begins a write of random bytes, the same ones in each command. */
  public void write(int slot, long offset, int bytes, boolean forceUnitAccess) throws IOException {
    try {
      MemorySegment task =
          (MemorySegment)
              library.write16.invokeExact(
                  context,
                  lun,
                  offset / BLOCK_BYTES,
                  written,
                  bytes,
                  BLOCK_BYTES,
                  0,
                  0,
                  forceUnitAccess ? 1 : 0,
                  0,
                  0,
                  ended,
                  (long) slot);
      if (task.address() == 0) {
        throw failure("a write");
      }
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * Waits until the connection has something to do, and does it: sends what was begun, and tells of
   * the commands that ended.
   *
   * @throws IOException when nothing came in time, the connection broke, or a command failed.
   */
  public void await(int limitMillis) throws IOException {
    try {
      pollFd.set(
          ValueLayout.JAVA_SHORT,
          EVENTS_AT,
          (short) (int) library.whichEvents.invokeExact(context));
      int ready = (int) library.poll.invokeExact(pollFd, 1L, limitMillis);
      if (ready <= 0) {
        throw new IOException("the target said nothing for " + limitMillis + " ms");
      }
      int events = pollFd.get(ValueLayout.JAVA_SHORT, REVENTS_AT);
      if ((int) library.service.invokeExact(context, events) != 0) {
        throw failure("the connection");
      }
      if (lastStatus != GOOD) {
        throw failure(String.format("a command (status %02x)", lastStatus));
      }
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /** Called by libiscsi from within {@link #await}. */
  @SuppressWarnings("unused") // by a method handle
  private void commandEnded(MemorySegment ignored, int status, MemorySegment task, long slot)
      throws Throwable {
    if (task.address() != 0) {
      library.freeTask.invokeExact(task);
    }
    if (status == GOOD) {
      listener.ended((int) slot);
    } else {
      lastStatus = status;
    }
  }

  private IOException failure(String what) throws Throwable {
    MemorySegment text = (MemorySegment) library.getError.invokeExact(context);
    return new IOException(
        what + " failed: " + (text.address() == 0 ? "no reason given" : text.getString(0)));
  }

  private static IOException rethrown(Throwable e) {
    return switch (e) {
      case IOException io -> io;
      case RuntimeException unchecked -> throw unchecked;
      case Error error -> throw error;
      default -> new IOException(e);
    };
  }

  /** Logs out; commands in flight are given up. */
  @Override
  public void close() {
    try {
      int ignored =
          (int) library.logoutSync.invokeExact(context)
              | (int) library.destroyContext.invokeExact(context);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    } finally {
      arena.close();
    }
  }
}
