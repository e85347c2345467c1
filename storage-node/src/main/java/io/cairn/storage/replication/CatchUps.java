package io.cairn.storage.replication;

import io.cairn.storage.wire.CopyPace;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.agrona.DirectBuffer;

/** The catch-ups of one shard: at most one of a chunk, and none of an owner that was fenced. */
final class CatchUps {
  private final long clusterId;
  private final long nodeId;
  private final long incarnation;
  private final ShardStore store;
  private final PeerLinks peers;
  private final ReplicaLimits limits;
  private final Answers answers;
  private final ReplicaCounters counters;
  private final Map<ChunkName, CatchUp> running = new LinkedHashMap<>();
  private CatchUpObserver observer = CatchUpObserver.NONE;

  CatchUps(
      long clusterId,
      long nodeId,
      long incarnation,
      ShardStore store,
      PeerLinks peers,
      ReplicaLimits limits,
      Answers answers,
      ReplicaCounters counters) {
    this.clusterId = clusterId;
    this.nodeId = nodeId;
    this.incarnation = incarnation;
    this.store = store;
    this.peers = peers;
    this.limits = limits;
    this.answers = answers;
    this.counters = counters;
  }

  void observe(CatchUpObserver catchUpObserver) {
    observer = catchUpObserver;
  }

  int count() {
    return running.size();
  }

  /** Executes a CATCH_UP; false when the journal has no room and it must wait. */
  boolean begin(
      ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk, long nowNanos) {
    long base = Request.catchUpBase(b, o);
    long generation = Request.generation(b, o);
    long attempt = Request.catchUpAttempt(b, o);
    ChunkName key = ChunkName.of(chunk);
    CatchUp known = running.get(key);
    if (known != null && known.generation() == generation && known.attempt() >= attempt) {
      return answers.refuse(
          client, MessageType.CATCH_UP, id, Status.STALE_ATTEMPT, chunk.lastVersion(), attempt);
    }
    boolean alone = Request.catchUpSource(b, o) == nodeId;
    if ((alone && !isNewVersion(chunk, base, generation))
        || Request.catchUpSizeBlocks(b, o) != chunk.sizeBlocks()
        || base < 0
        || Version.generation(base) > generation) {
      return answers.refuse(
          client, MessageType.CATCH_UP, id, Status.INVALID, chunk.lastVersion(), base);
    }
    if (!chunk.syncing() && chunk.lastVersion() == base) {
      // Equal last versions mean equal prefixes: nothing is missing.
      answers.whenDurable(client, MessageType.CATCH_UP, id, store.appendedLsn(), base, 0);
      return true;
    }
    if (!store.hasRoom(0)) {
      return store.isFull()
          && answers.refuse(
              client, MessageType.CATCH_UP, id, Status.NO_SPACE, chunk.lastVersion(), base);
    }
    if (known != null) {
      known.abort(Status.STALE_ATTEMPT);
    }
    store.appendSyncBegin(chunk, generation, base);
    if (alone) {
      store.appendSyncEnd(chunk);
      answers.whenDurable(client, MessageType.CATCH_UP, id, store.appendedLsn(), base, 0);
      return true;
    }
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
                base,
                Frame.flags(b, o),
                Request.catchUpLeavesUnreadable(b, o)),
            chunk,
            store,
            peers,
            limits,
            (ended, status) -> onEnded(client, id, key, ended, status));
    running.put(key, begun);
    observer.onBegun(chunk.volumeId(), chunk.layer(), chunk.index(), begun.sourceNodeId());
    begun.start(nowNanos);
    return true;
  }

  /**
   * Whether gaps may stand as contents: under a version of this owner, which no other replica has.
   * Under an old one another replica would be taken for equal that has other blocks.
   */
  private static boolean isNewVersion(ChunkEntry chunk, long base, long generation) {
    return chunk.syncing()
        ? Version.generation(base) == generation && base > chunk.lastVersion()
        : base == chunk.lastVersion();
  }

  private void onEnded(ClientLink client, long id, ChunkName key, CatchUp ended, Status status) {
    running.remove(key, ended);
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
      answers.whenDurable(
          client,
          MessageType.CATCH_UP,
          id,
          store.appendedLsn(),
          ended.base(),
          ended.copiedBlocks());
    } else {
      counters.catchUpFailures++;
      if (!client.dead) {
        answers.refuse(
            client,
            MessageType.CATCH_UP,
            id,
            status,
            ended.unreadableBlocks(),
            ended.copiedBlocks());
      }
    }
  }

  /** The volume's owner has another pace for what it had begun with one. */
  void pace(long volumeId, int copyPace, long nowNanos) {
    if (running.isEmpty() || copyPace == CopyPace.UNBOUNDED) {
      return;
    }
    for (CatchUp catchUp : List.copyOf(running.values())) {
      if (catchUp.volumeId() == volumeId) {
        catchUp.pace(copyPace, nowNanos);
      }
    }
  }

  /** A write reached a chunk that is syncing. */
  void onWritten(ChunkEntry chunk, long nowNanos) {
    CatchUp catchUp = running.get(ChunkName.of(chunk));
    if (catchUp != null) {
      catchUp.onWritten(nowNanos);
    }
  }

  /** The journal has room again. */
  void onRoom(long nowNanos) {
    if (running.isEmpty()) {
      return;
    }
    for (CatchUp catchUp : List.copyOf(running.values())) {
      catchUp.onRoom(nowNanos);
    }
  }

  /** Ends those of a volume that an owner before the given one began. */
  void abortOlder(long volumeId, long generation) {
    for (Map.Entry<ChunkName, CatchUp> entry : List.copyOf(running.entrySet())) {
      if (entry.getKey().volumeId() == volumeId && entry.getValue().generation() < generation) {
        entry.getValue().abort(Status.STALE_GENERATION);
      }
    }
  }

  /** Ends all of a volume. */
  void abortAll(long volumeId, Status status) {
    for (Map.Entry<ChunkName, CatchUp> entry : List.copyOf(running.entrySet())) {
      if (entry.getKey().volumeId() == volumeId) {
        entry.getValue().abort(status);
      }
    }
  }

  /** Ends that of a chunk, if there is one: the chunk is about to go. */
  void abort(ChunkName chunk) {
    CatchUp catchUp = running.get(chunk);
    if (catchUp != null) {
      catchUp.abort(Status.ABSENT);
    }
  }

  /** Ends all. */
  void abortAll(Status status) {
    for (CatchUp catchUp : List.copyOf(running.values())) {
      catchUp.abort(status);
    }
  }

  /** Earliest time at which {@link #onTimer} has something to do; Long.MAX_VALUE when never. */
  long nextDeadlineNanos() {
    long next = Long.MAX_VALUE;
    if (running.isEmpty()) {
      // Asked after every frame: the usual case must cost nothing.
      return next;
    }
    for (CatchUp catchUp : running.values()) {
      next = Math.min(next, catchUp.nextDeadlineNanos());
    }
    return next;
  }

  void onTimer(long nowNanos) {
    for (CatchUp catchUp : List.copyOf(running.values())) {
      catchUp.onTimer(nowNanos);
    }
  }
}
