package io.cairn.metadata.ratis;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.thirdparty.io.grpc.ServerInterceptor;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;

/** What servers and clients of one metadata group must agree on, and how Ratis is tuned. */
final class GroupSettings {
  static final RaftGroupId GROUP_ID =
      RaftGroupId.valueOf(
          UUID.nameUUIDFromBytes("cairn metadata".getBytes(StandardCharsets.US_ASCII)));

  /** A connection that has not begun HTTP/2 by then is dropped; gRPC would wait two minutes. */
  private static final long HANDSHAKE_SECONDS = 10;

  /** A connection without calls for so long is ended; whoever wants to call connects again. */
  private static final long IDLE_MINUTES = 5;

  private GroupSettings() {}

  /**
   * How the port of a server treats connections.
   *
   * @param votes decides which requests for a vote are answered.
   */
  static Parameters connections(ServerInterceptor votes) {
    Parameters parameters = new Parameters();
    GrpcConfigKeys.Server.setServicesCustomizer(
        parameters,
        (builder, types) ->
            builder
                .intercept(votes)
                .handshakeTimeout(HANDSHAKE_SECONDS, TimeUnit.SECONDS)
                .maxConnectionIdle(IDLE_MINUTES, TimeUnit.MINUTES));
    return parameters;
  }

  /** The group whose servers are at the addresses, host:port each. */
  static RaftGroup group(List<String> addresses) {
    return RaftGroup.valueOf(
        GROUP_ID,
        addresses.stream()
            .map(a -> RaftPeer.newBuilder().setId(peerId(a)).setAddress(a).build())
            .toList());
  }

  /** A server is named by its address: the same everywhere, and legal as a directory name. */
  static RaftPeerId peerId(String address) {
    return RaftPeerId.valueOf(address.replace(':', '_'));
  }

  static RaftProperties server(
      String listenHost,
      int port,
      java.io.File storage,
      Duration electionTimeout,
      long snapshotEntries) {
    RaftProperties properties = new RaftProperties();
    RaftConfigKeys.Rpc.setType(properties, new PromptRpc());
    GrpcConfigKeys.Server.setHost(properties, listenHost);
    GrpcConfigKeys.Server.setPort(properties, port);
    RaftServerConfigKeys.setStorageDir(properties, List.of(storage));
    // A follower looks once per timeout, so a leader is missed after one to two of them. Signs of
    // life go out twice in the shorter one. The ADR on leader changes has the figures.
    RaftServerConfigKeys.Rpc.setTimeoutMin(properties, ofMillis(electionTimeout));
    RaftServerConfigKeys.Rpc.setTimeoutMax(
        properties, ofMillis(electionTimeout.multipliedBy(25).dividedBy(18)));
    RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMin(
        properties, TimeDuration.valueOf(200, TimeUnit.MILLISECONDS));
    RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMax(
        properties, TimeDuration.valueOf(600, TimeUnit.MILLISECONDS));
    // A process that was stopped for long goes on when it is continued; Ratis would close it.
    RaftServerConfigKeys.setCloseThreshold(properties, TimeDuration.valueOf(7, TimeUnit.DAYS));
    RaftServerConfigKeys.Read.setOption(properties, RaftServerConfigKeys.Read.Option.LINEARIZABLE);
    RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(properties, true);
    RaftServerConfigKeys.Snapshot.setAutoTriggerThreshold(properties, snapshotEntries);
    RaftServerConfigKeys.Snapshot.setCreationGap(properties, 1);
    // A server of its own restarts from its database: a snapshot at each stop would gain nothing.
    RaftServerConfigKeys.Snapshot.setTriggerWhenStopEnabled(properties, false);
    RaftServerConfigKeys.Snapshot.setRetentionFileNum(properties, 2);
    RaftServerConfigKeys.Log.setPurgeUptoSnapshotIndex(properties, true);
    RaftServerConfigKeys.Log.setPurgeGap(properties, 1);
    RaftServerConfigKeys.Log.setSegmentSizeMax(properties, SizeInBytes.valueOf("8MB"));
    RaftServerConfigKeys.Log.setPreallocatedSize(properties, SizeInBytes.valueOf("1MB"));
    return properties;
  }

  private static TimeDuration ofMillis(Duration duration) {
    return TimeDuration.valueOf(duration.toMillis(), TimeUnit.MILLISECONDS);
  }
}
