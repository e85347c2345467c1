package io.cairn.storage.transport;

/**
 * Bounds of the links of one process.
 *
 * @param connectTimeoutMillis time that finding and reaching a peer may take together.
 * @param greetingTimeoutMillis time within which an accepted connection must have sent a HELLO.
 * @param connectionsMax accepted connections at one time; more are closed at once.
 * @param unreadBytesHigh bytes queued for a peer above which a server takes no more requests of it
 *     until half of them are gone: replies that nobody reads must not pile up.
 * @param queuedBytesMax bytes queued for a peer above which the link is closed.
 */
public record LinkLimits(
    int connectTimeoutMillis,
    int greetingTimeoutMillis,
    int connectionsMax,
    int unreadBytesHigh,
    long queuedBytesMax) {
  /** What a process uses unless it is told otherwise. */
  public static LinkLimits defaults() {
    return new LinkLimits(1_000, 5_000, 4096, 4 << 20, 256L << 20);
  }
}
