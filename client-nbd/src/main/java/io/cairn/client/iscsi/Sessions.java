package io.cairn.client.iscsi;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * All normal sessions of a portal group, by initiator port and target: an initiator that logs in
 * with the ISID of a session that it has reinstates it, section 6.3.5.
 */
public final class Sessions {
  /** Sessions at one time. */
  public static final int SESSIONS_MAX = 1024;

  /** An I_T nexus: initiator name, ISID (48 bits), target name. */
  record Key(String initiatorName, long isid, String targetName) {}

  private final Map<Key, TargetConnection> sessions = new HashMap<>();
  private int lastTsih;

  /** The session that stands in the way, or null. */
  TargetConnection find(Key key) {
    return sessions.get(key);
  }

  boolean isFull() {
    return sessions.size() >= SESSIONS_MAX;
  }

  /** Adds a session and gives it its TSIH, section 11.12.6: 1 to 65535. */
  int add(Key key, TargetConnection connection) {
    if (sessions.putIfAbsent(key, connection) != null) {
      throw new IllegalStateException("two sessions of one I_T nexus");
    }
    lastTsih = lastTsih % 65_535 + 1;
    return lastTsih;
  }

  void remove(Key key, TargetConnection connection) {
    sessions.remove(key, connection);
  }

  /** The sessions of one target. */
  List<TargetConnection> of(String targetName) {
    List<TargetConnection> found = new ArrayList<>();
    sessions.forEach(
        (key, connection) -> {
          if (key.targetName().equals(targetName)) {
            found.add(connection);
          }
        });
    return found;
  }

  /** Number of sessions. */
  public int count() {
    return sessions.size();
  }
}
