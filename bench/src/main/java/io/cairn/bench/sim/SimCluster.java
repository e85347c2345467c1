package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.MetadataQueries;
import io.cairn.metadata.machine.Reach;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.agrona.DirectBuffer;

/** The nodes, gateways, metadata and network of one run, wired. */
final class SimCluster {
  static final long CLUSTER_ID = 0xCA14;
  static final int CHUNK_BYTES = 1 << 20;

  private static final long CAPACITY_BYTES = 1L << 40;
  static final String VOLUME = "vol";
  private static final long HEARTBEAT_NANOS = 300_000_000L;

  /** A volume that is deleted under its owner. */
  static final String DOOMED = "doomed";

  private final SimWorld world;
  private final SimRandom random;
  private final SimNetwork network;
  private final SimMetadata metadata;
  private final Losses losses = new Losses(this::record);
  private final List<SimNode> nodes = new ArrayList<>();
  private final List<SimGateway> gateways = new ArrayList<>();
  private final SimGateway doomedGateway;
  private final int shardCount;
  private final Knobs knobs;

  /** Nodes that the metadata takes for away for good. */
  private final Set<Long> away = new TreeSet<>();

  /** Shards that it takes for out of service for good. */
  private final Set<Reply.NodeShard> awayShards = new LinkedHashSet<>();

  /** What the metadata's leader wishes to be moved. */
  private final List<Supplier<List<Reply.WantedMove>>> wishes = new ArrayList<>();

  /** Hears of each copy of a block that was destroyed. */
  private BiConsumer<Integer, Integer> rots = (index, block) -> {};

  private final long volumeId;
  private final long doomedId;

  /** How large the cluster of a run is. */
  record Shape(
      int nodeCount,
      int shardCount,
      int replicas,
      int minInSync,
      int chunkCount,
      boolean realStores,
      Knobs knobs) {}

  /** What is the same on each real cluster, and smaller in some runs. */
  record Knobs(int compareBlocks, int mapPage, int answersMax) {
    private static final long SALT = 0x4B0B_0000_000AL;

    /** As the seed decides, from a source of its own. */
    static Knobs of(long seed) {
      SimRandom own = new SimRandom(seed ^ SALT);
      return new Knobs(
          own.oneIn(3) ? (int) own.between(20, 200) : Frame.VERSIONS_MAX,
          own.oneIn(3) ? 1 + own.below(8) : 1024,
          own.oneIn(3) ? 2 + own.below(3) : MetadataMachine.COMMANDS_UNDER_WAY_MAX);
    }
  }

  SimCluster(SimWorld world, SimRandom random, Shape shape) {
    this.world = world;
    this.random = random;
    this.shardCount = shape.shardCount();
    knobs = shape.knobs();
    int processCount = shape.nodeCount() + 3;
    network = new SimNetwork(world, random.split(), processCount);
    metadata =
        new SimMetadata(
            world,
            random.split(),
            this::candidates,
            this::acquired,
            this::proposed,
            this::couldBringBack,
            shape.knobs().answersMax());
    metadata.operate(new Command.InitCluster(CLUSTER_ID, Release.level()));
    for (int i = 0; i < shape.nodeCount(); i++) {
      Reply reply =
          metadata.operate(
              new Command.RegisterNode(
                  CLUSTER_ID,
                  7,
                  i + 1L,
                  "n" + i,
                  "n" + i,
                  i + 1,
                  "z",
                  "r",
                  "h" + i,
                  CAPACITY_BYTES,
                  shardCount,
                  1));
      long id = ((Reply.NodeRegistered) reply).nodeId();
      SimNode node = new SimNode(this, new SimProcess("n" + id, i), id, shape);
      nodes.add(node);
      node.start();
    }
    volumeId = create(VOLUME, shape.chunkCount(), shape);
    losses.volume(volumeId);
    doomedId = create(DOOMED, 1, shape);
    for (int i = 0; i < 2; i++) {
      gateways.add(gateway(i, VOLUME));
    }
    doomedGateway = gateway(2, DOOMED);
  }

  private SimGateway gateway(int number, String volume) {
    return new SimGateway(this, new SimProcess("g" + (number + 1), nodes.size() + number), volume);
  }

  private long create(String name, int chunkCount, Shape shape) {
    Reply created =
        metadata.operate(
            new Command.CreateVolume(
                name,
                (long) chunkCount * CHUNK_BYTES,
                CHUNK_BYTES,
                shape.replicas(),
                shape.minInSync(),
                Durability.FLUSH));
    return ((Reply.Volume) created).volume().volumeId();
  }

  Knobs knobs() {
    return knobs;
  }

  private void acquired(VolumeRecord volume) {
    if (volume.volumeId() == volumeId) {
      losses.acquired(volume.generation());
    }
  }

