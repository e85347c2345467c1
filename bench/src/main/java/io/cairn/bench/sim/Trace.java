package io.cairn.bench.sim;

/**
 * The last events of a run, for people, and a hash over all of them, which proves that a seed
 * replays.
 */
final class Trace {
  private static final int KEPT = 80;

  private final String[] ring = new String[KEPT];
  private final boolean print;
  private long count;
  private long hash = 0xcbf29ce484222325L;

  Trace(boolean print) {
    this.print = print;
  }

  void add(long nowNanos, String event) {
    for (int i = 0; i < event.length(); i++) {
      hash = (hash ^ event.charAt(i)) * 0x100000001b3L;
    }
    hash = (hash ^ nowNanos) * 0x100000001b3L;
    String line = micros(nowNanos) + "us " + event;
    ring[(int) (count++ % KEPT)] = line;
    if (print) {
      System.out.println(line);
    }
  }

  private static long micros(long nanos) {
    return nanos / 1000;
  }

  long hash() {
    return hash;
  }

  long count() {
    return count;
  }

  /** The events that are kept, oldest first, one a line. */
  String tail() {
    StringBuilder text = new StringBuilder();
    for (long i = Math.max(0, count - KEPT); i < count; i++) {
      text.append("  ").append(ring[(int) (i % KEPT)]).append('\n');
    }
    return text.toString();
  }
}
