package io.cairn.client.volume;

import java.util.Arrays;

/**
 * What clients waited for in the last windows in which all was in sync, and from that what is
 * usual: the percentile of all of them together but the worst few, of which a node that died makes
 * one or two before its replicas are out of the set. One thread; allocates nothing once it is made,
 * and takes 120 KiB.
 */
final class CalmWindows {
  /** About a minute of them. */
  static final int COUNT = 60;

  /** One in so many is left out, of two the worse one. */
  private static final int LEFT_OUT = 20;

  private final double share;
  private final LatencyWindow[] windows = new LatencyWindow[COUNT];
  private final long[] nanos = new long[COUNT];
  private final boolean[] leftOut = new boolean[COUNT];
  private final LatencyWindow all = new LatencyWindow();
  private int size;
  private int next;

  /**
   * None yet.
   *
   * @param share what percentile is meant, from 0 to 1.
   */
  CalmWindows(double share) {
    this.share = share;
    for (int i = 0; i < COUNT; i++) {
      windows[i] = new LatencyWindow();
    }
  }

  /** The next window, which is copied; the oldest one is forgotten. */
  void add(LatencyWindow window) {
    windows[next].clear();
    windows[next].add(window);
    nanos[next] = window.percentile(share);
    next = (next + 1) % COUNT;
    size = Math.min(COUNT, size + 1);
  }

  /** What is usual, in nanoseconds; 0 when there is no window. */
  long usual() {
    all.clear();
    Arrays.fill(leftOut, false);
    for (int n = (size + LEFT_OUT - 2) / LEFT_OUT; n > 0; n--) {
      leftOut[worst()] = true;
    }
    for (int i = 0; i < size; i++) {
      if (!leftOut[i]) {
        all.add(windows[i]);
      }
    }
    return all.percentile(share);
  }

  private int worst() {
    int worst = -1;
    for (int i = 0; i < size; i++) {
      if (!leftOut[i] && (worst < 0 || nanos[i] > nanos[worst])) {
        worst = i;
      }
    }
    return worst;
  }

  /** How many there are, {@link #COUNT} at most. */
  int size() {
    return size;
  }
}
