package io.cairn.bench.sim;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.PeerLinks;
import io.cairn.storage.replication.ReplicaLimits;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;

/** A storage node: the real replica shards over stores that outlive the process. */
final class SimNode implements SimNetwork.Acceptor {
  final SimProcess process;
  final long nodeId;
  private final SimCluster cluster;
  private final List<SimStore> stores = new ArrayList<>();
  private List<ReplicaShard> shards = List.of();
  private SimPayload.Ledger ledger = new SimPayload.Ledger();
  private long armedNanos = Long.MAX_VALUE;

  SimNode(SimCluster cluster, SimProcess process, long nodeId, int shardCount) {
    this.cluster = cluster;
    this.process = process;
    this.nodeId = nodeId;
    for (int i = 0; i < shardCount; i++) {
      stores.add(new SimStore(cluster.world(), cluster.random().split()));
    }
  }

  SimStore store(int shard) {
    return stores.get(shard);
  }

  void start() {
    process.start();
    ledger = new SimPayload.Ledger();
    armedNanos = Long.MAX_VALUE;
    List<ReplicaShard> started = new ArrayList<>();
    for (int i = 0; i < stores.size(); i++) {
      stores.get(i).recover();
      SimStore.Session session = cluster.mutations().store(stores.get(i), process, ledger);
      ReplicaShard shard =
          new ReplicaShard(
              SimCluster.CLUSTER_ID,
              nodeId,
              process.life(),
              i,
              stores.size(),
              session,
              new Peers(),
              ReplicaLimits.defaults());
      session.listener(shard);
      started.add(shard);
    }
    shards = started;
  }

  void kill(boolean powerLoss) {
    process.die();
    shards = List.of();
    cluster.network().processDied(process, powerLoss);
    if (powerLoss) {
      stores.forEach(SimStore::losePower);
    }
  }

  /** Sees to it that the shards' timers run. */
  void arm() {
    if (!process.isUp()) {
      return;
    }
    long next = Long.MAX_VALUE;
    for (ReplicaShard shard : shards) {
      next = Math.min(next, shard.nextDeadlineNanos());
    }
    if (next < armedNanos) {
      armedNanos = next;
      SimWorld world = cluster.world();
      world.after(
          process,
          Math.max(0, next - world.nowNanos()),
          () -> {
            armedNanos = Long.MAX_VALUE;
            shards.forEach(shard -> shard.onTimer(world.nowNanos()));
          });
    }
  }

  @Override
  public SimProcess process() {
    return process;
  }

  @Override
  public SimPayload.Ledger ledger() {
    return ledger;
  }

  @Override
  public SimNetwork.Handler accept(Link link) {
    return new Incoming();
  }

  /** One accepted link, handed to the shard that HELLO names. */
  private final class Incoming implements SimNetwork.Handler {
    private ReplicaShard shard;
    private Link tapped;

    @Override
    public void onFrame(Link link, DirectBuffer header, int offset, int length, Payload payload) {
      if (shard == null) {
        int index = Request.helloShard(header, offset);
        shard = shards.get(index);
        tapped = cluster.mutations().replicaLink(new Tap(link, stores.get(index)));
        shard.onLinkOpen(tapped);
      }
      shard.onFrame(tapped, header, offset, length, payload, cluster.world().nowNanos());
    }

    @Override
    public void onClosed(Link link) {
      if (shard != null) {
        shard.onLinkClosed(tapped);
      }
    }
  }

  /** Tells the oracles what the replica answers. */
  private record Tap(Link link, SimStore store) implements Link {
    @Override
    public long id() {
      return link.id();
    }

    @Override
    public void send(DirectBuffer header, int offset, int length, Payload payload) {
      if (Frame.type(header, offset) == (MessageType.FENCE | MessageType.REPLY)
          && Frame.status(header, offset) == Status.OK.code()) {
        store.fenceAnswered(header.getLong(offset + 56));
      }
      link.send(header, offset, length, payload);
    }

    @Override
    public boolean isOpen() {
      return link.isOpen();
    }

    @Override
    public void close() {
      link.close();
    }
  }

  private final class Peers implements PeerLinks {
    @Override
    public int shardCount(long id) {
      return stores.size();
    }

    @Override
    public void connect(String host, int port, Dialer.Handler handler) {
      cluster.dial(process, ledger, port, handler);
    }
  }
}
