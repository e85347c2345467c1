package io.cairn.storage.node;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.Refilled;
import io.cairn.storage.replication.ReplicaCounters;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.replication.Strays;
import io.cairn.storage.transport.LinkClient;
import io.cairn.storage.transport.LinkServer;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.agrona.DirectBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One shard on its event loop: sockets, replica machine and store run on one thread, and a timer is
 * armed only while the machine waits for a time.
 */
final class ShardLoop implements LinkServer.Shard {
  private static final Logger LOG = LoggerFactory.getLogger(ShardLoop.class);

  /** One request in so many is timed: looking at the clock costs as much as a small read. */
  static final int TIMED_EVERY = 16;

  /** Chunks that are counted for one heartbeat: well below a millisecond. */
  private static final int REFILLED_CHUNKS = 1024;

  /** Names of chunks whose catch-up did not end, in one heartbeat. */
  private static final int UNFINISHED_CHUNKS = 16;

  private final int number;
  private final EventLoop loop;
  private final ShardStores.Opened opened;
  private final LinkClient client;
  private final ReplicaShard replica;
  private final Refilled refilled;
  private final LatencyHistogram writes = new LatencyHistogram();
  private final LatencyHistogram reads = new LatencyHistogram();
  private VolumeCacheMetrics cacheOfVolumes;
  private int untilTimed;
  private ScheduledFuture<?> timer;
  private long armedNanos = Long.MAX_VALUE;
  private boolean stopped;
  private Runnable whenDurable;

  /** Why the cache tier has not the size that it is to have, as the log says; or null. */
  private String resizeProblem;

  /** Why the shard accepts nothing, or null; read by other threads. */
  private volatile String failure;

  /** Why the shard has no room, or null; read by other threads. */
  private volatile String fullReason;

  /** What its device does not return from, or null; read by other threads. */
  private volatile String stall;

  /** What a heartbeat says of one shard. */
  record Usage(
      long journalUsedBytes,
      long journalSizeBytes,
      long flushLeftBytes,
      int chunkCount,
      int links,
      int catchUps,
      boolean pinnedFull,
      Map<Long, Long> refilled,
      List<ChunkName> unfinished,
      CacheSizes cacheSizes) {}

  /**
   * A shard that is not started.
   *
   * @param makeReplica given the peers' links and the store.
   */
  ShardLoop(
      int number,
      EventLoop loop,
      ShardStores.Opened opened,
      LinkClient client,
      NodeDirectory directory,
      Function<NodePeers, ReplicaShard> makeReplica) {
    this.number = number;
    this.loop = loop;
    this.opened = opened;
    this.client = client;
    this.refilled = new Refilled(opened.store(), opened.lost());
    this.replica = makeReplica.apply(new NodePeers(client, directory, this::arm));
  }

  @Override
  public EventLoop loop() {
    return loop;
  }

  @Override
  public Dialer.Handler accept() {
    return new Incoming();
  }

  /** Begins to serve; on the loop. */
  void start() {
    opened.start(new StoreEvents());
  }

  String failure() {
    return failure;
  }

  int number() {
    return number;
  }

  /**
   * Whether it takes no connections: a device failed, or does not return from a call; any thread.
   */
  boolean isOut() {
    return failure != null || stall != null;
  }

  /** Whether nothing is wrong but that there is no room; any thread. */
  boolean isFull() {
    return failure == null && stall == null && fullReason != null;
  }

  /** How long syncs of the journal took. */
  LatencyHistogram syncs() {
    return opened.syncs();
  }

  /** How long reads of the capacity tier, and what else blocks, waited for a thread. */
  LatencyHistogram queued() {
    return opened.queued();
  }

  /** Adds the store's own meters; before {@link #volumeTiers}. */
  void bindMetrics(MeterRegistry registry) {
    opened.bindMetrics(registry, Integer.toString(number));
    cacheOfVolumes = new VolumeCacheMetrics(registry, Integer.toString(number), opened.shares());
  }

  /**
   * Its device does not return, or, with null, does again; any thread. Until then nobody is
   * connected.
   */
  void stalled(String reason) {
    stall = reason;
    loop.execute(
        () -> {
          replica.withdraw(reason != null);
          arm();
        });
  }

  /** What an operator must see to, in one line; null when there is nothing. Any thread. */
  String trouble() {
    if (failure != null) {
      return "shard " + number + " accepts nothing: " + failure;
    }
    String stalled = stall;
    if (stalled != null) {
      return "shard " + number + " is out of service: " + stalled;
    }
    String reason = fullReason;
    return reason == null ? null : "shard " + number + " has no room: " + reason;
  }

  private void timed(int type, long arrivedNanos) {
    if (type == MessageType.WRITE || type == MessageType.READ) {
      untilTimed = 0;
      long tookNanos = System.nanoTime() - arrivedNanos;
      (type == MessageType.WRITE ? writes : reads).record(tookNanos);
    }
  }

  /** How long the loop was busy with writes, one in {@link #TIMED_EVERY}. */
  LatencyHistogram writes() {
    return writes;
  }

  /** How long the loop was busy with reads, one in {@link #TIMED_EVERY}. */
  LatencyHistogram reads() {
    return reads;
  }

  ReplicaCounters counters() {
    return replica.counters();
  }

