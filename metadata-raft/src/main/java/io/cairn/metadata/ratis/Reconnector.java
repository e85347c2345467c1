package io.cairn.metadata.ratis;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.proto.RaftProtos.ServerRpcProto;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Begins anew to connect to servers of the group that do not answer. A server that comes back in a
 * container has another address. Where nobody says that the old one is gone, a connection to it, or
 * one under way, is only given up after minutes, and the name is not looked up before; Ratis waits
 * for that. On a thread of its own, as to close a connection takes seconds.
 */
final class Reconnector implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Reconnector.class);

  /** Signs of life are answered several times a second: who is silent for so long is not there. */
  static final long SILENT_MILLIS = 3_000;

  /** After the last attempts were given up, which takes some 3 s: time for new ones to connect. */
  private static final long PERIOD_MILLIS = 2_000;

  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("metadata-reconnector").daemon().factory());
  private final RaftServer server;
  private final List<RaftPeerId> others;

  private Reconnector(RaftServer server, List<RaftPeerId> others) {
    this.server = server;
    this.others = others;
  }

  /**
   * Begins.
   *
   * @param server stays the caller's, and open for as long as this is.
   * @param others the group's servers but this one.
   */
  static Reconnector start(RaftServer server, List<RaftPeerId> others) {
    Reconnector reconnector = new Reconnector(server, others);
    reconnector.thread.scheduleWithFixedDelay(
        reconnector::look, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    return reconnector;
  }

  private void look() {
    try {
      RoleInfoProto role = server.getDivision(GroupSettings.GROUP_ID).getInfo().getRoleInfoProto();
      for (RaftPeerId silent : silent(role, others)) {
        LOG.debug("{} does not answer: connecting anew", silent);
        server.getServerRpc().handleException(silent, new IOException("no answer"), true);
      }
    } catch (IOException | RuntimeException e) {
      // The server stops, or the peer is being connected to anyway: the next turn looks again.
      LOG.debug("not connected anew", e);
    }
  }

  /**
   * Who should have answered. A leader asks each of the others; who seeks to become one asks all of
   * them, and is not told who answered; a follower asks nobody.
   */
  static List<RaftPeerId> silent(RoleInfoProto role, List<RaftPeerId> others) {
    if (role.getRole() == RaftPeerRole.CANDIDATE) {
      return role.getCandidateInfo().getLastLeaderElapsedTimeMs() > SILENT_MILLIS
          ? others
          : List.of();
    }
    List<RaftPeerId> silent = new ArrayList<>();
    for (ServerRpcProto follower : role.getLeaderInfo().getFollowerInfoList()) {
      if (follower.getLastRpcElapsedTimeMs() > SILENT_MILLIS) {
        silent.add(RaftPeerId.valueOf(follower.getId().getId()));
      }
    }
    return silent;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
