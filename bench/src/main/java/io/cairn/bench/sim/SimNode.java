package io.cairn.bench.sim;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.LostChunks;
import io.cairn.storage.replication.PeerLinks;
import io.cairn.storage.replication.Refilled;
import io.cairn.storage.replication.ReplicaLimits;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.agrona.DirectBuffer;

/** A storage node: the real replica shards over stores that outlive the process. */
final class SimNode implements SimNetwork.Acceptor {
  /** Chunks that are counted at a time; a volume may have more. */
  private static final int REFILLED_CHUNKS = 8;

  /** Chunks that are named at a time; there may be more. */
  private static final int UNFINISHED_CHUNKS = 2;

  final SimProcess process;
  final long nodeId;
  private final SimCluster cluster;
  private final ReplicaLimits limits;
  private final List<SimStore> stores = new ArrayList<>();
  private List<ReplicaShard> shards = List.of();
  private List<ShardStore> opened = List.of();
  private List<Refilled> refilled = List.of();
  private SimPayload.Ledger ledger = new SimPayload.Ledger();
  private long armedNanos = Long.MAX_VALUE;

  /** When timers go off, with those that a nearer deadline replaced: a real one is cancelled. */
  private final Set<Long> timers = new HashSet<>();

  private long trashed;

  /** Shards whose devices failed, by number: nobody is connected to them, in any life. */
  private final Set<Integer> out = new TreeSet<>();

  /** What the shards may have held on devices that were replaced. */
  private final List<LostChunks> lost = new ArrayList<>();

  SimNode(SimCluster cluster, SimProcess process, long nodeId, SimCluster.Shape shape) {
    this.cluster = cluster;
    this.process = process;
    this.nodeId = nodeId;
    limits = ReplicaLimits.defaults().withCompareBlocks(shape.knobs().compareBlocks());
    for (int i = 0; i < shape.shardCount(); i++) {
      lost.add(LostChunks.NONE);
      StoreModel model = new StoreModel(process.name(), cluster.losses().of(nodeId));
      SimRandom random = cluster.random().split();
      stores.add(
          shape.realStores()
              ? new RealStore(cluster.world(), random, model, nodeId, i)
              : new ModelStore(cluster.world(), random, model));
    }
  }

  SimStore store(int shard) {
    return stores.get(shard);
  }

  List<SimStore> stores() {
    return stores;
  }

  /** Reads everything back. */
  void readAll(FinalReads reads) {
    for (int i = 0; i < stores.size(); i++) {
      reads.read(stores.get(i), opened.get(i));
    }
  }

  /** The shards with their machines, by number; none while the process is dead. */
  List<ReplicaShard> shards() {
    return shards;
  }

  /** The metadata says that the volume was deleted: its chunks go to the trash for good. */
  void trash(long volumeId) {
    trashed = volumeId;
    shards.forEach(shard -> shard.trashVolume(volumeId));
  }

  void start() {
    process.start();
    ledger = new SimPayload.Ledger();
    armedNanos = Long.MAX_VALUE;
    timers.clear();
    List<ReplicaShard> started = new ArrayList<>();
    opened = new ArrayList<>();
    refilled = new ArrayList<>();
    for (int i = 0; i < stores.size(); i++) {
      SimStore.Session session = stores.get(i).open(process, ledger);
      ReplicaShard shard =
          new ReplicaShard(
              SimCluster.CLUSTER_ID,
              nodeId,
              process.life(),
              i,
              stores.size(),
              session.store(),
              new Peers(),
              limits);
      shard.beganAnew(lost.get(i));
      session.start(shard);
      started.add(shard);
      opened.add(session.store());
      refilled.add(new Refilled(session.store(), lost.get(i)));
    }
    shards = started;
    out.forEach(shard -> withdraw(shard, true));
    if (trashed > 0) {
      trash(trashed);
    }
  }

  void kill(boolean powerLoss) {
    process.die();
    shards = List.of();
    refilled = List.of();
    cluster.network().processDied(process, powerLoss);
    if (powerLoss) {
      stores.forEach(SimStore::losePower);
    }
  }

  /** Empty devices are in the place of the shard's; the process is dead already. */
  void replace(int shard) {
    stores.get(shard).replace();
    lost.set(shard, new LostChunks(process.life() + 1L, cluster.chunkCounts()));
  }

