package io.cairn.client.gateway;

import io.cairn.client.iscsi.Sessions;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Tells the metadata of this gateway's iSCSI sessions with each heartbeat, for people who look, and
 * ends those that an operator wants ended. On the loop.
 */
final class SessionReports {
  /** Sessions that one report names: each is some 250 bytes. */
  private static final int SESSIONS_MAX = 256;

  private final MetadataCalls metadata;
  private final String gateway;
  private final Sessions sessions;
  private final Predicate<String> isActive;
  private final String prefix;

  /**
   * Reports of one gateway.
   *
   * @param gateway its name.
   * @param prefix of the targets' names, before the volumes'.
   * @param isActive whether the unit of a volume is active here.
   */
  SessionReports(
      MetadataCalls metadata,
      String gateway,
      Sessions sessions,
      String prefix,
      Predicate<String> isActive) {
    this.metadata = metadata;
    this.gateway = gateway;
    this.sessions = sessions;
    this.prefix = prefix;
    this.isActive = isActive;
  }

  void beat(long nowNanos, long nowMillis) {
    List<Query.TargetSession> now =
        sessions.seen().stream()
            .limit(SESSIONS_MAX)
            .map(one -> session(one, nowNanos, nowMillis))
            .toList();
    metadata.query(
        new Query.ReportSessions(gateway, now),
        (reply, at) -> {
          if (reply instanceof Reply.SessionsToEnd ends) {
            ends.numbers().forEach(number -> sessions.end(number, "an operator ended it"));
          }
        });
  }

  private Query.TargetSession session(Sessions.Seen one, long nowNanos, long nowMillis) {
    String volume = one.targetName().substring(prefix.length());
    return new Query.TargetSession(
        one.number(),
        volume,
        one.initiatorName(),
        one.peer(),
        one.portal(),
        isActive.test(volume),
        nowMillis - TimeUnit.NANOSECONDS.toMillis(nowNanos - one.beganNanos()),
        one.traffic().reads(),
        one.traffic().readBytes(),
        one.traffic().writes(),
        one.traffic().writtenBytes());
  }
}
