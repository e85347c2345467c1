package io.cairn.storage.replication;

import io.cairn.metadata.model.Shards;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.RequestGate;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.collections.Long2ObjectHashMap;

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
  private final ReplicaLimits limits;
  private final ReplicaCounters counters = new ReplicaCounters();

  private final Long2ObjectHashMap<ClientLink> links = new Long2ObjectHashMap<>();
  private final ClientLink.Backlog backlog = new ClientLink.Backlog();
  private final Answers answers;
  private final ReplicaReads reads;
  private final CatchUps catchUps;
  private final Strays strays;
  private final Unfinished unfinished;

  /** Kept between syncs: the links while they are told what is durable. */
  private ClientLink[] present = {};

  private long nowNanos;
  private long firstUnparked;
  private String failure;
  private boolean stopping;
  private boolean withdrawn;

  private LostChunks lost = LostChunks.NONE;

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
    this.limits = limits;
    answers = new Answers(store, counters);
    reads = new ReplicaReads(store, answers, this::generationProblem);
    catchUps =
        new CatchUps(clusterId, nodeId, incarnation, store, peers, limits, answers, counters);
    strays = new Strays(store, catchUps, counters);
    unfinished = new Unfinished(store);
  }

  /** Tells somebody of each catch-up from now on. */
  public void observeCatchUps(CatchUpObserver catchUpObserver) {
    catchUps.observe(catchUpObserver);
  }

  /** The shard may have begun anew on an empty device, and lost chunks; before anybody connects. */
  public void beganAnew(LostChunks lostChunks) {
    lost = lostChunks;
  }

  /** Links that are open. */
  public int linkCount() {
    return links.size();
  }

  /** Catch-ups that are under way. */
  public int catchUpCount() {
    return catchUps.count();
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
    if (withdrawn || links.size() >= limits.linksMax()) {
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
    // Room may be for a few only: each time another link is the first.
    ClientLink[] waiting = links.values().toArray(new ClientLink[0]);
    firstUnparked++;
    for (int i = 0; i < waiting.length; i++) {
      unpark(waiting[(int) ((firstUnparked + i) % waiting.length)]);
    }
    resumeWaiting();
    catchUps.onRoom(nowNanos);
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
      catchUps.pace(volume, Frame.flags(b, o), nowNanos);
      ChunkName left = unfinished.next(volume, Request.generation(b, o));
      return ok(client, type, id, 0, left == null ? 0 : Reply.name(left.layer(), left.index()));
    }
    int layer = Request.layer(b, o);
    int index = Request.index(b, o);
    if (index < 0 || Shards.shardOf(volume, layer, index, shardCount) != shardIndex) {
      return refuse(client, type, id, Status.WRONG_SHARD, 0, shardCount);
    }
    strays.used(volume, layer, index);
    ChunkEntry chunk = store.find(volume, layer, index);
    if (type == MessageType.CREATE) {
      return create(client, id, b, o, chunk);
    }
    if (type == MessageType.OPEN) {
      open(client, id, volume, chunk);
      return true;
    }
    if (chunk == null && type == MessageType.CATCH_UP && lost.chunksOf(volume) > 0) {
      return catchUpLost(client, id, b, o);
    }
    if (chunk == null) {
      return refuse(client, type, id, Status.ABSENT, 0, 0);
    }
    return switch (type) {
      case MessageType.WRITE, MessageType.ZERO -> write(client, type, id, b, o, payload, chunk);
      case MessageType.READ -> reads.read(client, id, b, o, chunk);
      case MessageType.VERSIONS -> reads.versions(client, id, b, o, chunk);
      case MessageType.EXTENTS -> reads.extents(client, id, b, o, chunk);
      case MessageType.CATCH_UP -> catchUps.begin(client, id, b, o, chunk, nowNanos);
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
    answers.hello(client, id, nodeId, incarnation, shardCount, lost.incarnation());
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
      catchUps.abortOlder(volume, generation);
    }
    // An equal one may have been appended a moment ago: it too is answered only when durable.
    whenDurable(client, MessageType.FENCE, id, store.appendedLsn(), 0, generation);
    return true;
  }

  /** The volume was deleted: its chunks go to the trash, and nothing takes their place (I9). */
  public void trashVolume(long volumeId) {
    // First: a catch-up that went on would write to what is gone.
    catchUps.abortOlder(volumeId, Long.MAX_VALUE);
    store.trashVolume(volumeId);
  }

  /** Its chunks whose catch-up nobody ended. */
  public Unfinished unfinished() {
    return unfinished;
  }

  /** Which of its chunks the shard asks the metadata about. */
  public Strays strays() {
    return strays;
  }

  /**
   * The metadata answered a {@link Strays.Question}: those of its chunks go to the trash that are
   * not this node's own, and that nobody used since it was asked.
   */
  public void giveBack(long question, Collection<ChunkName> chunks) {
    if (failure == null && !stopping && !withdrawn) {
      strays.answered(question, chunks);
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
    if (store.isLeaving(Request.volumeId(b, o), Request.layer(b, o), Request.index(b, o))) {
      return refuse(client, MessageType.CREATE, id, Status.NO_SPACE, 0, 0);
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

  /** What may have been here comes back: never, in between, as an empty chunk that is whole. */
  private boolean catchUpLost(ClientLink client, long id, DirectBuffer b, int o) {
    int sizeBlocks = Request.catchUpSizeBlocks(b, o);
    if (sizeBlocks < CHUNK_BLOCKS_MIN || sizeBlocks > CHUNK_BLOCKS_MAX) {
      return refuse(client, MessageType.CATCH_UP, id, Status.INVALID, 0, sizeBlocks);
    }
    if (store.isLeaving(Request.volumeId(b, o), Request.layer(b, o), Request.index(b, o))) {
      return refuse(client, MessageType.CATCH_UP, id, Status.NO_SPACE, 0, 0);
    }
    if (!store.hasRoom(0)) {
      return store.isFull() && refuse(client, MessageType.CATCH_UP, id, Status.NO_SPACE, 0, 0);
    }
    ChunkEntry made =
        store.createSyncing(
            Request.volumeId(b, o),
            Request.layer(b, o),
            Request.index(b, o),
            sizeBlocks,
            Request.generation(b, o));
    return made == null
        ? refuse(client, MessageType.CATCH_UP, id, Status.NO_SPACE, 0, 0)
        : catchUps.begin(client, id, b, o, made, nowNanos);
  }

  private void open(ClientLink client, long id, long volume, ChunkEntry chunk) {
    long chunksLost = chunk == null ? lost.chunksOf(volume) : 0;
    int state = chunksLost > 0 ? Reply.STATE_LOST : Reply.STATE_ABSENT;
    if (chunk != null) {
      state = chunk.syncing() ? Reply.STATE_SYNCING : Reply.STATE_COMPLETE;
    }
    answers.open(client, id, state, chunk, chunksLost);
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
    if (!store.hasRoom(payload == null ? 0 : payload.length())) {
      // With a full device this replica would hold the others up for ever: better without it.
      return store.isFull() && refuse(client, type, id, Status.NO_SPACE, last, block);
    }
    if (chunk.syncing() && !store.isLoaded(chunk, block, count)) {
      return false;
    }
    if (type == MessageType.WRITE) {
      int crcs = o + Request.crcsOffset();
      if (!store.appendWrite(
          chunk, version, block, count, b, crcs, payload.buffer(), payload.offset())) {
        return refuse(client, type, id, Status.CORRUPT, last, block);
      }
      counters.writtenBytes += payload.length();
    } else {
      store.appendZero(chunk, version, block, count, (Frame.flags(b, o) & Frame.FLAG_NO_HOLE) != 0);
    }
    written(client, type, id, durable, version);
    if (chunk.syncing()) {
      catchUps.onWritten(chunk, nowNanos);
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

  private boolean sync(ClientLink client, long id, long lsn) {
    if (lsn < 0 || lsn > store.appendedLsn()) {
      return refuse(client, MessageType.SYNC, id, Status.INVALID, 0, store.appendedLsn());
    }
    whenDurable(client, MessageType.SYNC, id, lsn, 0, 0);
    return true;
  }

  @Override
  public void onDurable(long durableLsn) {
    answers.onDurable(durableLsn);
    // A copy: a send may close its link, which takes it out of the map.
    present = links.values().toArray(present);
    for (int i = 0; i < present.length && present[i] != null; i++) {
      answers.tellDurable(present[i], durableLsn);
    }
    Arrays.fill(present, null);
  }

  @Override
  public void onTrashed(long volumeId) {
    catchUps.abortAll(volumeId, Status.ABSENT);
  }

  @Override
  public void onFailed(String reason) {
    failure = reason;
    leaveAll();
  }

  /**
   * Goes out of service, and comes back: a device that does not answer is to its clients what a
   * node is that cannot be reached. What was taken stays; who comes back is told what is there.
   */
  public void withdraw(boolean out) {
    if (out && !withdrawn && failure == null) {
      leaveAll();
    }
    withdrawn = out;
  }

  private void leaveAll() {
    answers.forgetWaits();
    catchUps.abortAll(Status.DEVICE_FAILED);
    // The owners must learn at once: a link that ends is suspected, one that is silent is waited
    // for.
    List<ClientLink> gone = new ArrayList<>(links.values());
    for (ClientLink client : gone) {
      drop(client);
    }
  }

  /** Earliest time at which {@link #onTimer} has something to do; Long.MAX_VALUE when never. */
  public long nextDeadlineNanos() {
    return catchUps.nextDeadlineNanos();
  }

  /** Time has passed. */
  public void onTimer(long now) {
    nowNanos = now;
    catchUps.onTimer(now);
  }

  private boolean ok(ClientLink client, int type, long id, long lastVersion, long detail) {
    return answers.ok(client, type, id, lastVersion, detail);
  }

  /** Sends a refusal; always true, for the callers that end with it. */
  private boolean refuse(
      ClientLink client, int type, long id, Status status, long lastVersion, long detail) {
    return answers.refuse(client, type, id, status, lastVersion, detail);
  }

  private void whenDurable(
      ClientLink client, int type, long id, long lsn, long lastVersion, long detail) {
    answers.whenDurable(client, type, id, lsn, lastVersion, detail);
  }
}
