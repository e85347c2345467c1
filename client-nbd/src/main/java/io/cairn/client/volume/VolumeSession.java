package io.cairn.client.volume;

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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
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
  private static final long TICK_NANOS = 20_000_000L;
  private static final long ALLOCATION_RETRY_NANOS = 200_000_000L;

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

  final Reads reads = new Reads(this);
  final SessionCounters counters = new SessionCounters();
  final SessionTimings timings = new SessionTimings();
  final WriteWindow window;
  final Ownership ownership;
  final Allocation allocation = new Allocation(this);
  private final SessionSettings settings;
  private final LongSupplier clock;
  private final String name;
  final BlockRequests requests;
  private final ChunkMap chunks = new ChunkMap();
  private final Release release = new Release(this);
  final OwnedNodes nodes;
  final Mending mending;
  private State state = State.NEW;
  private long metadataRetryNanos = Long.MAX_VALUE;
  private Runnable metadataRetry;
  private long attempt;
  private long nowNanos;
  private final ChunkCare care = new ChunkCare(this);
  private long tickNanos = Long.MAX_VALUE;
  private Runnable onOver;
  private Runnable onServing;

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
    ownership = new Ownership(this, settings, name);
    nodes = new OwnedNodes(this, dialer, settings.instance());
    window = new WriteWindow(this, settings.windowBytesMax(), settings.windowEntriesMax());
    lease = new Lease(this, settings.leaseNanos());
    mending = new Mending(this, settings);
    requests = new BlockRequests(this, payloads, settings.requestTimeoutNanos());
  }

  /**
   * Takes the ownership and begins to serve.
   *
   * @param serving runs once when requests are served.
   * @param over runs once when the session has ended for whatever reason.
   */
  public void start(Runnable serving, Runnable over, long now) {
    nowNanos = now;
    if (state != State.NEW) {
      throw new IllegalStateException("the session is " + state + ", not new");
    }
    onServing = serving;
    onOver = over;
    state = State.ACQUIRING;
    ownership.acquire();
  }

  /** Whether the session still waits to own the volume. */
  boolean acquires(long now) {
    nowNanos = now;
    return state == State.ACQUIRING;
  }

  void onAcquired() {
    state = State.MAPPING;
  }

  /** Whether the session still waits for its map of chunks. */
  boolean maps(long now) {
    nowNanos = now;
    return state == State.MAPPING;
  }

  void onMapped(long now) {
    state = State.SERVING;
    onServing.run();
    progress(now);
  }

  void learn(Reply.Chunks page) {
    nodes.learn(page.nodes());
    chunks.learn(this, page.chunks(), nowNanos);
    care.soon();
  }

  /** Records as they are now, of chunks that are known and of others. */
  void relearn(Reply.Chunks page, long now) {
    nowNanos = now;
    learn(page);
    for (ChunkRecord record : page.chunks()) {
      chunks.get(record.index()).adopt(record, now);
    }
  }

  /** Runs the action after a while: the metadata did not answer, or refused for now. */
  void retryMetadata(Runnable action, long delayNanos) {
    metadataRetry = action;
    metadataRetryNanos = nowNanos + delayNanos;
  }

  /**
   * All nodes of the cluster with their present addresses, as the metadata knows them.
   *
   * @param away those that are away for so long that their replicas are to be placed anew.
   * @param awayShards the same of shards of nodes that live.
   */
  public void onNodes(
      List<NodeRecord> records, List<Long> away, List<Reply.NodeShard> awayShards, long now) {
    nodes.moved(records, away, awayShards);
    onProgress(now);
  }

  List<OwnedNode> nodes() {
    return nodes.all();
  }

  List<OwnedChunk> chunks() {
    return chunks.all();
  }

  long clusterId() {
    return ownership.clusterId();
  }

  private VolumeRecord volume() {
    return ownership.volume();
  }

  long volumeId() {
    return volume().volumeId();
  }

  /** The generation that the session owns; 0 before it owns one. */
  public long generation() {
    return volume() == null ? 0 : volume().generation();
  }

  int minInSync() {
    return volume().minInSync();
  }

  int chunkBlocks() {
    return volume().chunkSizeBytes() / Frame.BLOCK_BYTES;
  }

  long now() {
    return nowNanos;
  }

  long nextAttempt() {
    return ++attempt;
  }

  boolean isServing() {
    return state == State.SERVING || state == State.RELEASING;
  }

  /** Whether the ownership is being given up. */
  boolean isReleasing() {
    return state == State.RELEASING;
  }

  /** What it does for the volume beside answering requests. */
  public Mending mending() {
    return mending;
  }

  /** What the session counted since it began. */
  public SessionCounters counters() {
    return counters;
  }

  /** How long requests took since it began. */
  public SessionTimings timings() {
    return timings;
  }

  /** Requests that were not answered yet. */
  public int requestsInFlight() {
    return requests.inFlight();
  }

  /** How long the oldest request has waited; 0 when there is none. */
  public long oldestRequestNanos(long now) {
    return requests.oldestNanos(now);
  }

  /** Bytes of writes that are kept until they are durable everywhere. */
  public long windowBytes() {
    return window.bytes();
  }

  /** Why the metadata refused the volume; null when it did not. */
  public Reply.Refused refusal() {
    return ownership.refusal();
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
    return volume().sizeBytes();
  }

  @Override
  public int chunkSizeBytes() {
    return volume().chunkSizeBytes();
  }

  boolean alwaysDurable() {
    return volume().durability() == Durability.ALWAYS;
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
    requests.flush(done);
  }

  /** Asks every node that what it holds become durable now. */
  void syncAll() {
    for (OwnedNode node : nodes.all()) {
      node.sync(nowNanos);
    }
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

  /** The answer to an allocation; the action runs when its chunks are there. */
  void onAllocated(Reply reply, long now, Runnable allocated) {
    nowNanos = now;
    if (isOver()) {
      return;
    }
    if (reply instanceof Reply.Chunks chunksThere) {
      learn(chunksThere);
      allocated.run();
    } else if (Allocation.isStale(reply)) {
      onFenced(now);
      return;
    } else {
      retryMetadata(allocation::allocateNow, ALLOCATION_RETRY_NANOS);
    }
    progress(now);
  }

  void onNodeReady(OwnedNode node, long now) {
    nowNanos = now;
    ownership.onFenceTaken(now);
    for (OwnedChunk chunk : chunks.all()) {
      chunk.poke(now);
    }
    progress(now);
  }

  void onNodeDown(OwnedNode node, long now) {
    nowNanos = now;
    if (isOver()) {
      return;
    }
    for (OwnedChunk chunk : chunks.all()) {
      chunk.onNodeDown(node);
    }
    // Only then: what is settled makes room for waiting writes, which must not be sent to it.
    // Writes that were kept for that node alone need not be kept any longer.
    for (OwnedChunk chunk : chunks.all()) {
      chunk.settleAll();
    }
    onProgress(now);
  }

  void onReplicaLive(OwnedChunk chunk, OwnedReplica replica, long now) {
    progress(now);
  }

  void onConfirmed(long now) {
    nowNanos = now;
    if (isOver()) {
      return;
    }
    reads.answerUnderLease(now);
    lease.runWaiters();
  }

  /** Something happened to nodes or chunks: what follows from it may wait for the next tick. */
  void onProgress(long now) {
    nowNanos = now;
    if (!isOver()) {
      care.soon();
      wake();
    }
  }

  /** The chunk opens from now on. */
  void opens(OwnedChunk chunk) {
    care.opens(chunk);
  }

  /** The next tick, whatever it is for, is to look at all chunks. */
  void lookSoon() {
    care.soon();
  }

  /** Something moved on the hot path. */
  void onRequestProgress(long now) {
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
    mending.pump(now);
    onProgress(now);
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
    for (OwnedNode node : nodes.all()) {
      node.link.close();
    }
    reads.abandon();
    chunks.all().forEach(OwnedChunk::abandon);
    window.abandon();
    lease.abandon();
    allocation.abandon();
    mending.abandon();
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
    release.proceed();
  }

  /** Takes a release back, unless it went out already; true when the session serves on. */
  public boolean keep(long now) {
    nowNanos = now;
    if (state != State.RELEASING || release.isSent()) {
      return false;
    }
    state = State.SERVING;
    return true;
  }

  /** The ownership was given up, or the next owner cannot be told so. */
  void onReleased(long now) {
    nowNanos = now;
    if (!isOver()) {
      over(State.CLOSED);
    }
  }

  /** Nothing is to be done at the next tick. */
  void sleep() {
    tickNanos = Long.MAX_VALUE;
  }

  /** The volume's record was changed: grows what is served, takes the number of replicas. */
  public void onRecord(VolumeRecord newer, long now) {
    ownership.changed(newer);
    onProgress(now);
  }

  /** What requests wait for that have waited long, in one line for people. */
  public String waitReason() {
    return WaitReason.of(this);
  }

  /** What the session does and what its requests wait for, for people: some lines of text. */
  public String describe() {
    return SessionDescription.of(this, name, state.name());
  }

  void wake() {
    tickNanos = Math.min(tickNanos, nowNanos + TICK_NANOS);
  }

  /** Earliest time at which {@link #onTimer} has something to do; Long.MAX_VALUE when never. */
  public long nextDeadlineNanos() {
    long next = metadataRetryNanos;
    if (!isOver()) {
      next = Math.min(next, tickNanos);
      next = Math.min(next, requests.nextDeadlineNanos());
      List<OwnedNode> linked = nodes.all();
      for (int i = 0; i < linked.size(); i++) {
        next = Math.min(next, linked.get(i).link.nextDeadlineNanos());
      }
      next = Math.min(next, reads.nextDeadlineNanos());
      next = Math.min(next, mending.nextDeadlineNanos());
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
    requests.onTimer(now);
    for (OwnedNode node : nodes.all()) {
      node.link.onTimer(now);
    }
    reads.onTimer(now);
    mending.onTimer(now);
    if (now >= tickNanos && !isOver()) {
      tick(now);
    }
  }

  private void tick(long now) {
    tickNanos = Long.MAX_VALUE;
    care.poke(now);
    boolean looks = state == State.RELEASING || care.isDue(now);
    if (looks) {
      care.look(now);
    }
    if (window.isFull()) {
      care.dropWhoHoldsBack(now);
    }
    allocation.allocateNow();
    reads.onTick(now);
    reads.answerUnderLease(now);
    lease.runWaiters();
    if (window.wantsSync() || state == State.RELEASING) {
      syncAll();
    }
    if (looks) {
      mending.pump(now);
      care.again(mending.againAtNanos(now));
    }
    if (state == State.RELEASING) {
      release.proceed();
    }
    if (mending.isUnsure()) {
      care.soon();
    }
    if (window.isFull()
        || !reads.isEmpty()
        || lease.hasWaiters()
        || !allocation.isEmpty()
        || window.hasFlushes()) {
      wake();
    }
    tickNanos = Math.min(tickNanos, Math.max(care.nextNanos(), now + TICK_NANOS));
    tickNanos = Math.min(tickNanos, mending.againAtNanos(now));
  }
}
