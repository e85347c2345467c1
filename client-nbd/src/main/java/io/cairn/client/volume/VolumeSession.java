package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Shards;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongSupplier;

/**
 * The owner of one volume. Takes the ownership, fences the nodes, and serves reads and writes until
 * it is fenced itself. Single-threaded on its loop; time comes in as an argument.
 *
 * <pre>
 * NEW --start--> ACQUIRING --VolumeAcquired--> MAPPING --last page of chunks--> SERVING
 * SERVING --release--> RELEASING --all writes durable, released--> CLOSED
 * any --a newer generation is seen--> FENCED        any --abandon--> CLOSED
 * </pre>
 */
public final class VolumeSession implements VolumeIo {
  private static final int PAGE = 1024;

  /** Chunks that are allocated in front of a sequential writer. */
  private static final int ALLOCATE_AHEAD = 4;

  private static final long TICK_NANOS = 20_000_000L;
  private static final long METADATA_RETRY_NANOS = 200_000_000L;
  private static final long HEDGE_MIN_NANOS = 5_000_000L;

  private enum State {
    NEW,
    ACQUIRING,
    MAPPING,
    SERVING,
    RELEASING,
    FENCED,
    CLOSED
  }

  final MetadataCalls metadata;
  final Lease lease;
  final Crc32c crc = new Crc32c();

  /** Chunks that open as soon as what they hold is durable. */
  final Set<OwnedChunk> awaitsDurable = new LinkedHashSet<>();

  final Set<ReadOp> reads = new LinkedHashSet<>();
  long copiedBlocks;
  long corruptReads;
  long hedges;
  long repairs;
  long demotions;
  long promotions;

  private final SessionSettings settings;
  private final LongSupplier clock;
  private final String name;
  private final Dialer dialer;
  private final Payloads payloads;
  private final Membership membership;
  private final BlockRequests requests;
  private final Map<Integer, OwnedChunk> chunks = new TreeMap<>();
  private final Map<Long, OwnedNode> nodes = new TreeMap<>();
  private final Map<Long, NodeRecord> directory = new TreeMap<>();
  private final Map<Integer, List<Runnable>> allocating = new LinkedHashMap<>();
  private final TreeMap<Long, WriteOp> unsettled = new TreeMap<>();
  private final List<Flush> flushes = new ArrayList<>();
  private final ArrayDeque<WriteOp> throttled = new ArrayDeque<>();
  private final List<Runnable> leaseWaiters = new ArrayList<>();
  private State state = State.NEW;
  private VolumeRecord volume;
  private long clusterId;
  private boolean previousReleased;
  private long acquiredNanos;
  private long firstFenceNanos = Long.MIN_VALUE;
  private boolean allocationUnderWay;
  private long metadataRetryNanos = Long.MAX_VALUE;
  private Runnable metadataRetry;
  private long windowBytes;
  private long writeNumber;
  private long attempt;
  private int readStart;
  private long readEwmaNanos = HEDGE_MIN_NANOS;
  private long nowNanos;
  private long tickNanos = Long.MAX_VALUE;
  private Runnable onOver;
  private Runnable onServing;

  private record Flush(long number, Runnable done) {}

  /**
   * A session that has not begun.
   *
   * @param name of the volume.
   * @param dialer opens links to nodes, on the session's loop.
   * @param clock the loop's time, for the calls of {@link VolumeIo}, which carry none: with an old
   *     time a lease would look fresh that is not.
   */
  public VolumeSession(
      SessionSettings settings,
      String name,
      MetadataCalls metadata,
      Dialer dialer,
      Payloads payloads,
      LongSupplier clock) {
    this.clock = clock;
    this.settings = settings;
    this.name = name;
    this.metadata = metadata;
    this.dialer = dialer;
    this.payloads = payloads;
    lease = new Lease(this, settings.leaseNanos());
    membership = new Membership(this, settings.demoteAfterNanos());
    requests = new BlockRequests(this, payloads);
  }

  /**
   * Takes the ownership and begins to serve.
   *
   * @param serving runs once when requests are served.
   * @param over runs once when the session has ended for whatever reason.
   */
  public void start(Runnable serving, Runnable over, long now) {
    nowNanos = now;
    require(State.NEW);
    onServing = serving;
    onOver = over;
    acquire();
  }

