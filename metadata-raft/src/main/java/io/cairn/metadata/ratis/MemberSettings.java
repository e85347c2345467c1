package io.cairn.metadata.ratis;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What one server of the group is started with.
 *
 * @param address host:port under which the others find this server, one of those of the group.
 * @param listenHost to bind; the port is the address's.
 * @param group host:port of all servers, the same list on each.
 * @param directory the server's own; made when there is none.
 * @param electionTimeout shortest time without a sign of life after which a follower calls an
 *     election; the longest is 25/18 of it.
 * @param awayGrace how long a storage node may be silent before its replicas are placed anew.
 * @param rebalance whether replicas are moved so that nodes are filled evenly.
 * @param snapshotEntries entries between two snapshots of the server.
 */
public record MemberSettings(
    String address,
    String listenHost,
    List<String> group,
    Path directory,
    Duration electionTimeout,
    Duration awayGrace,
    boolean rebalance,
    long snapshotEntries) {
  /** Entries between two snapshots of a server, but in tests. */
  public static final long SNAPSHOT_ENTRIES = 20_000;

  /** Checks that the server is one of the group. */
  public MemberSettings {
    group = List.copyOf(group);
    if (!group.contains(address)) {
      throw new IllegalArgumentException("address " + address + " is not one of " + group);
    }
  }

  /** The group's servers but this one. */
  List<String> others() {
    return group.stream().filter(other -> !other.equals(address)).toList();
  }

  /** Where Ratis keeps log, votes and snapshots. */
  Path log() {
    return directory.resolve("raft");
  }

  /** The database with the state. */
  Path state() {
    return directory.resolve("state");
  }
}
