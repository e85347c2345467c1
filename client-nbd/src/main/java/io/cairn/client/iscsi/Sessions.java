package io.cairn.client.iscsi;

import java.util.ArrayList;
import java.util.LinkedHashMap;
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

  /**
   * A session as an operator sees it.
   *
   * @param number its TSIH.
   * @param peer address of the initiator, HOST:PORT.
   * @param portal that it reached, HOST:PORT.
   */
  public record Seen(
      int number,
      String initiatorName,
      String targetName,
      String peer,
      String portal,
      long beganNanos,
      Traffic traffic) {}

  /** What a session has moved: commands that ended well, and their bytes. */
  public record Traffic(long reads, long readBytes, long writes, long writtenBytes) {}

  private record Entry(int tsih, TargetConnection connection) {}

  private final Map<Key, Entry> sessions = new LinkedHashMap<>();
  private int lastTsih;

  /** The session that stands in the way, or null. */
  TargetConnection find(Key key) {
    Entry entry = sessions.get(key);
    return entry == null ? null : entry.connection;
  }

  boolean isFull() {
    return sessions.size() >= SESSIONS_MAX;
  }

  /** Adds a session and gives it its TSIH, section 11.12.6: 1 to 65535. */
  int add(Key key, TargetConnection connection) {
    int tsih = lastTsih % 65_535 + 1;
    if (sessions.putIfAbsent(key, new Entry(tsih, connection)) != null) {
      throw new IllegalStateException("two sessions of one I_T nexus");
    }
    lastTsih = tsih;
    return tsih;
  }

  void remove(Key key, TargetConnection connection) {
    if (find(key) == connection) {
      sessions.remove(key);
    }
  }

  /** The sessions of one target. */
  List<TargetConnection> of(String targetName) {
    List<TargetConnection> found = new ArrayList<>();
    sessions.forEach(
        (key, entry) -> {
          if (key.targetName().equals(targetName)) {
            found.add(entry.connection);
          }
        });
    return found;
  }

  /** All of them as they are now. */
  public List<Seen> seen() {
    List<Seen> all = new ArrayList<>();
    sessions.forEach((key, entry) -> all.add(entry.connection.seen(entry.tsih)));
    return all;
  }

  /** Ends the session of that number, if there is one. */
  public void end(int number, String reason) {
    for (Entry entry : List.copyOf(sessions.values())) {
      if (entry.tsih == number) {
        entry.connection.close(reason);
      }
    }
  }

  /** Number of sessions. */
  public int count() {
    return sessions.size();
  }
}
