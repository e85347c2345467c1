package io.cairn.storage.replication;

import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.RequestGate;
import io.cairn.storage.wire.Shards;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import org.agrona.DirectBuffer;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One shard's side of the replication protocol: checks who asks (I1), keeps sequences dense (I5),
 * answers durable requests when they are durable (I7), and lets nothing be read from a replica that
 * lacks blocks (I4). Single-threaded on the shard's loop; time comes in as an argument.
 *
 * <p>Of each request these are checked, in this order: the frame (a bad one ends its link), the
 * receiver (cluster, node, shard), the generation against the volume's fence, the range, and then
 * what the operation itself demands.
 */
public final class ReplicaShard implements ShardStore.Listener {
  private static final int CHUNK_BLOCKS_MIN = 16;
  private static final int CHUNK_BLOCKS_MAX = (1 << 30) / Frame.BLOCK_BYTES;

  private final long clusterId;
  private final long nodeId;
  private final long incarnation;
  private final int shardIndex;
  private final int shardCount;
  private final ShardStore store;
  private final PeerLinks peers;
  private final ReplicaLimits limits;
  private final ReplicaCounters counters = new ReplicaCounters();

  private final Long2ObjectHashMap<ClientLink> links = new Long2ObjectHashMap<>();
  private final PriorityQueue<DurableWait> waits = new PriorityQueue<>();
  private final ClientLink.Backlog backlog = new ClientLink.Backlog();
  private final Map<ChunkKey, CatchUp> catchUps = new LinkedHashMap<>();
  private final Crc32c crc = new Crc32c();
  private final Reply reply = new Reply();
  private final UnsafeBuffer out = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
  private CatchUpObserver observer = CatchUpObserver.NONE;
  private long waitOrder;
  private long nowNanos;
  private String failure;
  private boolean stopping;

  /** Names a chunk; the shard's maps are keyed by it. */
  record ChunkKey(long volumeId, int layer, int index) {}

  /** An answer that waits for the journal to be durable. */
  private record DurableWait(
      long lsn,
      long order,
      ClientLink link,
      int type,
      long requestId,
      long lastVersion,
      long detail)
      implements Comparable<DurableWait> {
    @Override
    public int compareTo(DurableWait other) {
      int byLsn = Long.compare(lsn, other.lsn);
      return byLsn != 0 ? byLsn : Long.compare(order, other.order);
    }
  }

  /**
   * A shard over its recovered store.
   *
   * @param incarnation number of the process's life; higher than any before.
   */
  public ReplicaShard(
      long clusterId,
      long nodeId,
      long incarnation,
      int shardIndex,
      int shardCount,
      ShardStore store,
      PeerLinks peers,
      ReplicaLimits limits) {
    this.clusterId = clusterId;
    this.nodeId = nodeId;
    this.incarnation = incarnation;
    this.shardIndex = shardIndex;
    this.shardCount = shardCount;
    this.store = store;
    this.peers = peers;
    this.limits = limits;
  }

  /** Tells somebody of each catch-up from now on. */
  public void observeCatchUps(CatchUpObserver catchUpObserver) {
    observer = catchUpObserver;
  }

  /** Links that are open. */
  public int linkCount() {
    return links.size();
  }

  /** Catch-ups that are under way. */
  public int catchUpCount() {
    return catchUps.size();
  }

  /** What the shard has done. */
  public ReplicaCounters counters() {
    return counters;
  }

  /** Why the shard accepts nothing, or null. */
  public String failure() {
    return failure;
  }

  /** A link was accepted. */
  public void onLinkOpen(Link link) {
    if (links.size() >= limits.linksMax()) {
      link.close();
      return;
    }
    links.put(link.id(), new ClientLink(link, limits, backlog));
  }

  /** A link is gone; nothing that it still has queued takes effect. */
  public void onLinkClosed(Link link) {
    ClientLink client = links.remove(link.id());
    if (client != null) {
      client.die();
      resumeWaiting();
    }
  }

  /**
   * Whether the shard has room for another request of the link; {@link Link#resume} follows when it
   * said no.
   */
  public boolean takesMore(Link link) {
    ClientLink client = links.get(link.id());
    return client == null || client.takesMore();
  }

