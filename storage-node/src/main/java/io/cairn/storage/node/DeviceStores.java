package io.cairn.storage.node;

import io.cairn.storage.chunk.FileCapacityTier;
import io.cairn.storage.chunk.index.RocksCatalogue;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.env.Region;
import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.SegmentFiles;
import io.cairn.storage.journal.StoreLoop;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.ShardStore;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The real devices: mapped journals and RocksDB catalogues on the cache device, chunk files on the
 * capacity device.
 */
final class DeviceStores implements ShardStores {
  /** Threads that wait for the capacity device at one time. */
  private static final int CAPACITY_THREADS = 8;

  private static final long IDLE_SECONDS = 30;

  private final Plan plan;
  private final Owner owner;
  private final FileCapacityTier tier;
  private final ThreadPoolExecutor blocking = threads("store-io", CAPACITY_THREADS);

  private DeviceStores(Plan plan, Owner owner, FileCapacityTier tier) {
    this.plan = plan;
    this.owner = owner;
    this.tier = tier;
  }

  static ShardStores open(Plan plan, Owner owner) throws IOException {
    FileCapacityTier tier =
        FileCapacityTier.open(
            plan.capacityDirectory(), plan.capacityLimitBytes(), plan.capacityReserveBytes());
    return new DeviceStores(plan, owner, tier);
  }

  /** Threads that end when nothing is to be done. */
  private static ThreadPoolExecutor threads(String name, int count) {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            count,
            count,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            new DefaultThreadFactory(name, true));
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  @Override
  public Opened openShard(int shard, EventLoop loop, Payloads payloads) throws IOException {
    Path directory = plan.cacheDirectory().resolve("shard-" + shard);
    // A sync must not queue behind reads of the capacity tier: it has a thread of its own.
    ExecutorService syncs = threads("journal-sync-" + shard, 1);
    List<Region> ring =
        SegmentFiles.open(
            directory.resolve("journal"),
            plan.segmentBytes(),
            Math.toIntExact(plan.journalBytes() / plan.segmentBytes()),
            syncs,
            task -> onLoop(loop, task));
    RocksCatalogue catalogue = RocksCatalogue.open(directory.resolve("catalogue"));
    JournaledStore store =
        JournaledStore.open(
            new JournalIdentity(owner.clusterId(), owner.nodeId(), shard),
            ring,
            owner.incarnation(),
            catalogue,
            tier,
            new Threads(loop, blocking),
            payloads,
            StoreSettings.defaults());
    return new OpenedStore(store, syncs);
  }

  /** After the loop has ended nobody waits for what is left. */
  private static void onLoop(EventLoop loop, Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      if (!loop.isShuttingDown()) {
        throw e;
      }
    }
  }

  private record Threads(EventLoop loop, ExecutorService blocking) implements StoreLoop {
    @Override
    public void onLoop(Runnable task) {
      DeviceStores.onLoop(loop, task);
    }

    @Override
    public void offLoop(Runnable task) {
      blocking.execute(task);
    }

    @Override
    public void later(long delayNanos, Runnable task) {
      loop.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
    }
  }

  private record OpenedStore(JournaledStore journaled, ExecutorService syncs) implements Opened {
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
    public void stop(Runnable done) {
      journaled.stop(
          () -> {
            syncs.shutdown();
            done.run();
          });
    }
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
  public void emptyTrash() throws IOException {
    tier.emptyTrash(plan.trashDelay().toMillis());
  }

  @Override
  public void close() throws IOException {
    blocking.shutdown();
    tier.close();
  }
}
