package io.cairn.storage.node;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.StrayQueries;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.model.VolumeTier;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The metadata in this process: the real machine without a group. */
final class LocalMetadata {
  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private final List<Query.NodeHeartbeat> heartbeats = new ArrayList<>();
  private final List<Long> deleted = new ArrayList<>();
  private final Map<Long, VolumeTier> tiers = new TreeMap<>();
  private long clients;
  private boolean away;
  private int staleAnswers;

  synchronized Reply operate(Command command) {
    return machine.apply(++clients, 1, command, List.of());
  }

  synchronized void setAway(boolean value) {
    away = value;
  }

  /** The next heartbeats are answered by a server that was deposed before the node joined. */
  synchronized void answerStale(int count) {
    staleAnswers = count;
  }

  synchronized List<Query.NodeHeartbeat> heartbeats() {
    return List.copyOf(heartbeats);
  }

  synchronized void deleteVolume(long volumeId) {
    deleted.add(volumeId);
  }

  synchronized void setTier(long volumeId, VolumeTier tier) {
    tiers.put(volumeId, tier);
  }

  /** One chunk of a volume is whole, on a node that is not there. */
  synchronized void placeElsewhere(long volumeId, int index) {
    machine
        .state()
        .replay(
            new Event.VolumeStored(
                new VolumeRecord(
                    volumeId, "moved", 1L << 30, 1 << 20, 1, 1, Durability.FLUSH, 1, null)));
    machine
        .state()
        .replay(
            new Event.ChunkStored(
                new ChunkRecord(
                    volumeId, 0, index, 1, List.of(new Replica(99, ReplicaState.IN_SYNC)))));
  }

  synchronized NodeRecord node(long nodeId) {
    return machine.state().node(nodeId);
  }

  MetadataClient connect() {
    return new Client();
  }

  private final class Client implements MetadataClient {
    private final long id;
    private long number;

    Client() {
      synchronized (LocalMetadata.this) {
        id = ++clients;
      }
    }

    @Override
    public CompletionStage<Reply> submit(Submission submission) {
      synchronized (LocalMetadata.this) {
        return away
            ? CompletableFuture.failedStage(new IOException("away"))
            : CompletableFuture.completedStage(
                machine.apply(id, submission.sent(++number), submission.command(), List.of()));
      }
    }

    @Override
    public CompletionStage<Reply> query(Query query) {
      synchronized (LocalMetadata.this) {
        return away
            ? CompletableFuture.failedStage(new IOException("away"))
            : CompletableFuture.completedStage(answer(query));
      }
    }

    @Override
    public void close() {}
  }

  /** Each volume with more chunks than a test uses. */
  private Reply chunkCounts() {
    return new Reply.ChunkCounts(
        machine.state().volumes().stream()
            .map(volume -> new Reply.ChunkCount(volume.volumeId(), 100))
            .toList());
  }

  private Reply answer(Query query) {
    return switch (query) {
      case Query.GetCluster q ->
          new Reply.Cluster(
              machine.state().clusterId(),
              List.of(),
              List.of(),
              List.of(),
              List.of(),
              Reply.Rebalance.OFF);
      case Query.GetStrays q -> StrayQueries.strays(machine.state(), q);
      case Query.GetChunkCounts q -> chunkCounts();
      case Query.NodeHeartbeat q -> {
        heartbeats.add(q);
        NodeRecord node = machine.state().node(q.nodeId());
        if (node == null || --staleAnswers >= 0) {
          yield new Reply.Refused(Reply.ErrorCode.NOT_FOUND, "there is no node " + q.nodeId());
        }
        if (node.incarnation() != q.incarnation()) {
          yield new Reply.Refused(
              Reply.ErrorCode.STALE_INCARNATION, "incarnation is " + node.incarnation());
        }
        yield new Reply.HeartbeatAck(
            q.knownVolumes().stream().filter(deleted::contains).toList(),
            machine.state().nodes(),
            q.knownVolumes().isEmpty()
                ? null
                : q.knownVolumes().stream()
                    .filter(tiers::containsKey)
                    .map(volume -> new Reply.NamedTier(volume, "vol", tiers.get(volume)))
                    .toList(),
            machine.state().counts().replicasOn(q.nodeId()));
      }
      case Query.Announce q -> new Reply.Ok();
      default -> throw new IllegalArgumentException(query.toString());
    };
  }
}