  /** The process is about to stop: refuse what comes, with a status that says to try again. */
  public void stop() {
    stopping = true;
  }

  /**
   * One frame whose prefix and header checksum are good.
   *
   * @param payload the bytes behind the header, or null; borrowed.
   */
  public void onFrame(
      Link link, DirectBuffer header, int offset, int headerLength, Payload payload, long now) {
    nowNanos = now;
    ClientLink client = links.get(link.id());
    if (client == null || client.dead) {
      return;
    }
    String problem = RequestGate.problem(header, offset);
    int type = Frame.type(header, offset);
    if (problem == null && !client.greeted && type != MessageType.HELLO) {
      problem = MessageType.name(type) + " before HELLO";
    }
    if (problem == null
        && (payload == null ? 0 : payload.length()) != payloadLength(header, offset)) {
      problem = "payload is not of the length that the header says";
    }
    if (problem != null) {
      counters.badFrames++;
      drop(client);
      return;
    }
    counters.request(type);
    if (client.hasParked() && keepsOrder(type)) {
      park(client, header, offset, headerLength, payload);
      return;
    }
    if (!execute(client, type, header, offset, payload)) {
      park(client, header, offset, headerLength, payload);
    }
  }

  private static int payloadLength(DirectBuffer header, int offset) {
    return Frame.frameLength(header, offset) - Frame.headerLength(header, offset);
  }

  private static boolean keepsOrder(int type) {
    return switch (type) {
      case MessageType.WRITE,
          MessageType.ZERO,
          MessageType.CREATE,
          MessageType.FENCE,
          MessageType.OPEN,
          MessageType.CATCH_UP ->
          true;
      default -> false;
    };
  }

  private void drop(ClientLink client) {
    links.remove(client.link.id());
    client.die();
    client.link.close();
    resumeWaiting();
  }

  private void park(
      ClientLink client, DirectBuffer header, int offset, int headerLength, Payload payload) {
    if (!client.park(header, offset, headerLength, payload)) {
      counters.badFrames++;
      drop(client);
    }
  }

  @Override
  public void onRoom() {
    for (ClientLink client : List.copyOf(links.values())) {
      unpark(client);
    }
    resumeWaiting();
    for (CatchUp catchUp : List.copyOf(catchUps.values())) {
      catchUp.onRoom(nowNanos);
    }
  }

  /** Links that were told to wait for others' parked requests are read again. */
  private void resumeWaiting() {
    if (backlog.someWait && backlog.parkedBytes < limits.parkedBytesMax()) {
      backlog.someWait = false;
      links.values().forEach(client -> client.link.resume());
    }
  }

  private void unpark(ClientLink client) {
    while (!client.dead && client.hasParked()) {
      ClientLink.Parked request = client.firstParked();
      int type = Frame.type(request.header(), 0);
      if (!execute(client, type, request.header(), 0, request.payload())) {
        return;
      }
      if (client.dead) {
        return;
      }
      client.unpark();
    }
  }

  /** Executes one request; false when the journal has no room for it and it must wait. */
  private boolean execute(ClientLink client, int type, DirectBuffer b, int o, Payload payload) {
    if (type == MessageType.HELLO) {
      hello(client, b, o);
      return true;
    }
    long id = Frame.requestId(b, o);
    Status identity = identityProblem(b, o);
    if (identity != null) {
      return refuse(client, type, id, identity, 0, 0);
    }
    if (failure != null) {
      return refuse(client, type, id, Status.DEVICE_FAILED, 0, 0);
    }
    if (stopping) {
      return refuse(client, type, id, Status.SHUTTING_DOWN, 0, 0);
    }
    long volume = Request.volumeId(b, o);
    if (type == MessageType.SYNC) {
      return sync(client, id, Request.syncLsn(b, o));
    }
    if (type == MessageType.PING && volume == 0) {
      return ok(client, type, id, 0, 0);
    }
    if (type == MessageType.FENCE) {
      return fence(client, id, volume, Request.generation(b, o));
    }
    Status fenced = generationProblem(volume, Request.generation(b, o));
    if (fenced != null) {
      return refuse(client, type, id, fenced, 0, store.fence(volume));
    }
    if (type == MessageType.PING) {
      return ok(client, type, id, 0, 0);
    }
    int layer = Request.layer(b, o);
    int index = Request.index(b, o);
    if (index < 0 || Shards.shardOf(volume, layer, index, shardCount) != shardIndex) {
      return refuse(client, type, id, Status.WRONG_SHARD, 0, shardCount);
    }
    ChunkEntry chunk = store.find(volume, layer, index);
    if (type == MessageType.CREATE) {
      return create(client, id, b, o, chunk);
    }
    if (type == MessageType.OPEN) {
      open(client, id, chunk);
      return true;
    }
    if (chunk == null) {
      return refuse(client, type, id, Status.ABSENT, 0, 0);
    }
    return switch (type) {
      case MessageType.WRITE, MessageType.ZERO -> write(client, type, id, b, o, payload, chunk);
      case MessageType.READ -> read(client, id, b, o, chunk);
      case MessageType.VERSIONS -> versions(client, id, b, o, chunk);
      case MessageType.EXTENTS -> extents(client, id, b, o, chunk);
      case MessageType.CATCH_UP -> catchUp(client, id, b, o, chunk);
      default -> refuse(client, type, id, Status.INVALID, 0, type);
    };
  }

