package io.cairn.metadata.ratis;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.storage.RaftStorage;

/** One server of the metadata group. */
public final class MetadataGroupMember implements AutoCloseable {
  private final RaftServer server;

  private MetadataGroupMember(RaftServer server) {
    this.server = server;
  }

  /**
   * Starts a server on its directory, which it makes when there is none.
   *
   * @param address host:port of this server, one of those of the group.
   * @param group host:port of all servers, the same list on each.
   */
  public static MetadataGroupMember start(String address, List<String> group, Path directory)
      throws IOException {
    return start(address, group, directory, GroupSettings.SNAPSHOT_ENTRIES);
  }

  static MetadataGroupMember start(
      String address, List<String> group, Path directory, long snapshotEntries) throws IOException {
    if (!group.contains(address)) {
      throw new IllegalArgumentException("address " + address + " is not one of " + group);
    }
    Path raft = Files.createDirectories(directory.resolve("raft"));
    int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    RaftProperties properties = GroupSettings.server(port, raft.toFile(), snapshotEntries);
    RaftServer server =
        RaftServer.newBuilder()
            .setServerId(GroupSettings.peerId(address))
            .setGroup(GroupSettings.group(group))
            .setStateMachine(new MetadataStateMachine(directory.resolve("state")))
            .setProperties(properties)
            .setOption(RaftStorage.StartupOption.RECOVER)
            .build();
    server.start();
    return new MetadataGroupMember(server);
  }

  /** Whether this server leads at the moment. */
  public boolean isLeader() {
    try {
      return server
          .getDivision(GroupSettings.group(List.of()).getGroupId())
          .getInfo()
          .isLeaderReady();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
