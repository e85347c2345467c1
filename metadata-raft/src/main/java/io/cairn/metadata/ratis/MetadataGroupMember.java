package io.cairn.metadata.ratis;

import io.cairn.metadata.model.ClusterCondition;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.util.JvmPauseMonitor;
import org.slf4j.LoggerFactory;

/** One server of the metadata group. */
public final class MetadataGroupMember implements AutoCloseable {
  private static final org.slf4j.Logger LOG = LoggerFactory.getLogger(MetadataGroupMember.class);

  /**
   * What breaks the protocol on a connection costs that connection; gRPC would write a stack trace
   * for each of them, and Ratis' own confusion at a stop as well. The reference keeps the level:
   * loggers are collected with their settings.
   */
  private static final Logger GRPC_LOG = Logger.getLogger("org.apache.ratis.thirdparty.io.grpc");

  static {
    GRPC_LOG.setLevel(Level.OFF);
  }

  private final RaftServer server;
  private final MetadataStateMachine machine;
  private final DivisionInfo division;
  private final String address;
  private final Reconnector reconnector;

  private MetadataGroupMember(
      RaftServer server, MetadataStateMachine machine, String address, List<String> group)
      throws IOException {
    this.address = address;
    this.server = server;
    this.machine = machine;
    division = server.getDivision(GroupSettings.GROUP_ID).getInfo();
    reconnector =
        Reconnector.start(
            server,
            group.stream().filter(a -> !a.equals(address)).map(GroupSettings::peerId).toList());
  }

  /**
   * Starts a server on its directory, which it makes when there is none.
   *
   * @param address host:port under which the others find this server, one of those of the group.
   * @param listenHost to bind; the port is the address's.
   * @param group host:port of all servers, the same list on each.
   * @param electionTimeout shortest time without a sign of life after which a follower calls an
   *     election; the longest is 25/18 of it.
   * @param awayGrace how long a storage node may be silent before its replicas are placed anew.
   * @param rebalance whether replicas are moved so that nodes are filled evenly.
   */
  public static MetadataGroupMember start(
      String address,
      String listenHost,
      List<String> group,
      Path directory,
      GroupObserver observer,
      Duration electionTimeout,
      Duration awayGrace,
      boolean rebalance)
      throws IOException {
    return start(
        address,
        listenHost,
        group,
        directory,
        observer,
        electionTimeout,
        awayGrace,
        rebalance,
        GroupSettings.SNAPSHOT_ENTRIES);
  }

  static MetadataGroupMember start(
      String address,
      String listenHost,
      List<String> group,
      Path directory,
      GroupObserver observer,
      Duration electionTimeout,
      Duration awayGrace,
      boolean rebalance,
      long snapshotEntries)
      throws IOException {
    if (!group.contains(address)) {
      throw new IllegalArgumentException("address " + address + " is not one of " + group);
    }
    Path raft = Files.createDirectories(directory.resolve("raft"));
    int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    RaftProperties properties =
        GroupSettings.server(listenHost, port, raft.toFile(), electionTimeout, snapshotEntries);
    MetadataStateMachine machine =
        new MetadataStateMachine(directory.resolve("state"), observer, awayGrace, rebalance);
    RaftServer server =
        RaftServer.newBuilder()
            .setServerId(GroupSettings.peerId(address))
            .setGroup(GroupSettings.group(group))
            .setStateMachine(machine)
            .setProperties(properties)
            .setParameters(GroupSettings.connections())
            .setOption(RaftStorage.StartupOption.RECOVER)
            .build();
    try {
      server.start();
      stopPauseMonitor(server);
      return new MetadataGroupMember(server, machine, address, group);
    } catch (CompletionException e) {
      server.close();
      // Ratis starts the state machine on another thread.
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw e;
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  /**
   * Ratis asks the collectors three times a second whether the JVM stood still, to make a leader
   * that did step down. It hears so anyway from the first follower that it talks to, and until then
   * decides nothing: the questions cost an idle server a quarter of its processor time. There is no
   * setting for it.
   */
  private static void stopPauseMonitor(RaftServer server) {
    try {
      Field field = server.getClass().getDeclaredField("pauseMonitor");
      field.setAccessible(true);
      ((JvmPauseMonitor) field.get(server)).stop();
    } catch (ReflectiveOperationException | RuntimeException e) {
      LOG.warn("Ratis' monitor for pauses is not where it was, and goes on: {}", e.toString());
    }
  }

  /** Whether this server leads at the moment. */
  public boolean isLeader() {
    return division.isLeaderReady();
  }

  /** What of the cluster is not as it is on record; empty unless this server leads. */
  public List<ClusterCondition> changedConditions() {
    return machine.changedConditions(division, address);
  }

  /** What this server knows about itself and the group; null once it is closed. */
  public MemberStatus status() {
    return machine.status(division);
  }

  @Override
  public void close() throws IOException {
    reconnector.close();
    server.close();
  }
}