  private void acquire() {
    state = State.ACQUIRING;
    long sent = nowNanos;
    metadata.submit(
        new Command.AcquireVolume(
            name, settings.gateway(), settings.instance(), settings.address(), -1),
        (reply, now) -> {
          nowNanos = now;
          if (state != State.ACQUIRING) {
            return;
          }
          if (reply instanceof Reply.VolumeAcquired acquired) {
            volume = acquired.volume();
            clusterId = acquired.clusterId();
            previousReleased = acquired.previousReleased();
            acquiredNanos = now;
            lease.metadataConfirmed(sent);
            state = State.MAPPING;
            map(0);
          } else if (reply instanceof Reply.Refused) {
            over(State.CLOSED);
          } else {
            // Whether it was applied is not known: the next one takes the next generation.
            retryMetadata(this::acquire);
          }
        });
  }

  private void map(int fromIndex) {
    metadata.query(
        new Query.GetChunks(volumeId(), 0, fromIndex, PAGE),
        (reply, now) -> {
          nowNanos = now;
          if (state != State.MAPPING) {
            return;
          }
          if (!(reply instanceof Reply.Chunks page)) {
            retryMetadata(() -> map(fromIndex));
            return;
          }
          learn(page);
          if (page.chunks().size() == PAGE) {
            map(page.chunks().getLast().index() + 1);
          } else {
            state = State.SERVING;
            onServing.run();
            progress(now);
          }
        });
  }

  private void learn(Reply.Chunks page) {
    for (NodeRecord node : page.nodes()) {
      directory.put(node.nodeId(), node);
    }
    for (ChunkRecord chunk : page.chunks()) {
      if (!chunks.containsKey(chunk.index())) {
        chunks.put(chunk.index(), new OwnedChunk(this, chunk, nowNanos));
      }
    }
  }

  private void retryMetadata(Runnable action) {
    metadataRetry = action;
    metadataRetryNanos = nowNanos + METADATA_RETRY_NANOS;
  }

  /** The node's shard that holds the chunk, linked on first use. */
  OwnedNode node(ChunkRecord chunk, long nodeId, long now) {
    NodeRecord record = directory.get(nodeId);
    int shard = Shards.shardOf(chunk.volumeId(), chunk.layer(), chunk.index(), record.shardCount());
    return nodes.computeIfAbsent(
        nodeId * Shards.COUNT_MAX + shard,
        key ->
            new OwnedNode(
                this,
                listener ->
                    new NodeLink(
                        clusterId,
                        nodeId,
                        shard,
                        record.host(),
                        record.port(),
                        clientId(),
                        dialer,
                        listener),
                now));
  }

  /**
   * Names this session in HELLO. Another session of the same volume in the same process is another
   * client: its connections are counted from one again and must not be taken for older ones.
   */
  private long clientId() {
    long id = settings.instance() * 0x9E3779B97F4A7C15L + volumeId();
    return id * 0xBF58476D1CE4E5B9L + generation();
  }

  /** Present addresses of nodes, as the metadata knows them. */
  public void onNodes(List<NodeRecord> records) {
    for (NodeRecord record : records) {
      directory.put(record.nodeId(), record);
    }
    for (OwnedNode node : nodes.values()) {
      NodeRecord record = directory.get(node.link.nodeId);
      node.link.moved(record.host(), record.port());
    }
  }

  Collection<OwnedNode> nodes() {
    return nodes.values();
  }

  Collection<OwnedChunk> chunks() {
    return chunks.values();
  }

  long volumeId() {
    return volume.volumeId();
  }

  /** The generation that the session owns; 0 before it owns one. */
  public long generation() {
    return volume == null ? 0 : volume.generation();
  }

  int minInSync() {
    return volume.minInSync();
  }

  int chunkBlocks() {
    return volume.chunkSizeBytes() / Frame.BLOCK_BYTES;
  }

  long now() {
    return nowNanos;
  }

  long nextAttempt() {
    return ++attempt;
  }

  int nextReadStart() {
    return readStart++ & 0xFFFF;
  }

  long hedgeNanos() {
    return Math.max(HEDGE_MIN_NANOS, 3 * readEwmaNanos);
  }