  private Status identityProblem(DirectBuffer b, int o) {
    if (Request.clusterId(b, o) != clusterId) {
      return Status.WRONG_CLUSTER;
    }
    return Request.nodeId(b, o) != nodeId ? Status.WRONG_NODE : null;
  }

  private Status generationProblem(long volume, long generation) {
    long fence = store.fence(volume);
    if (generation == fence && generation > 0) {
      return null;
    }
    return generation < fence ? Status.STALE_GENERATION : Status.NOT_FENCED;
  }

  private void hello(ClientLink client, DirectBuffer b, int o) {
    long id = Frame.requestId(b, o);
    Status problem = identityProblem(b, o);
    if (problem == null && Request.helloShard(b, o) != shardIndex) {
      problem = Status.WRONG_SHARD;
    }
    if (problem == null
        && (Request.helloMinVersion(b, o) > Frame.VERSION
            || Request.helloMaxVersion(b, o) < Frame.VERSION)) {
      problem = Status.UNSUPPORTED_VERSION;
    }
    if (problem != null) {
      refuse(client, MessageType.HELLO, id, problem, 0, 0);
      drop(client);
      return;
    }
    long clientId = Request.helloClient(b, o);
    long connection = Request.helloConnection(b, o);
    for (ClientLink other : List.copyOf(links.values())) {
      if (other != client && other.greeted && other.clientId == clientId) {
        if (other.connectionNumber >= connection) {
          drop(client);
          return;
        }
        drop(other);
      }
    }
    client.greeted = true;
    client.clientId = clientId;
    client.connectionNumber = connection;
    int length =
        reply.hello(
            out, 0, id, store.appendedLsn(), store.durableLsn(), nodeId, incarnation, shardCount);
    send(client, length, null);
  }

  private boolean fence(ClientLink client, long id, long volume, long generation) {
    long known = store.fence(volume);
    if (volume <= 0 || generation < 1 || generation > Version.GENERATION_MAX) {
      return refuse(client, MessageType.FENCE, id, Status.INVALID, 0, generation);
    }
    if (generation < known) {
      return refuse(client, MessageType.FENCE, id, Status.STALE_GENERATION, 0, known);
    }
    if (generation > known) {
      if (!store.hasRoom(0)) {
        return false;
      }
      store.appendFence(volume, generation);
      abortOlderCatchUps(volume, generation);
    }
    // An equal one may have been appended a moment ago: it too is answered only when durable.
    whenDurable(client, MessageType.FENCE, id, store.appendedLsn(), 0, generation);
    return true;
  }

  /** The volume was deleted: its chunks go to the trash, and nothing takes their place (I9). */
  public void trashVolume(long volumeId) {
    // First: a catch-up that went on would write to what is gone.
    abortOlderCatchUps(volumeId, Long.MAX_VALUE);
    store.trashVolume(volumeId);
  }

  private void abortOlderCatchUps(long volume, long generation) {
    for (Map.Entry<ChunkKey, CatchUp> entry : List.copyOf(catchUps.entrySet())) {
      if (entry.getKey().volumeId() == volume && entry.getValue().generation() < generation) {
        entry.getValue().abort(Status.STALE_GENERATION);
      }
    }
  }

