package io.cairn.metadata.ratis;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.ratis.client.RaftClient;
import org.apache.ratis.client.RaftClientConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.GroupInfoReply;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.retry.RetryPolicies;
import org.apache.ratis.thirdparty.io.grpc.StatusRuntimeException;
import org.apache.ratis.util.TimeDuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * When a server that has lost its log may take part again. What it has acknowledged, and whom it
 * has voted for, it does not know any more: with its vote, a server that lacks a committed entry
 * could become the leader. So it waits until all others are there, follow one leader in one term,
 * and each has committed all that this leader had.
 *
 * <p>Then nothing depends on what was forgotten. With this server away, a leader of a later term
 * would need a vote of one of the others, who would then be in that term. So theirs is the latest
 * leader, which has every committed entry; and now each of them has.
 */
final class Rejoin {
  private static final Logger LOG = LoggerFactory.getLogger(Rejoin.class);
  private static final long LOOK_MILLIS = 500;
  private static final TimeDuration ANSWER = TimeDuration.valueOf(2, TimeUnit.SECONDS);

  private final MemberSettings settings;

  Rejoin(MemberSettings settings) {
    this.settings = settings;
  }

  /**
   * Who of the others has a log already; null when nobody is known to.
   *
   * @return an address.
   */
  String whoHasLog() {
    for (String other : settings.others()) {
      GroupInfoReply found = ask(other);
      if (found != null && lastIndex(found) >= 0) {
        return other;
      }
    }
    return null;
  }

  /**
   * Waits until this server may begin with an empty log.
   *
   * @param waiting hears, when that changes, what is waited for.
   */
  void awaitOthers(Consumer<String> waiting) throws InterruptedException {
    String told = null;
    for (String missing = missing(); missing != null; missing = missing()) {
      if (!missing.equals(told)) {
        told = missing;
        waiting.accept(missing);
      }
      Thread.sleep(LOOK_MILLIS);
    }
  }

  /** What keeps this server from taking part; null when nothing does. */
  private String missing() {
    GroupInfoReply leader = null;
    String leaderAddress = null;
    for (String other : settings.others()) {
      GroupInfoReply found = ask(other);
      if (found == null) {
        return other + " does not answer";
      }
      if (found.getRoleInfoProto().getRole() == RaftPeerRole.LEADER) {
        leader = found;
        leaderAddress = other;
      }
    }
    if (leader == null) {
      return settings.others() + " have no leader";
    }
    // What it reads linearizably is behind an entry of its own term: from then on its commit index
    // is behind everything that was committed before.
    if (!leads(leaderAddress)) {
      return leaderAddress + " does not lead yet";
    }
    leader = ask(leaderAddress);
    if (leader == null || leader.getRoleInfoProto().getRole() != RaftPeerRole.LEADER) {
      return leaderAddress + " does not lead any more";
    }
    long committed = leader.getLogInfoProto().getCommitted().getIndex();
    List<String> behind = new ArrayList<>();
    for (String other : settings.others()) {
      if (!other.equals(leaderAddress) && !follows(ask(other), leaderAddress, committed)) {
        behind.add(other);
      }
    }
    return behind.isEmpty() ? null : behind + " do not have all of what " + leaderAddress + " has";
  }

  private static boolean follows(GroupInfoReply found, String leaderAddress, long committed) {
    if (found == null || found.getRoleInfoProto().getRole() != RaftPeerRole.FOLLOWER) {
      return false;
    }
    RaftPeerId leader =
        RaftPeerId.valueOf(
            found.getRoleInfoProto().getFollowerInfo().getLeaderInfo().getId().getId());
    return leader.equals(GroupSettings.peerId(leaderAddress))
        && found.getLogInfoProto().getCommitted().getIndex() >= committed;
  }

  private static long lastIndex(GroupInfoReply found) {
    return found.getLogInfoProto().hasLastEntry()
        ? found.getLogInfoProto().getLastEntry().getIndex()
        : found.getLogInfoProto().hasCommitted()
            ? found.getLogInfoProto().getCommitted().getIndex()
            : -1;
  }

  private boolean leads(String address) {
    try (RaftClient client = client(address)) {
      return client.io().sendReadOnly(Message.EMPTY, GroupSettings.peerId(address)) != null;
    } catch (IOException | StatusRuntimeException e) {
      LOG.debug("{} does not lead", address, e);
      return false;
    }
  }

  private GroupInfoReply ask(String address) {
    try (RaftClient client = client(address)) {
      GroupInfoReply reply =
          client.getGroupManagementApi(GroupSettings.peerId(address)).info(GroupSettings.GROUP_ID);
      return reply.isSuccess() ? reply : null;
    } catch (IOException | StatusRuntimeException e) {
      LOG.debug("{} does not answer", address, e);
      return null;
    }
  }

  /**
   * Makes the leader begin anew with all others: it would look for none of what we have lost. Who
   * follows does not pass the request on.
   */
  void askForAnotherLeader() {
    for (String other : settings.others()) {
      GroupInfoReply found = ask(other);
      if (found != null && found.getRoleInfoProto().getRole() == RaftPeerRole.LEADER) {
        stepDown(other);
      }
    }
  }

  private void stepDown(String leaderAddress) {
    try (RaftClient client = client(leaderAddress)) {
      client.admin().transferLeadership(null, ANSWER.toLong(TimeUnit.MILLISECONDS));
    } catch (IOException | StatusRuntimeException e) {
      LOG.debug("{} does not step down", leaderAddress, e);
    }
  }

  private RaftClient client(String first) {
    RaftProperties properties = new RaftProperties();
    RaftClientConfigKeys.Rpc.setRequestTimeout(properties, ANSWER);
    return RaftClient.newBuilder()
        .setProperties(properties)
        .setRaftGroup(GroupSettings.group(settings.group()))
        .setLeaderId(GroupSettings.peerId(first))
        .setRetryPolicy(RetryPolicies.noRetry())
        .build();
  }
}