  /**
   * A replica is proposed for the in-sync set only when its catch-up has ended (I6). What an owner
   * proposed that was replaced since is refused: the next one may have begun another catch-up.
   */
  private void proposed(Command.UpdateReplicas update) {
    VolumeRecord volume = metadata.machine().state().volume(update.volumeId());
    if (volume == null || volume.generation() != update.generation()) {
      return;
    }
    for (Command.UpdateReplicas.Change change : update.changes()) {
      ChunkRecord record =
          metadata.machine().state().chunk(update.volumeId(), change.layer(), change.index());
      if (change.state() == ReplicaState.IN_SYNC
          && record != null
          && record.epoch() == change.expectedEpoch()) {
        int shard = Shards.shardOf(update.volumeId(), change.layer(), change.index(), shardCount);
        StoreModel.Chunk chunk =
            node(change.nodeId())
                .store(shard)
                .model()
                .chunk(update.volumeId(), change.layer(), change.index());
        if (chunk != null && chunk.syncing()) {
          throw new InvariantViolation("I6", "proposed before its catch-up has ended: " + change);
        }
      }
    }
  }

  SimWorld world() {
    return world;
  }

  SimRandom random() {
    return random;
  }

  SimNetwork network() {
    return network;
  }

  SimMetadata metadata() {
    return metadata;
  }

  List<SimNode> nodes() {
    return nodes;
  }

  List<SimGateway> gateways() {
    return gateways;
  }

  /** The owner of the volume that is going to be deleted. */
  SimGateway doomedGateway() {
    return doomedGateway;
  }

  long doomedId() {
    return doomedId;
  }

  Losses losses() {
    return losses;
  }

  Set<Long> away() {
    return away;
  }

  Set<Reply.NodeShard> awayShards() {
    return awayShards;
  }

  /** The node's shards that the metadata takes for out of service for good. */
  List<Integer> awayShards(long nodeId) {
    return awayShards.stream()
        .filter(s -> s.nodeId() == nodeId)
        .map(Reply.NodeShard::shard)
        .toList();
  }

  /** Whether the chunk's shard on the node has a device that failed. */
  boolean isOut(ChunkRecord chunk, long nodeId) {
    return node(nodeId)
        .out()
        .contains(Shards.shardOf(chunk.volumeId(), chunk.layer(), chunk.index(), shardCount));
  }

  /** Says what the metadata's leader wishes to be moved as well, asked for with each heartbeat. */
  void wishes(Supplier<List<Reply.WantedMove>> moves) {
    wishes.add(moves);
  }

  private List<Reply.WantedMove> wishes() {
    List<Reply.WantedMove> all = new ArrayList<>();
    wishes.forEach(moves -> all.addAll(moves.get()));
    return all;
  }

  /** Whether the node's replicas are to be placed anew. */
  boolean isLeaving(long nodeId) {
    NodeRecord node = metadata.machine().state().node(nodeId);
    return away.contains(nodeId) || node == null || node.departure() != null;
  }

  /** Gateways hear of the nodes, as heartbeats tell them. */
  void tellGateways() {
    for (SimGateway gateway : gateways) {
      gateway.onNodes(
          metadata.machine().state().nodes(),
          List.copyOf(away),
          List.copyOf(awayShards),
          volume(),
          wishes());
    }
    doomedGateway.onNodes(
        metadata.machine().state().nodes(),
        List.copyOf(away),
        List.copyOf(awayShards),
        metadata.machine().state().volume(doomedId),
        wishes());
    world.after(HEARTBEAT_NANOS, this::tellGateways);
  }

  SimNode node(long nodeId) {
    return nodes.stream().filter(n -> n.nodeId == nodeId).findFirst().orElseThrow();
  }

  /** Every chunk on record, also of the volume that is deleted under its owner. */
  List<ChunkRecord> allRecords() {
    List<ChunkRecord> records = new ArrayList<>();
    for (VolumeRecord each : metadata.machine().state().volumes()) {
      records.addAll(metadata.machine().state().chunks(each.volumeId(), 0, 0, Integer.MAX_VALUE));
    }
    return records;
  }

  VolumeRecord volume() {
    return metadata.machine().state().volume(volumeId);
  }

  ChunkRecord record(int index) {
    return metadata.machine().state().chunk(volumeId, 0, index);
  }

  /** The chunk as a node's store has it, or null. */
  StoreModel.Chunk chunk(long nodeId, int index) {
    return storeOf(nodeId, index).model().chunk(volumeId, 0, index);
  }

  SimStore storeOf(long nodeId, int index) {
    return node(nodeId).store(Shards.shardOf(volumeId, 0, index, shardCount));
  }

  /** How many chunks each volume has had, by volume. */
  Map<Long, Long> chunkCounts() {
    Map<Long, Long> counts = new TreeMap<>();
    Reply reply = MetadataQueries.chunkCounts(metadata.machine().state());
    ((Reply.ChunkCounts) reply).volumes().forEach(one -> counts.put(one.volumeId(), one.chunks()));
    return counts;
  }

  /** Whether the node's store has the chunk, and not in part. */
  private boolean hasWhole(long nodeId, ChunkRecord record) {
    int shard = shardOf(record);
    StoreModel.Chunk chunk =
        node(nodeId).store(shard).model().chunk(record.volumeId(), record.layer(), record.index());
    return chunk != null && !chunk.syncing();
  }

