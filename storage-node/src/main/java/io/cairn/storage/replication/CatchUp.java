package io.cairn.storage.replication;

import io.cairn.metadata.model.Shards;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.CopyPace;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import org.agrona.DirectBuffer;
import org.agrona.collections.IntArrayList;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The joiner's side of one chunk's catch-up: compares versions with the source page by page and
 * pulls the blocks that differ, and only those.
 *
 * <pre>
 * CONNECTING --WELCOME--> COMPARING --page's versions--> PULLING --all pulled--> COMPARING
 * COMPARING --no page left--> FINISHING --own writes reach what was fetched--> ENDED (OK)
 * COMPARING --no page left, and the source could not read some blocks--> ENDED (SOURCE_FAILED)
 * any --abort, link gone, refusal, no progress in time--> ENDED (status)
 * </pre>
 *
 * <p>What the source cannot read it says block by block, and gives the rest: another source may
 * have these. Only when its owner says that none has, the blocks become unreadable here too, with
 * the version that the source has, and the catch-up ends well. Nothing is put in their place.
 */
final class CatchUp implements PeerLinks.Handler {
  /** Blocks of one fetch: large enough to fill the pipe, small beside the journal. */
  static final int FETCH_BLOCKS_MAX = 16;

  private static final long BEHIND_RETRY_NANOS = 2_000_000;

  /** What a timer that came late may make good at once. */
  private static final long PACE_SLACK_NANOS = 20_000_000;

  /** What is to be done, and for whom. */
  record Task(
      long clusterId,
      long nodeId,
      long incarnation,
      long sourceNodeId,
      String sourceHost,
      int sourcePort,
      long generation,
      long attempt,
      long base,
      int copyPace,
      boolean leavesUnreadable) {}

  /** Hears the end, once. */
  interface Listener {
    void ended(CatchUp catchUp, Status status);
  }

  private enum State {
    CONNECTING,
    COMPARING,
    PULLING,
    /** All is copied, but a fetched block may be ahead of the writes that have arrived here. */
    FINISHING,
    ENDED
  }

  private record Run(int block, int count) {}

  private record Fetched(UnsafeBuffer header, Payload payload) {}

  private final Task task;
  private final ChunkEntry chunk;
  private final ShardStore store;
  private final PeerLinks peers;
  private final ReplicaLimits limits;
  private final Listener listener;
  private final Request request;
  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer out = new UnsafeBuffer(new byte[512]);
  private final ArrayDeque<Run> wanted = new ArrayDeque<>();
  private final Long2ObjectHashMap<Run> fetches = new Long2ObjectHashMap<>();
  private final ArrayDeque<Fetched> unstored = new ArrayDeque<>();

  /** What the source says of the page. */
  private long[] theirs = {};

  /** Blocks that the source cannot read, and their versions there. */
  private final IntArrayList unreadable = new IntArrayList();

  private final LongArrayList unreadableVersions = new LongArrayList();

  /** How many of these are marked here. */
  private int marked;

  private State state = State.CONNECTING;
  private Link link;
  private int pageBlock;
  private long requestId;
  private long copiedBlocks;
  private long highestFetched;
  private long progressDeadlineNanos;
  private long retryNanos = Long.MAX_VALUE;
  private int copyPace;
  private long nowNanos;

  /** Earliest time of the next fetch, where the owner wants it slower. */
  private long mayFetchNanos = Long.MIN_VALUE;

  CatchUp(
      Task task,
      ChunkEntry chunk,
      ShardStore store,
      PeerLinks peers,
      ReplicaLimits limits,
      Listener listener) {
    this.task = task;
    this.chunk = chunk;
    this.store = store;
    this.peers = peers;
    this.limits = limits;
    this.listener = listener;
    request = new Request(task.clusterId());
    copyPace = task.copyPace();
  }

  long volumeId() {
    return chunk.volumeId();
  }

  /** Goes on at another pace, unless it was to be as fast as it can. */
  void pace(int newPace, long now) {
    if (copyPace != CopyPace.UNBOUNDED && newPace != copyPace) {
      copyPace = newPace;
      // What was put off at the old pace may have been put off for long.
      mayFetchNanos =
          Math.min(
              mayFetchNanos,
              now + CopyPace.nanos(newPace, (long) FETCH_BLOCKS_MAX * Frame.BLOCK_BYTES));
      nowNanos = now;
      fetchMore();
    }
  }

