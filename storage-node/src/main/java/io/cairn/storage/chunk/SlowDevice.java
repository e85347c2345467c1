package io.cairn.storage.chunk;

/**
 * The timetable of a device that does one request after the other, in the order in which they come:
 * each takes its bytes' time, and one that does not go on where the device stands takes a seek as
 * well. Any thread.
 */
final class SlowDevice {
  private static final double NANOS = 1e9;

  private final double seekNanos;
  private final double nanosPerByte;
  private double freeNanos;

  /** Where the device stands; null where nobody goes on. */
  private ChunkId chunk;

  private int nextBlock;

  /**
   * A device that has nothing to do.
   *
   * @param seeksPerSecond requests a second that it would do if none had any bytes.
   * @param bytesPerSecond bytes a second that it would do without a seek.
   */
  SlowDevice(long seeksPerSecond, long bytesPerSecond) {
    seekNanos = NANOS / seeksPerSecond;
    nanosPerByte = NANOS / bytesPerSecond;
  }

  /**
   * Takes a request that goes to some place of its own, or to none.
   *
   * @return when it will be done, on the clock of {@code nowNanos}.
   */
  synchronized long elsewhereNanos(long nowNanos) {
    chunk = null;
    return doneNanos(nowNanos, true, 0);
  }

  /**
   * Takes a request for blocks.
   *
   * @param bytes that have to be moved.
   * @return when it will be done, on the clock of {@code nowNanos}.
   */
  synchronized long doneNanos(long nowNanos, ChunkId of, int block, int count, long bytes) {
    boolean seeks = !of.equals(chunk) || block != nextBlock;
    chunk = of;
    nextBlock = block + count;
    return doneNanos(nowNanos, seeks, bytes);
  }

  private long doneNanos(long nowNanos, boolean seeks, long bytes) {
    freeNanos = Math.max(freeNanos, nowNanos) + (seeks ? seekNanos : 0) + bytes * nanosPerByte;
    return (long) freeNanos;
  }
}