  /** What shards have of the volume that began anew. */
  List<Query.Refill> refills(long volumeId) {
    List<Query.Refill> found = new ArrayList<>();
    for (int shard = 0; shard < refilled.size(); shard++) {
      Long chunks = refilled.get(shard).count(REFILLED_CHUNKS).get(volumeId);
      if (chunks != null) {
        found.add(new Query.Refill(shard, volumeId, chunks));
      }
    }
    return found;
  }

  /** What its heartbeats say of chunks whose catch-up did not end. */
  List<Query.Unfinished> unfinished(long volumeId) {
    List<Query.Unfinished> found = new ArrayList<>();
    for (ReplicaShard shard : shards) {
      for (ChunkName name : shard.unfinished().some(UNFINISHED_CHUNKS)) {
        if (name.volumeId() == volumeId) {
          found.add(new Query.Unfinished(volumeId, name.layer(), name.index()));
        }
      }
    }
    return found;
  }

  /** Whether the shard knows that it never held the chunk, when it has it not. */
  boolean isAbsent(int shard, ChunkRecord record) {
    Long before = lost.get(shard).chunks().get(record.volumeId());
    return before == null || record.chunksBefore() >= before;
  }

  /** A device of the shard does not return, or does again: nobody is connected meanwhile. */
  void withdraw(int shard, boolean hangs) {
    if (shard < shards.size()) {
      shards.get(shard).withdraw(hangs || out.contains(shard));
    }
  }

  /** A device of the shard failed, or is good again, with all that was on it. */
  void out(int shard, boolean failed) {
    if (failed) {
      out.add(shard);
    } else {
      out.remove(shard);
    }
    withdraw(shard, failed);
  }

  /** Shards whose devices failed. */
  Set<Integer> out() {
    return out;
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
      long armed = next;
      armedNanos = armed;
      if (!timers.add(armed)) {
        return;
      }
      SimWorld world = cluster.world();
      world.after(
          process,
          Math.max(0, next - world.nowNanos()),
          () -> {
            timers.remove(armed);
            // One that a nearer deadline replaced must not arm another.
            if (armedNanos != armed) {
              return;
            }
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
    private Tap tap;

    @Override
    public void onFrame(Link link, DirectBuffer header, int offset, int length, Payload payload) {
      if (shard == null) {
        int index = Request.helloShard(header, offset);
        shard = shards.get(index);
        tap = new Tap(link, stores.get(index).model());
        shard.onLinkOpen(tap);
      }
      tap.request(header, offset);
      shard.onFrame(tap, header, offset, length, payload, cluster.world().nowNanos());
    }

    @Override
    public void onClosed(Link link) {
      if (shard != null) {
        shard.onLinkClosed(tap);
      }
    }
  }

  /** Shows the oracles what the replica answers, and to what. */
  private static final class Tap implements Link {
    private final Link link;
    private final StoreModel model;
    private final Map<Long, Asked> asked = new TreeMap<>();

    private record Asked(StoreModel.Key key, long version) {}

    Tap(Link link, StoreModel model) {
      this.link = link;
      this.model = model;
    }

    void request(DirectBuffer header, int offset) {
      switch (Frame.type(header, offset)) {
        case MessageType.FENCE, MessageType.WRITE, MessageType.ZERO -> {
          StoreModel.Key key =
              new StoreModel.Key(
                  Request.volumeId(header, offset),
                  Request.layer(header, offset),
                  Request.index(header, offset));
          boolean fence = Frame.type(header, offset) == MessageType.FENCE;
          long version =
              fence ? Request.generation(header, offset) : Request.writeVersion(header, offset);
          asked.put(Frame.requestId(header, offset), new Asked(key, version));
        }
        default -> {}
      }
    }

    @Override
    public long id() {
      return link.id();
    }

    @Override
    public void send(DirectBuffer header, int offset, int length, Payload payload) {
      Asked request = asked.remove(Frame.requestId(header, offset));
      if (request != null && Frame.status(header, offset) == Status.OK.code()) {
        if (Frame.type(header, offset) == (MessageType.FENCE | MessageType.REPLY)) {
          model.fenceAnswered(request.key().volumeId(), request.version());
        } else {
          model.writeAnswered(request.key(), request.version());
        }
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