  private boolean create(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    int sizeBlocks = Request.createSizeBlocks(b, o);
    if (chunk != null) {
      return chunk.lastVersion() == 0 && !chunk.syncing() && chunk.sizeBlocks() == sizeBlocks
          ? ok(client, MessageType.CREATE, id, 0, 0)
          : refuse(
              client,
              MessageType.CREATE,
              id,
              Status.EXISTS,
              chunk.lastVersion(),
              chunk.lastVersion());
    }
    if (sizeBlocks < CHUNK_BLOCKS_MIN || sizeBlocks > CHUNK_BLOCKS_MAX) {
      return refuse(client, MessageType.CREATE, id, Status.INVALID, 0, sizeBlocks);
    }
    if (!store.hasRoom(0)) {
      return store.isFull() && refuse(client, MessageType.CREATE, id, Status.NO_SPACE, 0, 0);
    }
    ChunkEntry made =
        store.create(Request.volumeId(b, o), Request.layer(b, o), Request.index(b, o), sizeBlocks);
    if (made == null) {
      return refuse(client, MessageType.CREATE, id, Status.NO_SPACE, 0, 0);
    }
    client.ackedLsn = store.appendedLsn();
    return ok(client, MessageType.CREATE, id, 0, 0);
  }

  private void open(ClientLink client, long id, ChunkEntry chunk) {
    int state = Reply.STATE_ABSENT;
    if (chunk != null) {
      state = chunk.syncing() ? Reply.STATE_SYNCING : Reply.STATE_COMPLETE;
    }
    int length =
        reply.open(
            out,
            0,
            id,
            store.appendedLsn(),
            store.durableLsn(),
            chunk == null ? 0 : chunk.lastVersion(),
            state,
            chunk == null ? 0 : chunk.sizeBlocks());
    send(client, length, null);
  }

  private boolean write(
      ClientLink client,
      int type,
      long id,
      DirectBuffer b,
      int o,
      Payload payload,
      ChunkEntry chunk) {
    long version = Request.writeVersion(b, o);
    int block = Request.writeBlock(b, o);
    int count = Request.writeCount(b, o);
    long last = chunk.lastVersion();
    if (RequestGate.rangeProblem(block, count, chunk.sizeBlocks()) != null
        || Version.generation(version) != Request.generation(b, o)) {
      return refuse(client, type, id, Status.INVALID, last, version);
    }
    boolean durable = (Frame.flags(b, o) & Frame.FLAG_DURABLE) != 0;
    long sequence = Version.sequence(version);
    if (sequence == 0) {
      return refuse(client, type, id, Status.INVALID, last, version);
    }
    long expected = Version.sequence(last) + 1;
    if (sequence < expected && Version.generation(last) == Version.generation(version)) {
      // Within one generation a sequence has one content: this is a resend of what is here.
      return written(client, type, id, durable, last);
    }
    if (sequence != expected) {
      // Also a lower sequence after another generation's: our tail is not this owner's.
      return refuse(client, type, id, Status.GAP, last, last);
    }
    if (type == MessageType.WRITE && !payloadIsIntact(b, o, payload, count)) {
      return refuse(client, type, id, Status.CORRUPT, last, block);
    }
    if (!store.hasRoom(payload == null ? 0 : payload.length())) {
      // With a full device this replica would hold the others up for ever: better without it.
      return store.isFull() && refuse(client, type, id, Status.NO_SPACE, last, block);
    }
    if (!store.isLoaded(chunk, block, count)) {
      return false;
    }
    if (type == MessageType.WRITE) {
      store.appendWrite(
          chunk,
          version,
          block,
          count,
          b,
          o + Request.crcsOffset(),
          payload.buffer(),
          payload.offset());
      counters.writtenBytes += payload.length();
    } else {
      store.appendZero(chunk, version, block, count, (Frame.flags(b, o) & Frame.FLAG_NO_HOLE) != 0);
    }
    written(client, type, id, durable, version);
    if (chunk.syncing()) {
      CatchUp catchUp = catchUps.get(new ChunkKey(chunk.volumeId(), chunk.layer(), chunk.index()));
      if (catchUp != null) {
        catchUp.onWritten(nowNanos);
      }
    }
    return true;
  }