  /** Whether what the node has of the chunk is neither short nor on a device that is gone. */
  private boolean couldBringBack(long nodeId, ChunkRecord record) {
    return hasWhole(nodeId, record)
        && !awayShards.contains(new Reply.NodeShard(nodeId, shardOf(record)));
  }

  /** Capacity of the node without the devices of shards that are out of service. */
  long servingBytes(long nodeId) {
    return CAPACITY_BYTES / shardCount * (shardCount - node(nodeId).out().size());
  }

  /** What the metadata's leader believes of nodes and shards. */
  Reach reach() {
    return new Reach() {
      @Override
      public boolean isUp(long nodeId) {
        return node(nodeId).process.isUp();
      }

      @Override
      public List<Integer> shardsOut(long nodeId) {
        return List.copyOf(node(nodeId).out());
      }

      @Override
      public List<Integer> shardsAway(long nodeId) {
        return awayShards(nodeId);
      }
    };
  }

  /** The number of the chunk's shard on every node. */
  int shardOf(ChunkRecord record) {
    return Shards.shardOf(record.volumeId(), record.layer(), record.index(), shardCount);
  }

  /** Whether the node's store has the chunk, not in part, or knows that it never had it. */
  boolean hasOrNeverHad(long nodeId, ChunkRecord record) {
    int shard = shardOf(record);
    return hasWhole(nodeId, record)
        || chunk(nodeId, record.index()) == null && node(nodeId).isAbsent(shard, record);
  }

  /** Whether the node has all of the chunk, or knows that there is nothing of it. */
  boolean holds(SimNode node, ChunkRecord record) {
    int shard = shardOf(record);
    if (node.out().contains(shard)) {
      return false;
    }
    SimStore store = node.store(shard);
    StoreModel.Chunk chunk = store.model().chunk(record.volumeId(), record.layer(), record.index());
    if (chunk == null) {
      return node.isAbsent(shard, record);
    }
    boolean sound = !chunk.syncing();
    for (int block = 0; block < chunk.sizeBlocks(); block++) {
      // What nobody can read is not to be had from others either.
      sound &= store.isSound(chunk, block) || !SimUnreadable.isReadable(this, record, block);
    }
    return sound;
  }

  /** Destroys a node's copy of a block; false when that cannot be done now. */
  boolean rot(long nodeId, int index, int block) {
    boolean done = storeOf(nodeId, index).rot(chunk(nodeId, index), block);
    if (done) {
      world.log("n" + nodeId + ": block " + block + " of chunk " + index + " rots");
      rots.accept(index, block);
    }
    return done;
  }

  /** Hears of each copy that was destroyed: the chunk's index, and the block. */
  void onRot(BiConsumer<Integer, Integer> listener) {
    rots = listener;
  }

  /** Whether others in sync hold all that the node's shard is to hold. */
  boolean isHeldElsewhere(SimNode node, int shard, Set<SimNode> gone) {
    for (ChunkRecord record : allRecords()) {
      boolean here =
          shard == shardOf(record)
              && record.replicas().stream().anyMatch(r -> r.nodeId() == node.nodeId);
      long others =
          record.replicas().stream()
              .filter(r -> r.state() == ReplicaState.IN_SYNC && r.nodeId() != node.nodeId)
              .filter(r -> !gone.contains(node(r.nodeId())) && holds(node(r.nodeId()), record))
              .count();
      if (here && others < volume().minInSync()) {
        return false;
      }
    }
    return true;
  }

  List<Candidate> candidates() {
    return nodes.stream().filter(node -> node.process.isUp()).map(SimCluster::candidate).toList();
  }

  private static Candidate candidate(SimNode node) {
    return new Candidate(
        node.nodeId, "z", "r", "h" + node.nodeId, CAPACITY_BYTES, List.copyOf(node.out()));
  }

  void arm() {
    nodes.forEach(SimNode::arm);
    gateways.forEach(SimGateway::arm);
    doomedGateway.arm();
  }

  void dial(SimProcess from, SimPayload.Ledger ledger, int port, Dialer.Handler handler) {
    network.connect(
        from,
        ledger,
        nodes.get(port - 1),
        new SimNetwork.Connecting() {
          @Override
          public SimNetwork.Handler connected(Link link) {
            handler.onOpen(link, world.nowNanos());
            return new SimNetwork.Handler() {
              @Override
              public void onFrame(
                  Link ignored, DirectBuffer header, int offset, int length, Payload payload) {
                handler.onFrame(header, offset, length, payload, world.nowNanos());
              }

              @Override
              public void onClosed(Link ignored) {
                handler.onClosed(world.nowNanos());
              }
            };
          }

          @Override
          public void refused() {
            handler.onRefused(world.nowNanos());
          }

          @Override
          public void failed() {
            handler.onClosed(world.nowNanos());
          }
        });
  }
}
