package io.cairn.bench.chaos.nemesis;

/**
 * The answers to one probe of one server, of which a row of failures counts. A failure while the
 * process was stopped is put down to whoever stopped it: such a one is restarted as Kubernetes
 * would, and is no finding; one that was awake all the time must not come that far. Not for several
 * threads.
 */
final class ProbeRow {
  private final int threshold;
  private int failures;
  private int failuresAwake;
  private int longestAwake;

  /** None yet. */
  ProbeRow(int threshold) {
    this.threshold = threshold;
  }

  /** Another life of the process: what the one before failed to answer does not count. */
  void restart() {
    failures = 0;
    failuresAwake = 0;
  }

  /**
   * One more.
   *
   * @param stopped whether the process was, by SIGSTOP, at some time of the probe.
   */
  void add(boolean success, boolean stopped) {
    if (success) {
      restart();
      return;
    }
    failures++;
    failuresAwake = stopped ? 0 : failuresAwake + 1;
    longestAwake = Math.max(longestAwake, failuresAwake);
  }

  /** Whether Kubernetes acts on it. */
  boolean hasFailed() {
    return failures >= threshold;
  }

  /** Whether that is by failures of a process that nothing held up. */
  boolean hasFailedAwake() {
    return failuresAwake >= threshold;
  }

  /** Most failures in a row of an awake process, over all of its lives. */
  int longestAwake() {
    return longestAwake;
  }
}
