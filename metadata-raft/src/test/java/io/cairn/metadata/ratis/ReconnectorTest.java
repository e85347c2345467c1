package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.apache.ratis.proto.RaftProtos.CandidateInfoProto;
import org.apache.ratis.proto.RaftProtos.FollowerInfoProto;
import org.apache.ratis.proto.RaftProtos.LeaderInfoProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.proto.RaftProtos.ServerRpcProto;
import org.apache.ratis.protocol.RaftPeerId;
import org.junit.jupiter.api.Test;

class ReconnectorTest {
  private static final RaftPeerId NEAR = RaftPeerId.valueOf("near");
  private static final RaftPeerId GONE = RaftPeerId.valueOf("gone");
  private static final List<RaftPeerId> OTHERS = List.of(NEAR, GONE);
  private static final long LONG = Reconnector.SILENT_MILLIS + 1;

  private static RoleInfoProto.Builder role(RaftPeerRole role) {
    return RoleInfoProto.newBuilder().setRole(role);
  }

  private static ServerRpcProto answered(RaftPeerId peer, long millisAgo) {
    return ServerRpcProto.newBuilder()
        .setId(RaftPeerProto.newBuilder().setId(peer.toByteString()))
        .setLastRpcElapsedTimeMs(millisAgo)
        .build();
  }

  @Test
  void aLeaderConnectsAnewToThoseThatDoNotAnswer() {
    LeaderInfoProto followers =
        LeaderInfoProto.newBuilder()
            .addFollowerInfo(answered(NEAR, Reconnector.SILENT_MILLIS))
            .addFollowerInfo(answered(GONE, LONG))
            .build();
    RoleInfoProto leader = role(RaftPeerRole.LEADER).setLeaderInfo(followers).build();
    assertEquals(List.of(GONE), Reconnector.silent(leader, OTHERS));
  }

  @Test
  void whoSeeksToLeadForLongConnectsAnewToAll() {
    CandidateInfoProto.Builder brief =
        CandidateInfoProto.newBuilder().setLastLeaderElapsedTimeMs(Reconnector.SILENT_MILLIS);
    CandidateInfoProto.Builder lasting =
        CandidateInfoProto.newBuilder().setLastLeaderElapsedTimeMs(LONG);
    RoleInfoProto.Builder candidate = role(RaftPeerRole.CANDIDATE);
    assertEquals(List.of(), Reconnector.silent(candidate.setCandidateInfo(brief).build(), OTHERS));
    assertEquals(OTHERS, Reconnector.silent(candidate.setCandidateInfo(lasting).build(), OTHERS));
  }

  @Test
  void aFollowerAsksNobody() {
    FollowerInfoProto silentLeader =
        FollowerInfoProto.newBuilder().setLeaderInfo(answered(NEAR, LONG)).build();
    RoleInfoProto follower = role(RaftPeerRole.FOLLOWER).setFollowerInfo(silentLeader).build();
    assertEquals(List.of(), Reconnector.silent(follower, OTHERS));
  }
}