  /** On the loop. */
  Usage usage() {
    CacheSizes sizes = opened.cacheSizes();
    if (sizes.problem() != null && !sizes.problem().equals(resizeProblem)) {
      LOG.warn("shard {}: {}", number, sizes.problem());
    }
    resizeProblem = sizes.problem();
    return new Usage(
        opened.journalUsedBytes(),
        opened.journalSizeBytes(),
        opened.flushLeftBytes(),
        opened.chunkCount(),
        replica.linkCount(),
        replica.catchUpCount(),
        opened.shares().isPinnedFull(),
        failure == null && !stopped ? refilled.count(REFILLED_CHUNKS) : Map.of(),
        failure == null && !stopped ? replica.unfinished().some(UNFINISHED_CHUNKS) : List.of(),
        sizes);
  }

  /** What the journal holds is destaged, and what comes after it at once; on the loop. */
  void keepFlushed(boolean keep) {
    if (failure == null && !stopped) {
      opened.keepFlushed(keep);
    }
  }

  /** How large journal and read cache are to be; on the loop. */
  void resizeCache(long journalBytes, long readCacheBytes) {
    if (failure == null && !stopped) {
      opened.resizeCache(journalBytes, readCacheBytes);
    }
  }

  /** What the tier is to do for each volume from now on; on the loop. */
  void volumeTiers(List<Reply.NamedTier> volumes) {
    if (failure == null && !stopped) {
      Map<Long, VolumeTier> tiers = new TreeMap<>();
      volumes.forEach(volume -> tiers.put(volume.volumeId(), volume.tier()));
      opened.volumeTiers(tiers);
      cacheOfVolumes.show(volumes);
    }
  }

  /** Volumes of which the shard holds chunks; on the loop. */
  List<Long> volumes() {
    return List.copyOf(opened.volumes());
  }

  /** Their chunks go to the trash; on the loop. */
  void trash(List<Long> deletedVolumes) {
    if (failure == null && !stopped) {
      for (long volume : deletedVolumes) {
        replica.trashVolume(volume);
      }
    }
  }

  /** What to ask the metadata about next; on the loop. */
  Strays.Question askStrays(int chunksMax) {
    return failure == null && !stopped ? replica.strays().ask(chunksMax) : Strays.Question.NONE;
  }

  /** The answer: what is not the node's own goes to the trash; on the loop. */
  void giveBack(long question, List<ChunkName> strays) {
    if (failure == null && !stopped) {
      replica.giveBack(question, strays);
    }
  }

  /** One connection to this shard. */
  private final class Incoming implements Dialer.Handler {
    private Link link;

    @Override
    public void onOpen(Link accepted, long nowNanos) {
      link = accepted;
      replica.onLinkOpen(accepted);
    }

    @Override
    public void onFrame(
        DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
      int type = Frame.type(header, offset);
      replica.onFrame(link, header, offset, headerLength, payload, nowNanos);
      arm();
      if (++untilTimed >= TIMED_EVERY) {
        timed(type, nowNanos);
      }
    }

    @Override
    public boolean takesMore() {
      return replica.takesMore(link);
    }

    @Override
    public void onClosed(long nowNanos) {
      if (link != null) {
        replica.onLinkClosed(link);
      }
    }
  }

  private final class StoreEvents implements ShardStore.Listener {
    @Override
    public void onDurable(long durableLsn) {
      replica.onDurable(durableLsn);
      tellIfDurable();
      arm();
    }

    @Override
    public void onRoom() {
      boolean full = opened.store().isFull();
      if (full && fullReason == null) {
        fullReason = String.valueOf(opened.fullReason());
        LOG.warn("shard {} has no room, and takes what its journal can: {}", number, fullReason);
      } else if (!full && fullReason != null) {
        fullReason = null;
        LOG.info("shard {} has room again", number);
      }
      // What was parked goes on at the present time, not at that of the last frame.
      replica.onTimer(System.nanoTime());
      replica.onRoom();
      arm();
    }

    @Override
    public void onTrashed(long volumeId) {
      replica.onTrashed(volumeId);
    }

    @Override
    public void onFailed(String reason) {
      LOG.error("shard {} accepts nothing any more: {}", number, reason);
      failure = reason;
      replica.onFailed(reason);
      tellIfDurable();
    }
  }

  /** Arms the timer if the machine waits for an earlier time than the one it is armed for. */
  private void arm() {
    long next = replica.nextDeadlineNanos();
    if (next >= armedNanos || stopped) {
      return;
    }
    if (timer != null) {
      timer.cancel(false);
    }
    armedNanos = next;
    long delay = Math.max(0, next - System.nanoTime());
    timer = loop.schedule(this::onTimer, delay, TimeUnit.NANOSECONDS);
  }

  private void onTimer() {
    timer = null;
    armedNanos = Long.MAX_VALUE;
    replica.onTimer(System.nanoTime());
    arm();
  }

  /**
   * Refuses what comes from now on and makes durable what was taken; on the loop.
   *
   * @param done runs on the loop, also when the store has failed.
   */
  void stopServing(Runnable done) {
    replica.stop();
    whenDurable = done;
    opened.store().requestSync(opened.store().appendedLsn());
    tellIfDurable();
  }

  private void tellIfDurable() {
    ShardStore store = opened.store();
    if (whenDurable != null && (failure != null || store.durableLsn() >= store.appendedLsn())) {
      Runnable done = whenDurable;
      whenDurable = null;
      done.run();
    }
  }

  /** Ends the connections to other nodes; not from the loop. */
  void closePeers() {
    client.close();
  }

  /** Closes the store, once no connection is left that could hold its memory; on the loop. */
  void closeStore(Runnable done) {
    stopped = true;
    if (timer != null) {
      timer.cancel(false);
    }
    opened.stop(done);
  }
}
