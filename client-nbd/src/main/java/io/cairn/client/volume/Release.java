package io.cairn.client.volume;

import io.cairn.metadata.command.Command;

/** Gives the ownership of a volume up once everything that was written is durable everywhere. */
final class Release {
  private final VolumeSession session;
  private boolean sent;

  Release(VolumeSession session) {
    this.session = session;
  }

  /** Whether it went out: the session cannot serve on. */
  boolean isSent() {
    return sent;
  }

  /** Sends it, or sees to it that what it waits for comes. */
  void proceed() {
    if (sent) {
      return;
    }
    if (session.requestsInFlight() > 0 || !session.window.isSettled()) {
      session.syncAll();
      session.wake();
      return;
    }
    if (session.now() < session.ownership.releaseGateNanos()) {
      session.wake();
      return;
    }
    if (!session.ownership.leavesNobodyBehind()) {
      // The next owner must not take us for the last one: it waits as after a crash.
      session.onReleased(session.now());
      return;
    }
    sent = true;
    session.metadata.submit(
        new Command.ReleaseVolume(session.volumeId(), session.generation()),
        (reply, now) -> session.onReleased(now));
    session.sleep();
  }
}