  void observeRead(long nanos) {
    readEwmaNanos += (nanos - readEwmaNanos) / 8;
  }

  boolean isServing() {
    return state == State.SERVING || state == State.RELEASING;
  }

  /** Whether the session has ended. */
  public boolean isOver() {
    return state == State.FENCED || state == State.CLOSED;
  }

  /** Whether a newer owner ended the session. */
  public boolean isFenced() {
    return state == State.FENCED;
  }

  @Override
  public long sizeBytes() {
    return volume.sizeBytes();
  }

  @Override
  public int chunkSizeBytes() {
    return volume.chunkSizeBytes();
  }

  boolean alwaysDurable() {
    return volume.durability() == Durability.ALWAYS;
  }

  @Override
  public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
    if (!accepts()) {
      sink.done(null, overFailure());
      return;
    }
    nowNanos = clock.getAsLong();
    requests.read(offsetBytes, lengthBytes, sink);
  }

  @Override
  public void write(long offsetBytes, Payload payload, boolean fua, Callback done) {
    if (!accepts()) {
      done.done(overFailure());
      return;
    }
    nowNanos = clock.getAsLong();
    requests.write(offsetBytes, payload, fua, done);
  }

  @Override
  public void zero(
      long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done) {
    if (!accepts()) {
      done.done(overFailure());
      return;
    }
    nowNanos = clock.getAsLong();
    requests.zero(offsetBytes, lengthBytes, mayPunch, fua, done);
  }

  @Override
  public void extents(long offsetBytes, long lengthBytes, ExtentsCallback sink) {
    if (!accepts()) {
      sink.done(null, null, 0, overFailure());
      return;
    }
    nowNanos = clock.getAsLong();
    requests.extents(offsetBytes, lengthBytes, sink);
  }

  @Override
  public void flush(Callback done) {
    if (!accepts()) {
      done.done(overFailure());
      return;
    }
    nowNanos = clock.getAsLong();
    requests.pending.add(done);
    whenDurable(
        () -> {
          if (requests.pending.remove(done)) {
            done.done(null);
          }
        });
  }

  /** Runs the action once every write that is completed now is durable on all in-sync replicas. */
  private void whenDurable(Runnable done) {
    long last = 0;
    for (WriteOp op : unsettled.values()) {
      if (op.completed) {
        last = op.number;
      }
    }
    if (last == 0) {
      done.run();
      return;
    }
    flushes.add(new Flush(last, done));
    for (OwnedNode node : nodes.values()) {
      node.sync(nowNanos);
    }
    wake();
  }

  /** Whether new requests are taken: not once the ownership is being given up. */
  private boolean accepts() {
    return !isOver() && state != State.RELEASING;
  }

  Failure overFailure() {
    return state == State.FENCED ? Failure.FENCED : Failure.CLOSED;
  }

  /** The chunk of an index, or null while none is allocated. */
  OwnedChunk chunk(int index) {
    return chunks.get(index);
  }

  /** Runs the action when the chunk exists; allocates it if need be. */
  void allocate(int index, Runnable action) {
    if (chunks.containsKey(index)) {
      action.run();
      return;
    }
    allocating.computeIfAbsent(index, key -> new ArrayList<>()).add(action);
    wake();
    allocateNow();
  }

  /**
   * Sends the allocation once no stale owner can still take the place for empty: its lease of what
   * does not exist has ended.
   */
  private void allocateNow() {
    if (allocating.isEmpty() || allocationUnderWay || nowNanos < allocationGateNanos()) {
      return;
    }
    allocationUnderWay = true;
    List<Integer> indices = withThoseAhead();
    metadata.submit(
        new Command.AllocateChunks(volumeId(), generation(), 0, indices, ""),
        (reply, now) -> {
          nowNanos = now;
          allocationUnderWay = false;
          if (isOver()) {
            return;
          }
          if (reply instanceof Reply.Chunks allocated) {
            learn(allocated);
            for (int index : indices) {
              List<Runnable> waiting = allocating.remove(index);
              if (waiting != null) {
                waiting.forEach(Runnable::run);
              }
            }
          } else if (isStale(reply)) {
            onFenced(now);
            return;
          } else {
            retryMetadata(this::allocateNow);
          }
          progress(now);
        });
  }

  /** The chunks that are asked for, and some more in front of a writer that goes on in order. */
  private List<Integer> withThoseAhead() {
    Set<Integer> indices = new LinkedHashSet<>(allocating.keySet());
    long chunkCount = (volume.sizeBytes() - 1) / volume.chunkSizeBytes() + 1;
    for (int index : allocating.keySet()) {
      boolean sequential = chunks.containsKey(index - 1);
      for (int ahead = 1; sequential && ahead <= ALLOCATE_AHEAD; ahead++) {
        if (index + ahead < chunkCount && !chunks.containsKey(index + ahead)) {
          indices.add(index + ahead);
        }
      }
    }
    return List.copyOf(indices);
  }

  private static boolean isStale(Reply reply) {
    return reply instanceof Reply.Refused refused
        && (refused.code() == Reply.ErrorCode.STALE_GENERATION
            || refused.code() == Reply.ErrorCode.NOT_FOUND);
  }

  private long allocationGateNanos() {
    if (previousReleased) {
      return Long.MIN_VALUE;
    }
    if (nodes.isEmpty()) {
      return acquiredNanos + settings.leaseNanos();
    }
    return firstFenceNanos == Long.MIN_VALUE
        ? Long.MAX_VALUE
        : firstFenceNanos + settings.leaseNanos();
  }

  /** Until when a chunk must wait whose replica left the set unfenced. */
  long gateFor(OwnedReplica replica, long now) {
    boolean harmless = previousReleased || replica.node.confirmedSendNanos != Long.MIN_VALUE;
    return harmless ? Long.MIN_VALUE : now + settings.leaseNanos();
  }

  /** Runs the action while reads of unallocated chunks are covered by a lease. */
  void underUnallocatedLease(Runnable action) {
    if (lease.holdsForUnallocated(nowNanos)) {
      action.run();
      return;
    }
    leaseWaiters.add(() -> underUnallocatedLease(action));
    lease.renewForUnallocated(nowNanos);
    wake();
  }

  /** Puts a write into the window, or behind those that wait for the window. */
  void submit(WriteOp op) {
    if (windowBytes + op.windowBytes() > settings.windowBytesMax() && !unsettled.isEmpty()) {
      throttled.add(op);
      for (OwnedNode node : nodes.values()) {
        node.sync(nowNanos);
      }
      return;
    }
    admit(op);
  }

  private void admit(WriteOp op) {
    op.number = ++writeNumber;
    windowBytes += op.windowBytes();
    unsettled.put(op.number, op);
    op.chunk.submit(op, nowNanos);
    wake();
  }

  void onSettled(WriteOp op) {
    unsettled.remove(op.number);
    long first = unsettled.isEmpty() ? Long.MAX_VALUE : unsettled.firstKey();
    if (!flushes.isEmpty() && flushes.getFirst().number() < first) {
      List<Flush> done = flushes.stream().filter(f -> f.number() < first).toList();
      flushes.removeAll(done);
      done.forEach(f -> f.done().run());
    }
  }

  /** The write is durable wherever it has to be. */
  void forget(WriteOp op) {
    windowBytes -= op.windowBytes();
    unsettled.remove(op.number);
    if (op.payload != null) {
      op.payload.release();
    }
    while (!isOver() && !throttled.isEmpty() && windowBytes < settings.windowBytesMax()) {
      admit(throttled.remove());
    }
  }

  void onNodeReady(OwnedNode node, long now) {
    nowNanos = now;
    if (firstFenceNanos == Long.MIN_VALUE) {
      firstFenceNanos = now;
    }
    for (OwnedChunk chunk : chunks.values()) {
      chunk.poke(now);
    }
    progress(now);
  }

  void onNodeDown(OwnedNode node, long now) {
    nowNanos = now;
    if (isOver()) {
      return;
    }
    for (OwnedChunk chunk : chunks.values()) {
      chunk.onNodeDown(node);
    }
    // Only then: what is settled makes room for waiting writes, which must not be sent to it.
    // Writes
    // that were kept for that node alone need not be kept any longer.
    for (OwnedChunk chunk : List.copyOf(chunks.values())) {
      chunk.settleAll();
    }
    wake();
  }

  void onReplicaFailed(OwnedReplica replica, long now) {
    nowNanos = now;
    wake();
  }

  void onReplicaLive(OwnedChunk chunk, OwnedReplica replica, long now) {
    progress(now);
  }

  void onConfirmed(long now) {
    nowNanos = now;
    if (isOver()) {
      return;
    }
    for (ReadOp read : List.copyOf(reads)) {
      if (read.awaitsLease()) {
        read.answerUnderLease(now);
      }
    }
    runLeaseWaiters();
  }

  private void runLeaseWaiters() {
    if (!leaseWaiters.isEmpty()) {
      List<Runnable> waiters = List.copyOf(leaseWaiters);
      leaseWaiters.clear();
      waiters.forEach(Runnable::run);
    }
  }

  /** Something moved on the hot path: what follows from it may wait for the next tick. */
  void onProgress(long now) {
    nowNanos = now;
    if (!isOver()) {
      wake();
    }
  }

  /** A node's journal is durable further: chunks that open may have waited for it. */
  void onNodeDurable(OwnedNode node, long now) {
    nowNanos = now;
    if (isOver()) {
      return;
    }
    if (!awaitsDurable.isEmpty()) {
      List<OwnedChunk> opening = List.copyOf(awaitsDurable);
      awaitsDurable.clear();
      for (OwnedChunk chunk : opening) {
        chunk.equalize(now);
      }
    }
    wake();
  }

  private void progress(long now) {
    nowNanos = now;
    if (isOver()) {
      return;
    }
    pumpCatchUps(now);
    membership.propose(now);
    wake();
  }

  /** Brings replicas that are out of sync up, a few chunks at a time. */
  private void pumpCatchUps(long now) {
    if (!isServing()) {
      return;
    }
    int running = 0;
    for (OwnedChunk chunk : chunks.values()) {
      running += chunk.isCatchingUp() ? 1 : 0;
    }
    for (OwnedChunk chunk : chunks.values()) {
      for (OwnedReplica replica : chunk.replicas()) {
        boolean due =
            !replica.inSync()
                && replica.node.ready
                && replica.phase == OwnedReplica.Phase.OFF
                && now >= replica.retryAtNanos;
        if (due && running < settings.catchUpsMax()) {
          chunk.open(now);
          if (chunk.state() == OwnedChunk.State.READY) {
            chunk.ask(replica, now);
          }
          running++;
        }
      }
    }
  }

  /** A newer owner exists: this session is over for good, and blames nobody. */
  void onFenced(long now) {
    nowNanos = now;
    if (!isOver()) {
      over(State.FENCED);
    }
  }

  /** Gives up without settling anything, as when the process ends. */
  public void abandon(long now) {
    nowNanos = now;
    if (!isOver()) {
      over(State.CLOSED);
    }
  }

  private void over(State end) {
    state = end;
    for (OwnedNode node : nodes.values()) {
      node.link.close();
    }
    for (ReadOp read : List.copyOf(reads)) {
      read.abandon();
    }
    reads.clear();
    chunks.values().forEach(OwnedChunk::abandon);
    flushes.clear();
    for (WriteOp op : throttled) {
      if (op.payload != null) {
        op.payload.release();
      }
    }
    throttled.clear();
    leaseWaiters.clear();
    allocating.clear();
    tickNanos = Long.MAX_VALUE;
    metadataRetryNanos = Long.MAX_VALUE;
    requests.failAll(overFailure());
    onOver.run();
  }

  /** Settles everything, makes it durable, gives the ownership up, and ends. */
  public void release(long now) {
    nowNanos = now;
    if (state != State.SERVING) {
      abandon(now);
      return;
    }
    state = State.RELEASING;
    releaseWhenSettled();
  }

  private void releaseWhenSettled() {
    if (state != State.RELEASING) {
      return;
    }
    if (!requests.pending.isEmpty() || !unsettled.isEmpty()) {
      for (OwnedNode node : nodes.values()) {
        node.sync(nowNanos);
      }
      wake();
      return;
    }
    metadata.submit(
        new Command.ReleaseVolume(volumeId(), generation()),
        (reply, now) -> {
          nowNanos = now;
          if (!isOver()) {
            over(State.CLOSED);
          }
        });
    tickNanos = Long.MAX_VALUE;
  }

  /** The volume was resized: grows what is served. */
  public void onResized(VolumeRecord newer) {
    if (newer.generation() == generation() && newer.sizeBytes() > volume.sizeBytes()) {
      volume = newer;
    }
  }

  /** What the session does and what its requests wait for, for people: some lines of text. */
  public String describe() {
    StringBuilder text = new StringBuilder();
    text.append("volume ").append(name).append(' ').append(state);
    text.append(" generation ").append(generation());
    text.append(", ").append(requests.pending.size()).append(" requests, ");
    text.append(reads.size()).append(" reads, ").append(unsettled.size()).append(" unsettled, ");
    text.append(throttled.size()).append(" held back by the window, ");
    text.append(leaseWaiters.size()).append(" wait for a lease, ");
    text.append(allocating.size()).append(" chunks to allocate, window ");
    text.append(windowBytes).append(" bytes\n");
    text.append("copied blocks ").append(copiedBlocks).append(", hedges ").append(hedges);
    text.append(", repairs ").append(repairs).append(", corrupt reads ").append(corruptReads);
    text.append(", demotions ").append(demotions).append(", promotions ").append(promotions);
    text.append('\n');
    for (OwnedChunk chunk : chunks.values()) {
      if (chunk.isWaiting() || needsCare(chunk)) {
        chunk.describe(text);
      }
    }
    return text.toString();
  }

  private void wake() {
    tickNanos = Math.min(tickNanos, nowNanos + TICK_NANOS);
  }

  /** Earliest time at which {@link #onTimer} has something to do; Long.MAX_VALUE when never. */
  public long nextDeadlineNanos() {
    long next = Math.min(tickNanos, metadataRetryNanos);
    if (!isOver()) {
      for (OwnedNode node : nodes.values()) {
        next = Math.min(next, node.link.nextDeadlineNanos());
      }
      for (ReadOp read : reads) {
        next = Math.min(next, read.deadlineNanos());
      }
    }
    return next;
  }

  /** Time has passed. */
  public void onTimer(long now) {
    nowNanos = now;
    if (now >= metadataRetryNanos) {
      metadataRetryNanos = Long.MAX_VALUE;
      metadataRetry.run();
    }
    if (isOver()) {
      return;
    }
    for (OwnedNode node : List.copyOf(nodes.values())) {
      node.link.onTimer(now);
    }
    for (ReadOp read : List.copyOf(reads)) {
      read.onTimer(now);
    }
    if (now >= tickNanos && !isOver()) {
      tick(now);
    }
  }

  private void tick(long now) {
    tickNanos = Long.MAX_VALUE;
    boolean waiting = false;
    for (OwnedChunk chunk : chunks.values()) {
      if (chunk.isWaiting() || needsCare(chunk)) {
        waiting = true;
        chunk.poke(now);
      }
    }
    allocateNow();
    for (ReadOp read : List.copyOf(reads)) {
      read.answerUnderLease(now);
    }
    runLeaseWaiters();
    for (OwnedNode node : nodes.values()) {
      if (!flushes.isEmpty() || state == State.RELEASING || !throttled.isEmpty()) {
        node.sync(now);
      }
    }
    pumpCatchUps(now);
    membership.propose(now);
    if (state == State.RELEASING) {
      releaseWhenSettled();
    }
    if (waiting
        || membership.isUnanswered()
        || !reads.isEmpty()
        || !leaseWaiters.isEmpty()
        || !allocating.isEmpty()
        || !flushes.isEmpty()) {
      wake();
    }
  }

  /** A replica that could do something now, or is due to leave the set. */
  private static boolean needsCare(OwnedChunk chunk) {
    for (OwnedReplica replica : chunk.replicas()) {
      boolean reachable = replica.node.ready && replica.phase != OwnedReplica.Phase.LIVE;
      boolean leaving = !replica.node.ready && replica.inSync();
      if (replica.promoting
          || reachable && (chunk.state() != OwnedChunk.State.CLOSED || !replica.inSync())
          || leaving
          || replica.node.ready && !replica.inSync()) {
        return true;
      }
    }
    return false;
  }

  private void require(State expected) {
    if (state != expected) {
      throw new IllegalStateException("the session is " + state + ", not " + expected);
    }
  }
}