  private boolean payloadIsIntact(DirectBuffer b, int o, Payload payload, int count) {
    for (int i = 0; i < count; i++) {
      int computed =
          crc.of(payload.buffer(), payload.offset() + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      int stated = b.getInt(o + Request.crcsOffset() + 4 * i, ByteOrder.LITTLE_ENDIAN);
      if (computed != stated) {
        return false;
      }
    }
    return true;
  }

  private boolean written(ClientLink client, int type, long id, boolean durable, long version) {
    client.ackedLsn = store.appendedLsn();
    if (durable) {
      whenDurable(client, type, id, store.appendedLsn(), version, 0);
      return true;
    }
    return ok(client, type, id, version, 0);
  }

  private boolean read(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    int block = Request.rangeBlock(b, o);
    int count = Request.rangeCount(b, o);
    long generation = Request.generation(b, o);
    Status problem = readProblem(chunk, block, count);
    if (problem != null) {
      return refuse(client, MessageType.READ, id, problem, chunk.lastVersion(), 0);
    }
    boolean withVersions = (Frame.flags(b, o) & Frame.FLAG_WITH_VERSIONS) != 0;
    int bytes = count * Frame.BLOCK_BYTES;
    client.readBegun(bytes);
    store.read(
        chunk,
        block,
        count,
        new ShardStore.ReadSink() {
          @Override
          public void onBlocks(int[] crcs, long[] versions, Payload payload) {
            client.readEnded(bytes);
            if (answerable(client, MessageType.READ, id, chunk, generation)) {
              int length =
                  reply.read(
                      out,
                      0,
                      id,
                      store.appendedLsn(),
                      store.durableLsn(),
                      chunk.lastVersion(),
                      block,
                      count,
                      crcs,
                      withVersions ? versions : null);
              counters.readBytes += payload.length();
              send(client, length, payload);
            }
          }

          @Override
          public void onUnreadable(int bad, String reason) {
            client.readEnded(bytes);
            if (answerable(client, MessageType.READ, id, chunk, generation)) {
              refuse(client, MessageType.READ, id, Status.UNREADABLE, chunk.lastVersion(), bad);
            }
          }
        });
    return true;
  }

  private static Status readProblem(ChunkEntry chunk, int block, int count) {
    if (RequestGate.rangeProblem(block, count, chunk.sizeBlocks()) != null) {
      return Status.INVALID;
    }
    return chunk.syncing() ? Status.SYNCING : null;
  }

  /** A read that took its time: the fence, and the replica's state, count when it is answered. */
  private boolean answerable(
      ClientLink client, int type, long id, ChunkEntry chunk, long generation) {
    if (client.dead) {
      return false;
    }
    Status problem = generationProblem(chunk.volumeId(), generation);
    if (problem == null && chunk.syncing()) {
      problem = Status.SYNCING;
    }
    if (problem != null) {
      refuse(client, type, id, problem, chunk.lastVersion(), store.fence(chunk.volumeId()));
    }
    return problem == null;
  }

  private boolean versions(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    int block = Request.rangeBlock(b, o);
    int count = Request.rangeCount(b, o);
    long generation = Request.generation(b, o);
    Status problem = readProblem(chunk, block, count);
    if (problem == null && chunk.lastVersion() < Request.versionsMinLast(b, o)) {
      problem = Status.BEHIND;
    }
    if (problem != null) {
      return refuse(
          client, MessageType.VERSIONS, id, problem, chunk.lastVersion(), chunk.lastVersion());
    }
    store.readVersions(
        chunk,
        block,
        count,
        new ListSink(client, MessageType.VERSIONS, id, chunk, generation) {
          @Override
          int encode(LongArrayList values) {
            for (int i = 0; i < count; i++) {
              Reply.putItem(out, 0, i, values.getLong(i));
            }
            return reply.versions(
                out,
                0,
                id,
                store.appendedLsn(),
                store.durableLsn(),
                chunk.lastVersion(),
                block,
                count);
          }
        });
    return true;
  }

  private boolean extents(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    int block = Request.rangeBlock(b, o);
    int count = Request.rangeCount(b, o);
    Status problem = readProblem(chunk, block, count);
    if (problem != null) {
      return refuse(client, MessageType.EXTENTS, id, problem, chunk.lastVersion(), 0);
    }
    store.readExtents(
        chunk,
        block,
        count,
        new ListSink(client, MessageType.EXTENTS, id, chunk, Request.generation(b, o)) {
          @Override
          int encode(LongArrayList values) {
            int extentCount = values.size() / 3;
            for (int i = 0; i < extentCount; i++) {
              Reply.putExtent(
                  out,
                  0,
                  i,
                  (int) values.getLong(3 * i),
                  (int) values.getLong(3 * i + 1),
                  (int) values.getLong(3 * i + 2));
            }
            return reply.extents(
                out,
                0,
                id,
                store.appendedLsn(),
                store.durableLsn(),
                chunk.lastVersion(),
                extentCount);
          }
        });
    return true;
  }

  /** Answers a request for a list once the store has it. */
  private abstract class ListSink implements ShardStore.VersionsSink {
    private final ClientLink client;
    private final int type;
    private final long id;
    private final ChunkEntry chunk;
    private final long generation;

    ListSink(ClientLink client, int type, long id, ChunkEntry chunk, long generation) {
      this.client = client;
      this.type = type;
      this.id = id;
      this.chunk = chunk;
      this.generation = generation;
    }

    abstract int encode(LongArrayList values);

    @Override
    public final void onVersions(LongArrayList values) {
      if (answerable(client, type, id, chunk, generation)) {
        send(client, encode(values), null);
      }
    }

    @Override
    public final void onUnreadable(int block, String reason) {
      if (answerable(client, type, id, chunk, generation)) {
        refuse(client, type, id, Status.UNREADABLE, chunk.lastVersion(), block);
      }
    }
  }

  private boolean sync(ClientLink client, long id, long lsn) {
    if (lsn < 0 || lsn > store.appendedLsn()) {
      return refuse(client, MessageType.SYNC, id, Status.INVALID, 0, store.appendedLsn());
    }
    whenDurable(client, MessageType.SYNC, id, lsn, 0, 0);
    return true;
  }

  private boolean catchUp(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    long base = Request.catchUpBase(b, o);
    long generation = Request.generation(b, o);
    long attempt = Request.catchUpAttempt(b, o);
    ChunkKey key = new ChunkKey(chunk.volumeId(), chunk.layer(), chunk.index());
    CatchUp running = catchUps.get(key);
    if (running != null && running.generation() == generation && running.attempt() >= attempt) {
      return refuse(
          client, MessageType.CATCH_UP, id, Status.STALE_ATTEMPT, chunk.lastVersion(), attempt);
    }
    if (Request.catchUpSource(b, o) == nodeId
        || Request.catchUpSizeBlocks(b, o) != chunk.sizeBlocks()
        || base < 0
        || Version.generation(base) > generation) {
      return refuse(client, MessageType.CATCH_UP, id, Status.INVALID, chunk.lastVersion(), base);
    }
    if (!chunk.syncing() && chunk.lastVersion() == base) {
      // Equal last versions mean equal prefixes: nothing is missing.
      whenDurable(client, MessageType.CATCH_UP, id, store.appendedLsn(), base, 0);
      return true;
    }
    if (!store.hasRoom(0)) {
      return store.isFull()
          && refuse(client, MessageType.CATCH_UP, id, Status.NO_SPACE, chunk.lastVersion(), base);
    }
    if (running != null) {
      running.abort(Status.STALE_ATTEMPT);
    }
    store.appendSyncBegin(chunk, generation, base);
    CatchUp begun =
        new CatchUp(
            new CatchUp.Task(
                clusterId,
                nodeId,
                incarnation,
                Request.catchUpSource(b, o),
                Request.catchUpHost(b, o),
                Request.catchUpPort(b, o),
                generation,
                attempt,
                base),
            chunk,
            store,
            peers,
            limits,
            (ended, status) -> catchUpEnded(client, id, key, ended, status));
    catchUps.put(key, begun);
    observer.onBegun(chunk.volumeId(), chunk.layer(), chunk.index(), begun.sourceNodeId());
    begun.start(nowNanos);
    return true;
  }

  private void catchUpEnded(
      ClientLink client, long id, ChunkKey key, CatchUp ended, Status status) {
    catchUps.remove(key, ended);
    counters.catchUpBlocks += ended.copiedBlocks();
    observer.onEnded(
        key.volumeId(),
        key.layer(),
        key.index(),
        ended.sourceNodeId(),
        status,
        ended.copiedBlocks(),
        ended.sizeBlocks());
    if (status == Status.OK) {
      counters.catchUps++;
      whenDurable(
          client,
          MessageType.CATCH_UP,
          id,
          store.appendedLsn(),
          ended.base(),
          ended.copiedBlocks());
    } else {
      counters.catchUpFailures++;
      if (!client.dead) {
        refuse(client, MessageType.CATCH_UP, id, status, 0, ended.copiedBlocks());
      }
    }
  }

  private void whenDurable(
      ClientLink client, int type, long id, long lsn, long lastVersion, long detail) {
    if (store.durableLsn() >= lsn) {
      if (!client.dead) {
        ok(client, type, id, lastVersion, detail);
      }
      return;
    }
    waits.add(new DurableWait(lsn, waitOrder++, client, type, id, lastVersion, detail));
    store.requestSync(lsn);
  }

  @Override
  public void onDurable(long durableLsn) {
    while (!waits.isEmpty() && waits.peek().lsn() <= durableLsn) {
      DurableWait wait = waits.remove();
      if (!wait.link().dead) {
        ok(wait.link(), wait.type(), wait.requestId(), wait.lastVersion(), wait.detail());
      }
    }
    // A copy: a send may close its link, which takes it out of the map.
    for (ClientLink client : List.copyOf(links.values())) {
      if (!client.dead && client.greeted && client.ackedLsn > client.reportedDurableLsn) {
        int length = reply.durable(out, 0, store.appendedLsn(), durableLsn);
        send(client, length, null);
      }
    }
  }

  @Override
  public void onTrashed(long volumeId) {
    for (Map.Entry<ChunkKey, CatchUp> entry : List.copyOf(catchUps.entrySet())) {
      if (entry.getKey().volumeId() == volumeId) {
        entry.getValue().abort(Status.ABSENT);
      }
    }
  }

  @Override
  public void onFailed(String reason) {
    failure = reason;
    waits.clear();
    for (CatchUp catchUp : List.copyOf(catchUps.values())) {
      catchUp.abort(Status.DEVICE_FAILED);
    }
    // The owners must learn at once: a link that ends is suspected, one that is silent is waited
    // for.
    List<ClientLink> gone = new ArrayList<>(links.values());
    for (ClientLink client : gone) {
      drop(client);
    }
  }

  /** Earliest time at which {@link #onTimer} has something to do; Long.MAX_VALUE when never. */
  public long nextDeadlineNanos() {
    long next = Long.MAX_VALUE;
    if (catchUps.isEmpty()) {
      // Asked after every frame: the usual case must cost nothing.
      return next;
    }
    for (CatchUp catchUp : catchUps.values()) {
      next = Math.min(next, catchUp.nextDeadlineNanos());
    }
    return next;
  }

  /** Time has passed. */
  public void onTimer(long now) {
    nowNanos = now;
    Iterator<CatchUp> running = new ArrayList<>(catchUps.values()).iterator();
    while (running.hasNext()) {
      running.next().onTimer(now);
    }
  }

  private boolean ok(ClientLink client, int type, long id, long lastVersion, long detail) {
    int length =
        reply.bare(
            out,
            0,
            type,
            id,
            Status.OK,
            store.appendedLsn(),
            store.durableLsn(),
            lastVersion,
            detail);
    send(client, length, null);
    return true;
  }

  /** Sends a refusal; always true, for the callers that end with it. */
  private boolean refuse(
      ClientLink client, int type, long id, Status status, long lastVersion, long detail) {
    counters.refusal(status);
    int length =
        reply.bare(
            out, 0, type, id, status, store.appendedLsn(), store.durableLsn(), lastVersion, detail);
    send(client, length, null);
    return true;
  }

  private void send(ClientLink client, int headerLength, Payload payload) {
    if (client.dead) {
      return;
    }
    client.reportedDurableLsn = store.durableLsn();
    client.link.send(out, 0, headerLength, payload);
  }
}