  long generation() {
    return task.generation();
  }

  long attempt() {
    return task.attempt();
  }

  long base() {
    return task.base();
  }

  long sourceNodeId() {
    return task.sourceNodeId();
  }

  int sizeBlocks() {
    return chunk.sizeBlocks();
  }

  long copiedBlocks() {
    return copiedBlocks;
  }

  /** Blocks that the source could not read, of those that are still wanted. */
  int unreadableBlocks() {
    return unreadable.size();
  }

  void start(long nowNanos) {
    progressed(nowNanos);
    if (peers.shardCount(task.sourceNodeId()) == 0) {
      end(Status.SOURCE_FAILED);
      return;
    }
    peers.connect(task.sourceHost(), task.sourcePort(), this);
  }

  void abort(Status status) {
    end(status);
  }

  @Override
  public void onOpen(Link opened, long nowNanos) {
    if (state != State.CONNECTING) {
      opened.close();
      return;
    }
    link = opened;
    int shard =
        Shards.shardOf(
            chunk.volumeId(), chunk.layer(), chunk.index(), peers.shardCount(task.sourceNodeId()));
    // Its own client id: parallel catch-ups of one node must not supersede each other.
    long clientId =
        (task.nodeId() * 31 + task.incarnation()) * 0x9E3779B97F4A7C15L + opened.id() + 1;
    int length =
        request.hello(
            out,
            0,
            ++requestId,
            task.sourceNodeId(),
            clientId,
            task.attempt(),
            shard,
            Request.ROLE_REPLICA);
    link.send(out, 0, length, null);
  }

  @Override
  public void onFrame(
      DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
    if (state == State.ENDED) {
      return;
    }
    int type = Frame.type(header, offset);
    if (type == MessageType.DURABLE) {
      return;
    }
    if (headerLength < Reply.BODY) {
      end(Status.SOURCE_FAILED);
      return;
    }
    Status status = Status.ofCode(Frame.status(header, offset));
    if (status == Status.BEHIND) {
      retryNanos = nowNanos + BEHIND_RETRY_NANOS;
      return;
    }
    if (status == Status.UNREADABLE && type == (MessageType.READ | MessageType.REPLY)) {
      progressed(nowNanos);
      onUnreadable(Frame.requestId(header, offset));
      return;
    }
    if (status != Status.OK) {
      end(status == Status.STALE_GENERATION ? status : Status.SOURCE_FAILED);
      return;
    }
    progressed(nowNanos);
    switch (type & ~MessageType.REPLY) {
      case MessageType.HELLO -> onWelcome();
      case MessageType.VERSIONS -> onVersions(header, offset, headerLength);
      case MessageType.READ -> onBlocks(header, offset, headerLength, payload);
      default -> end(Status.SOURCE_FAILED);
    }
  }

  @Override
  public void onClosed(long nowNanos) {
    link = null;
    end(Status.SOURCE_FAILED);
  }

  private void onWelcome() {
    if (state == State.CONNECTING && link != null) {
      comparePage(0);
    } else {
      end(Status.SOURCE_FAILED);
    }
  }

  private void comparePage(int block) {
    pageBlock = block;
    if (block >= chunk.sizeBlocks()) {
      if (unreadable.isEmpty() || task.leavesUnreadable()) {
        state = State.FINISHING;
        finishIfReached();
      } else {
        end(Status.SOURCE_FAILED);
      }
      return;
    }
    state = State.COMPARING;
    askVersions();
  }

  /** A write of this chunk was accepted here. */
  void onWritten(long nowNanos) {
    if (state == State.FINISHING) {
      progressed(nowNanos);
      finishIfReached();
    }
  }

