package io.cairn.storage.node;

import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.storage.cache.CacheDevice;
import io.cairn.storage.cache.FileCacheDevice;
import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.FileCapacityTier;
import io.cairn.storage.chunk.SlowCapacityTier;
import io.cairn.storage.chunk.index.RocksCatalogue;
import io.cairn.storage.device.BackgroundThread;
import io.cairn.storage.device.BlockingThreads;
import io.cairn.storage.device.OutOfSpaceException;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.env.Region;
import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.SegmentFiles;
import io.cairn.storage.journal.StoreCounters;
import io.cairn.storage.journal.StoreLoop;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.ShardStore;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SortedSet;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores on real devices: per shard a journal and a catalogue in the cache directory, for all of
 * them the chunk files in the capacity directory.
 */
final class DeviceStores implements ShardStores {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceStores.class);

  /** Reads of the capacity tier and destage runs that are under way at one time, per shard. */
  private static final int BLOCKING_PER_SHARD = 8;

  private static final long IDLE_SECONDS = 10;
  private static final long END_SECONDS = 30;

  private final Plan plan;
  private final BlockingThreads blocking;
  private final BlockingThreads syncing;
  private final BlockingThreads background;
  private final List<Opened> shards = new ArrayList<>();
  private FileCapacityTier tier;

  private DeviceStores(Plan plan, int shardCount) {
    this.plan = plan;
    blocking = threads(BLOCKING_PER_SHARD * shardCount, new DefaultThreadFactory("tier", true));
    // Its own threads: a sync must not queue behind slow reads.
    syncing = threads(shardCount, new DefaultThreadFactory("journal-sync", true));
    background = threads(shardCount, new BackgroundThreads());
  }

  /** Threads that destage while there is time for it. */
  private static final class BackgroundThreads extends DefaultThreadFactory {
    BackgroundThreads() {
      super("destage", true);
    }

    @Override
    protected Thread newThread(Runnable task, String name) {
      return super.newThread(
          () -> {
            BackgroundThread.lowerThisOne();
            task.run();
          },
          name);
    }
  }

  private static BlockingThreads threads(int most, ThreadFactory factory) {
    return new BlockingThreads(most, TimeUnit.SECONDS.toNanos(IDLE_SECONDS), factory);
  }

  /** Recovers all shards; {@link Factory}. */
  static ShardStores open(Plan plan, Owner owner, List<EventLoop> loops, Payloads payloads)
      throws IOException {
    DeviceStores stores = new DeviceStores(plan, loops.size());
    Deque<Runnable> undo = new ArrayDeque<>();
    try {
      stores.recover(owner, loops, payloads, undo);
      return stores;
    } catch (IllegalStateException e) {
      stores.abandon(undo);
      throw new IOException("the store cannot be recovered: " + e.getMessage(), e);
    } catch (IOException | RuntimeException e) {
      stores.abandon(undo);
      throw e;
    }
  }

  /** What the journals of so many shards will take of the cache directory when they are made. */
  static long missingJournalBytes(Plan plan, int shardCount) {
    long missing = 0;
    for (int shard = 0; shard < shardCount; shard++) {
      missing +=
          SegmentFiles.missingBytes(journal(plan, shard), plan.segmentBytes(), segmentCount(plan));
    }
    return missing;
  }

  private static int segmentCount(Plan plan) {
    return Math.toIntExact(plan.journalBytes() / plan.segmentBytes());
  }

  private void abandon(Deque<Runnable> undo) throws IOException {
    undo.forEach(Runnable::run);
    close();
  }

  private void recover(Owner owner, List<EventLoop> loops, Payloads payloads, Deque<Runnable> undo)
      throws IOException {
    List<List<Region>> rings = new ArrayList<>();
    List<LatencyHistogram> syncs = new ArrayList<>();
    for (int i = 0; i < loops.size(); i++) {
      syncs.add(new LatencyHistogram());
      EventLoop loop = loops.get(i);
      List<Region> ring =
          SegmentFiles.open(
              journal(plan, i),
              plan.segmentBytes(),
              segmentCount(plan),
              plan.journalMemory(),
              timed(syncs.get(i)),
              task -> onLoop(loop, task));
      undo.push(() -> ring.forEach(region -> region.close(false)));
      rings.add(ring);
    }
    // After the journals are made: they may lie on the same file system.
    tier =
        FileCapacityTier.open(
            plan.capacityDirectory(), plan.capacityLimitBytes(), plan.capacityReserveBytes());
    CapacityTier capacity = tier;
    if (plan.slowCapacityIops() > 0) {
      LOG.warn(
          "the capacity tier is slowed down to {} random requests and {} bytes a second for a"
              + " measurement",
          plan.slowCapacityIops(),
          plan.slowCapacityBytes());
      capacity = new SlowCapacityTier(tier, plan.slowCapacityIops(), plan.slowCapacityBytes());
    }
    for (int i = 0; i < loops.size(); i++) {
      long startNanos = System.nanoTime();
      RocksCatalogue catalogue = RocksCatalogue.open(directory(i).resolve("catalogue"));
      undo.push(catalogue::close);
      JournaledStore store =
          JournaledStore.open(
              new JournalIdentity(owner.clusterId(), owner.nodeId(), i),
              rings.get(i),
              owner.incarnation(),
              catalogue,
              capacity,
              new Loop(loops.get(i)),
              payloads,
              StoreSettings.defaults(),
              readCache(owner, i));
      shards.add(new Shard(store, syncs.get(i)));
      LOG.info(
          "shard {} recovered in {} ms: {}; {} bytes of {} in use",
          i,
          (System.nanoTime() - startNanos) / 1_000_000,
          store.recoveryText(),
          store.journalUsedBytes(),
          store.journalSizeBytes());
      if (store.isJournalDamaged()) {
        LOG.error(
            "the journal of shard {} lacks what was durable once: the device of {} is damaged;"
                + " what is missing comes back from the other replicas",
            i,
            directory(i));
      }
    }
  }

  /** The device of a shard's read cache; null when there is to be none, or it cannot be had. */
  private CacheDevice readCache(Owner owner, int shard) throws IOException {
    Path file = directory(shard).resolve("read-cache");
    if (plan.readCacheBytes() == 0) {
      FileCacheDevice.delete(file);
      return null;
    }
    try {
      return FileCacheDevice.open(
          file, plan.readCacheBytes(), owner.clusterId(), owner.nodeId(), shard);
    } catch (OutOfSpaceException e) {
      LOG.warn("shard {} has no read cache: {}", shard, e.getMessage());
      FileCacheDevice.delete(file);
      return null;
    }
  }

  /** Runs and times the syncs of one journal, of which one is under way at most. */
  private Executor timed(LatencyHistogram syncs) {
    return sync ->
        syncing.execute(
            () -> {
              long beginNanos = System.nanoTime();
              sync.run();
              syncs.record(System.nanoTime() - beginNanos);
            });
  }

  private Path directory(int shard) {
    return directory(plan, shard);
  }

  private static Path directory(Plan plan, int shard) {
    return plan.cacheDirectory().resolve("shard-" + shard);
  }

  private static Path journal(Plan plan, int shard) {
    return directory(plan, shard).resolve("journal");
  }

  private static void onLoop(EventLoop loop, Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      // The node has stopped; nobody is left to be told.
    }
  }

  /** The shard's loop as its store sees it. */
  private final class Loop implements StoreLoop {
    private final EventLoop loop;

    Loop(EventLoop loop) {
      this.loop = loop;
    }

    @Override
    public void onLoop(Runnable task) {
      DeviceStores.onLoop(loop, task);
    }

    @Override
    public void offLoop(Runnable task) {
      blocking.execute(task);
    }

    @Override
    public void inBackground(Runnable task) {
      background.execute(task);
    }

    @Override
    public long nowNanos() {
      return System.nanoTime();
    }

    @Override
    public void later(long delayNanos, Runnable task) {
      try {
        var unused = loop.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
      } catch (RejectedExecutionException e) {
        // The node has stopped.
      }
    }
  }

  private record Shard(JournaledStore journaled, LatencyHistogram syncs) implements Opened {
    @Override
    public ShardStore store() {
      return journaled;
    }

    @Override
    public void start(ShardStore.Listener listener) {
      journaled.start(listener);
    }

    @Override
    public SortedSet<Long> volumes() {
      return journaled.volumes();
    }

    @Override
    public long journalUsedBytes() {
      return journaled.journalUsedBytes();
    }

    @Override
    public long journalSizeBytes() {
      return journaled.journalSizeBytes();
    }

    @Override
    public int chunkCount() {
      return journaled.chunkCount();
    }

    @Override
    public String fullReason() {
      return journaled.fullReason();
    }

    @Override
    public void bindMetrics(MeterRegistry registry, String shard) {
      ReadCacheMetrics.bind(registry, shard, journaled.readCache());
      StoreCounters counters = journaled.counters();
      counter(
          registry,
          shard,
          counters,
          "journal.appended.records",
          "Records appended to the journal.",
          StoreCounters::appendedRecords);
      counter(
          registry,
          shard,
          counters,
          "journal.appended.bytes",
          "Bytes appended to the journal, headers included.",
          StoreCounters::appendedBytes);
      counter(
          registry,
          shard,
          counters,
          "journal.syncs",
          "Syncs of the journal.",
          StoreCounters::syncs);
      counter(
          registry,
          shard,
          counters,
          "journal.room.waits",
          "Times that an append waited for room in the journal.",
          StoreCounters::roomWaits);
      counter(
          registry,
          shard,
          counters,
          "destage.runs",
          "Runs that moved records to the capacity tier.",
          StoreCounters::destageRuns);
      counter(
          registry,
          shard,
          counters,
          "destage.blocks",
          "Blocks written to the capacity tier.",
          StoreCounters::destagedBlocks);
      counter(
          registry,
          shard,
          counters,
          "destage.merged.blocks",
          "Blocks that were not written to the capacity tier, as they were written again before.",
          StoreCounters::mergedBlocks);
      counter(
          registry,
          shard,
          counters,
          "journal.paced.writes",
          "Times that a write was delayed because the journal filled faster than it was destaged.",
          StoreCounters::pacedWrites);
      counter(
          registry,
          shard,
          counters,
          "destage.stalls",
          "Times that the capacity tier had no room.",
          StoreCounters::destageStalls);
      counter(
          registry,
          shard,
          counters,
          "tier.reads",
          "Reads that waited for the capacity tier.",
          StoreCounters::tierReads);
      counter(
          registry,
          shard,
          counters,
          "tier.cached.reads",
          "Reads of the capacity tier that were answered from the page cache at once.",
          StoreCounters::cachedReads);
      counter(
          registry,
          shard,
          counters,
          "unreadable.blocks",
          "Blocks that could not be read or failed their checksum.",
          StoreCounters::unreadableBlocks);
      counter(
          registry,
          shard,
          counters,
          "rotten.blocks",
          "Blocks of the journal that failed their checksum when they were destaged.",
          StoreCounters::rottenBlocks);
    }

    private static void counter(
        MeterRegistry registry,
        String shard,
        StoreCounters counters,
        String name,
        String text,
        ToDoubleFunction<StoreCounters> value) {
      FunctionCounter.builder("cairn.storage." + name, counters, value)
          .description(text)
          .tag("shard", shard)
          .register(registry);
    }

    @Override
    public void stop(Runnable done) {
      journaled.stop(done);
    }
  }

  @Override
  public List<Opened> shards() {
    return List.copyOf(shards);
  }

  @Override
  public long capacityBytes() {
    return tier.capacityBytes();
  }

  @Override
  public long usedBytes() {
    return tier.reservedBytes();
  }

  @Override
  public long freeBytes() {
    long unreserved = tier.capacityBytes() - tier.reservedBytes();
    try {
      long left =
          Files.getFileStore(plan.capacityDirectory()).getUsableSpace()
              - plan.capacityReserveBytes();
      return Math.max(0, Math.min(unreserved, left));
    } catch (IOException e) {
      LOG.warn("cannot tell the free space of {}: {}", plan.capacityDirectory(), e.toString());
      return 0;
    }
  }

  @Override
  public void emptyTrash() throws IOException {
    int deleted = tier.emptyTrash(plan.trashDelay().toMillis());
    if (deleted > 0) {
      LOG.info("{} chunks left the trash", deleted);
    }
  }

  @Override
  public void close() throws IOException {
    end(syncing);
    end(background);
    end(blocking);
    if (tier != null) {
      tier.close();
    }
  }

  private static void end(BlockingThreads threads) {
    if (!threads.end(TimeUnit.SECONDS.toNanos(END_SECONDS))) {
      LOG.warn("work on a device has not ended within {} s", END_SECONDS);
    }
  }
}
