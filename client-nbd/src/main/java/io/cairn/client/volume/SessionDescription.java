package io.cairn.client.volume;

/** What a session does and what its requests wait for, for people: some lines of text. */
final class SessionDescription {
  private SessionDescription() {}

  static String of(VolumeSession session, String name, String state) {
    StringBuilder text = new StringBuilder();
    text.append("volume ").append(name).append(' ').append(state);
    text.append(" generation ").append(session.generation());
    text.append(", ").append(session.requestsInFlight()).append(" requests, ");
    text.append(session.reads.count()).append(" reads, ");
    session.window.describe(text);
    text.append(session.lease.waiterCount()).append(" wait for a lease, ");
    session.allocation.describe(text);
    session.counters.describe(text);
    text.append('\n');
    session.mending.describe(text);
    for (OwnedChunk chunk : session.chunks()) {
      if (chunk.isWaiting() || CatchUps.needsCare(chunk)) {
        chunk.describe(text);
      }
    }
    return text.toString();
  }
}