  /**
   * A block that was fetched may come from a write that is still on its way to this replica. Were
   * the replica complete before that write, a loss of power could leave it and the source at the
   * same position with different blocks, and a takeover would take them for equal.
   */
  private void finishIfReached() {
    while (marked < unreadable.size()) {
      int block = unreadable.getInt(marked);
      if (!store.hasRoom(0) || !store.isLoaded(chunk, block, 1)) {
        return;
      }
      store.appendUnreadable(chunk, task.generation(), block, unreadableVersions.getLong(marked));
      highestFetched = Math.max(highestFetched, unreadableVersions.getLong(marked));
      marked++;
    }
    if (chunk.lastVersion() >= highestFetched && store.hasRoom(0)) {
      store.appendSyncEnd(chunk);
      end(Status.OK);
    }
  }

  private void askVersions() {
    int count = Math.min(limits.compareBlocksMax(), chunk.sizeBlocks() - pageBlock);
    int length =
        request.range(
            out,
            0,
            MessageType.VERSIONS,
            0,
            ++requestId,
            task.sourceNodeId(),
            chunk.volumeId(),
            chunk.layer(),
            chunk.index(),
            task.generation(),
            pageBlock,
            count,
            task.base());
    link.send(out, 0, length, null);
  }

  private void onVersions(DirectBuffer header, int offset, int headerLength) {
    if (headerLength < Reply.RANGE_ITEMS_OFFSET) {
      end(Status.SOURCE_FAILED);
      return;
    }
    int count = Reply.rangeCount(header, offset);
    int expected = Math.min(limits.compareBlocksMax(), chunk.sizeBlocks() - pageBlock);
    if (state != State.COMPARING
        || Reply.rangeBlock(header, offset) != pageBlock
        || count != expected
        || headerLength != Reply.RANGE_ITEMS_OFFSET + 8 * count) {
      end(Status.SOURCE_FAILED);
      return;
    }
    long[] versions = new long[count];
    for (int i = 0; i < count; i++) {
      versions[i] = Reply.item(header, offset, i);
    }
    theirs = versions;
    store.readVersions(
        chunk,
        pageBlock,
        count,
        new ShardStore.VersionsSink() {
          @Override
          public void onVersions(LongArrayList ours) {
            if (state == State.COMPARING) {
              pull(ours);
            }
          }

          @Override
          public void onUnreadable(int block, String reason) {
            end(Status.UNREADABLE);
          }
        });
  }

  private void pull(LongArrayList ours) {
    int runStart = -1;
    for (int i = 0; i <= theirs.length; i++) {
      boolean differs =
          i < theirs.length && MergeRule.replaces(ours.getLong(i), theirs[i], task.generation());
      if (runStart >= 0 && (!differs || i - runStart == FETCH_BLOCKS_MAX)) {
        wanted.add(new Run(pageBlock + runStart, i - runStart));
        runStart = -1;
      }
      if (differs && runStart < 0) {
        runStart = i;
      }
    }
    state = State.PULLING;
    fetchMore();
  }

  private void fetchMore() {
    if (state != State.PULLING) {
      return;
    }
    while (hasRoomToFetch() && nowNanos >= mayFetchNanos) {
      Run run = wanted.remove();
      if (copyPace != CopyPace.UNBOUNDED) {
        mayFetchNanos =
            Math.max(mayFetchNanos, nowNanos - PACE_SLACK_NANOS)
                + CopyPace.nanos(copyPace, (long) run.count() * Frame.BLOCK_BYTES);
      }
      fetches.put(++requestId, run);
      int length =
          request.range(
              out,
              0,
              MessageType.READ,
              Frame.FLAG_WITH_VERSIONS | Frame.FLAG_FOR_CATCH_UP,
              requestId,
              task.sourceNodeId(),
              chunk.volumeId(),
              chunk.layer(),
              chunk.index(),
              task.generation(),
              run.block(),
              run.count(),
              0);
      link.send(out, 0, length, null);
    }
    if (fetches.isEmpty() && wanted.isEmpty() && unstored.isEmpty()) {
      comparePage(pageBlock + limits.compareBlocksMax());
    }
  }

  /** The source says so of the first bad block of a run: halved, until each is known by itself. */
  private void onUnreadable(long id) {
    Run asked = fetches.remove(id);
    if (asked == null || state != State.PULLING) {
      end(Status.SOURCE_FAILED);
      return;
    }
    if (asked.count() == 1) {
      unreadable.addInt(asked.block());
      unreadableVersions.addLong(theirs[asked.block() - pageBlock]);
    } else {
      int half = asked.count() / 2;
      wanted.addFirst(new Run(asked.block() + half, asked.count() - half));
      wanted.addFirst(new Run(asked.block(), half));
    }
    fetchMore();
  }

