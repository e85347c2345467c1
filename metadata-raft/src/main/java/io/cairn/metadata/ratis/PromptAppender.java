package io.cairn.metadata.ratis;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.grpc.server.GrpcLogAppender;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.raftlog.RaftLogIOException;

/**
 * Sends a leader's entries to one follower, and asks it at once whenever a read has to know whether
 * the leader leads (Raft dissertation, section 6.4).
 *
 * <p>Such a read waits until a majority has answered requests that were made after it came, and
 * that told of all that was committed by then. Ratis' own appender asks once. Where entries are
 * under way to the follower, that question cannot tell of the newest ones, its answer does not
 * count, and the read waits for the next sign of life, for nearly half a second. Nearly half of all
 * reads that follow a command did so. This one asks again as soon as nothing is under way.
 *
 * <p>{@link #triggerHeartbeat} is called by any thread, the others by the one that sends.
 */
final class PromptAppender extends GrpcLogAppender {
  /** The number of a request that is new enough for every read that waits. */
  private final AtomicLong wanted = new AtomicLong(-1);

  /** The number of the last request that told of all that was committed when it was made. */
  private volatile long told = -1;

  PromptAppender(RaftServer.Division server, LeaderState leaderState, FollowerInfo follower) {
    super(server, leaderState, follower);
  }

  @Override
  public void triggerHeartbeat() {
    long next;
    do {
      next = getCallId();
      wanted.accumulateAndGet(next, Math::max);
      super.triggerHeartbeat();
      // Who calls takes the number of the next request after this: one made meanwhile is too old.
    } while (getCallId() != next);
  }

  /** Whether a read waits for a question that can tell of everything: of what was all sent. */
  private boolean owesAQuestion() {
    return told < wanted.get()
        && !hasPendingDataRequests()
        && getFollower().getNextIndex() >= getRaftLog().getNextIndex();
  }

  @Override
  public boolean shouldSendAppendEntries() {
    return owesAQuestion() || super.shouldSendAppendEntries();
  }

  @Override
  public long getHeartbeatWaitTimeMs() {
    return owesAQuestion() ? 0 : super.getHeartbeatWaitTimeMs();
  }

  @Override
  public AppendEntriesRequestProto newAppendEntriesRequest(long callId, boolean heartbeat)
      throws RaftLogIOException {
    long committed = getRaftLog().getLastCommittedIndex();
    AppendEntriesRequestProto made = super.newAppendEntriesRequest(callId, heartbeat);
    if (made != null && made.getLeaderCommit() >= committed) {
      told = callId;
    }
    return made;
  }
}
