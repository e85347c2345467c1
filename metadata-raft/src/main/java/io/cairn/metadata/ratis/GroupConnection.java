package io.cairn.metadata.ratis;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.client.RaftClient;
import org.apache.ratis.client.RaftClientConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.retry.RetryPolicies;
import org.apache.ratis.util.TimeDuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Ratis client that is in use. Ratis finds the leader by itself when a server refuses, but when
 * one is silent it waits seconds for the close of that connection: a client that hears nothing is
 * therefore left behind, closed aside, and replaced by one that begins with the next server. One
 * that is slow but answers something is kept. Thread-safe.
 */
final class GroupConnection implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GroupConnection.class);

  /** Ratis blocks the caller beyond this; callers are event loops. */
  private static final int OUTSTANDING_MAX = 1 << 16;

  /** For the client in use: a busy leader commits in less, and a retry applies once. */
  private static final long PATIENCE_MILLIS = 1_000;

  /**
   * For the first clients after one that was silent. While the others have not yet missed a leader
   * that stands still, they send every client to it: so these look again and again, until the next
   * leader must be there.
   */
  private static final long PATIENCE_IN_ELECTION_MILLIS = 500;

  /** So many of them. */
  private static final int CLIENTS_IN_ELECTION = 4;

  /** From then on the patience doubles from its first value up to this. */
  private static final long PATIENCE_MAX_MILLIS = 6_000;

  private final RaftGroup group;
  private final List<RaftPeer> peers;
  private final RaftProperties properties = new RaftProperties();
  private final TimeDuration retryDelay;

  /** Where the next client looks for the leader first; -1 leaves it to Ratis. */
  private int first = -1;

  private RaftClient client;

  /** Clients left one after the other without an answer to any. */
  private int silentClients;

  /** When the client in use got its last answer. */
  private long heardNanos;

  private boolean closed;

  GroupConnection(List<String> addresses, TimeDuration retryDelay) {
    group = GroupSettings.group(addresses);
    peers = List.copyOf(group.getPeers());
    this.retryDelay = retryDelay;
    RaftClientConfigKeys.Rpc.setRequestTimeout(
        properties, TimeDuration.valueOf(PATIENCE_MAX_MILLIS, TimeUnit.MILLISECONDS));
    RaftClientConfigKeys.Async.setOutstandingRequestsMax(properties, OUTSTANDING_MAX);
  }

  /**
   * The client to send by; made when there is none.
   *
   * @throws IOException after the close.
   */
  synchronized RaftClient current() throws IOException {
    if (closed) {
      throw new IOException("the metadata client is closed");
    }
    if (client == null) {
      RaftClient.Builder builder =
          RaftClient.newBuilder()
              .setProperties(properties)
              .setRaftGroup(group)
              .setRetryPolicy(RetryPolicies.retryForeverWithSleep(retryDelay));
      if (first >= 0) {
        builder.setLeaderId(peers.get(first).getId());
      }
      client = builder.build();
      heardNanos = System.nanoTime();
    }
    return client;
  }

  /** The client got an answer, whatever it says. */
  synchronized void heard(RaftClient by) {
    if (client == by) {
      heardNanos = System.nanoTime();
      silentClients = 0;
    }
  }

  /**
   * How long to wait before asking {@link #leaveIfSilent}: less for the clients that look for the
   * next leader, more and more when they find none. On a busy machine the first answer of a new
   * connection takes longer than that of a running one.
   */
  synchronized long patienceMillis() {
    if (silentClients == 0) {
      return PATIENCE_MILLIS;
    }
    if (silentClients <= CLIENTS_IN_ELECTION) {
      return PATIENCE_IN_ELECTION_MILLIS;
    }
    return Math.min(
        PATIENCE_MAX_MILLIS,
        PATIENCE_MILLIS << Math.min(silentClients - CLIENTS_IN_ELECTION - 1, 3));
  }

  /**
   * Leaves a client that heard nothing since a time.
   *
   * @return whether it is no longer in use: what it was asked must be asked again.
   */
  synchronized boolean leaveIfSilent(RaftClient asked, long sinceNanos) {
    if (client == asked && heardNanos - sinceNanos < 0) {
      leave(asked);
    }
    return client != asked;
  }

  private void leave(RaftClient silent) {
    client = null;
    silentClients++;
    for (int i = 0; i < peers.size(); i++) {
      if (peers.get(i).getId().equals(silent.getLeaderId())) {
        first = (i + 1) % peers.size();
      }
    }
    Thread.ofPlatform().daemon().name("metadata-client-close").start(() -> close(silent));
  }

  private static void close(RaftClient client) {
    try {
      client.close();
    } catch (IOException e) {
      LOG.debug("closing a client of the metadata group: {}", e.toString());
    }
  }

  synchronized boolean isClosed() {
    return closed;
  }

  @Override
  public void close() {
    RaftClient last;
    synchronized (this) {
      closed = true;
      last = client;
      client = null;
    }
    if (last != null) {
      close(last);
    }
  }
}