  private boolean hasRoomToFetch() {
    return fetches.size() < limits.fetchesMax() && !wanted.isEmpty() && unstored.isEmpty();
  }

  private void onBlocks(DirectBuffer header, int offset, int headerLength, Payload payload) {
    Run asked = fetches.remove(Frame.requestId(header, offset));
    if (asked == null || headerLength < Reply.RANGE_ITEMS_OFFSET) {
      end(Status.SOURCE_FAILED);
      return;
    }
    int block = Reply.rangeBlock(header, offset);
    int count = Reply.rangeCount(header, offset);
    if (state != State.PULLING
        || block != asked.block()
        || count != asked.count()
        || (Frame.flags(header, offset) & Frame.FLAG_WITH_VERSIONS) == 0
        || payload == null
        || payload.length() != count * Frame.BLOCK_BYTES
        || headerLength != Reply.versionsOffset(count) + 8 * count) {
      end(Status.SOURCE_FAILED);
      return;
    }
    for (int i = 0; i < count; i++) {
      int computed =
          crc.of(payload.buffer(), payload.offset() + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      if (computed != Reply.crc(header, offset, i)) {
        // What fails its checksum is never copied (I8).
        end(Status.SOURCE_FAILED);
        return;
      }
    }
    byte[] copy = new byte[headerLength];
    header.getBytes(offset, copy);
    payload.retain();
    unstored.add(new Fetched(new UnsafeBuffer(copy), payload));
    storeFetched();
  }

  void onRoom(long nowNanos) {
    if (state == State.PULLING && !unstored.isEmpty()) {
      progressed(nowNanos);
      storeFetched();
    } else if (state == State.FINISHING) {
      progressed(nowNanos);
      finishIfReached();
    }
  }

  private void storeFetched() {
    while (!unstored.isEmpty()) {
      Fetched fetched = unstored.peek();
      UnsafeBuffer header = fetched.header();
      int count = Reply.rangeCount(header, 0);
      if (!store.hasRoom(fetched.payload().length())
          || !store.isLoaded(chunk, Reply.rangeBlock(header, 0), count)) {
        return;
      }
      unstored.remove();
      store.appendFill(
          chunk,
          task.generation(),
          Reply.rangeBlock(header, 0),
          count,
          header,
          Reply.versionsOffset(count),
          header,
          Reply.crcsOffset(),
          fetched.payload().buffer(),
          fetched.payload().offset());
      copiedBlocks += count;
      for (int i = 0; i < count; i++) {
        highestFetched =
            Math.max(
                highestFetched,
                header.getLong(Reply.versionsOffset(count) + 8 * i, ByteOrder.LITTLE_ENDIAN));
      }
      fetched.payload().release();
    }
    fetchMore();
  }

  long nextDeadlineNanos() {
    if (state == State.ENDED) {
      return Long.MAX_VALUE;
    }
    long next = Math.min(retryNanos, progressDeadlineNanos);
    return state == State.PULLING && hasRoomToFetch() ? Math.min(next, mayFetchNanos) : next;
  }

  void onTimer(long now) {
    if (state == State.ENDED) {
      return;
    }
    nowNanos = now;
    if (now >= progressDeadlineNanos) {
      end(Status.SOURCE_FAILED);
      return;
    }
    if (now >= retryNanos) {
      retryNanos = Long.MAX_VALUE;
      if (link != null && state == State.COMPARING) {
        askVersions();
      }
    }
    fetchMore();
  }

  private void progressed(long now) {
    nowNanos = now;
    progressDeadlineNanos = now + limits.catchUpTimeoutNanos();
  }

  private void end(Status status) {
    if (state == State.ENDED) {
      return;
    }
    state = State.ENDED;
    for (Fetched fetched : unstored) {
      fetched.payload().release();
    }
    unstored.clear();
    if (link != null) {
      link.close();
    }
    listener.ended(this, status);
  }
}
