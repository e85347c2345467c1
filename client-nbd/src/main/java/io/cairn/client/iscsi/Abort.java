package io.cairn.client.iscsi;

/** Tasks that were aborted and are still with the volume. */
final class Abort {
  private final Runnable ended;
  int left = 1;

  Abort(Runnable ended) {
    this.ended = ended;
  }

  void begun() {
    taskEnded();
  }

  void taskEnded() {
    if (--left == 0) {
      ended.run();
    }
  }
}
