package io.cairn.storage.node;

import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.storage.cache.VolumeShares;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.replication.LostChunks;
import io.cairn.storage.replication.MemoryStore;
import io.cairn.storage.replication.ShardStore;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;

/** Devices of one node in memory; they outlive the node's process. */
final class MemoryStores implements ShardStores.Factory {
  final List<MemoryStore> stores = new ArrayList<>();
  final List<ShardStores.Owner> owners = new ArrayList<>();
  volatile boolean stopped;

  /** How often a shard was told to keep its journal destaged. */
  final AtomicInteger flushes = new AtomicInteger();

  private volatile OpenedMemory last;

  MemoryStores(int shardCount) {
    for (int i = 0; i < shardCount; i++) {
      stores.add(new MemoryStore());
    }
  }

  /** The device of the shard that was opened last is gone. */
  void fail(String reason) {
    last.loop.execute(() -> last.listener.onFailed(reason));
  }

  @Override
  public ShardStores open(
      ShardStores.Plan plan, ShardStores.Owner owner, List<EventLoop> loops, Payloads payloads) {
    owners.add(owner);
    stopped = false;
    List<ShardStores.Slot> shards = new ArrayList<>();
    for (int i = 0; i < loops.size(); i++) {
      shards.add(new ShardStores.Slot(new OpenedMemory(stores.get(i), loops.get(i)), null));
    }
    return new Stores(shards);
  }

  private record Stores(List<Slot> shards) implements ShardStores {
    @Override
    public List<DeviceUse> devices() {
      return List.of();
    }

    @Override
    public long capacityBytes() {
      return 1L << 30;
    }

    @Override
    public long usedBytes() {
      return 1L << 20;
    }

    @Override
    public long freeBytes(Set<Integer> serving) {
      return capacityBytes() - usedBytes();
    }

    @Override
    public void emptyTrash() {}

    @Override
    public void whenTight(Runnable listener) {}

    @Override
    public void close() {}
  }

  private final class OpenedMemory implements ShardStores.Opened {
    private final MemoryStore store;
    private final EventLoop loop;
    private volatile ShardStore.Listener listener;
    private boolean kept;

    OpenedMemory(MemoryStore store, EventLoop loop) {
      this.store = store;
      this.loop = loop;
    }

    @Override
    public ShardStore store() {
      return store;
    }

    @Override
    public void start(ShardStore.Listener listener) {
      this.listener = listener;
      last = this;
      store.syncWanted =
          () ->
              loop.execute(
                  () -> {
                    if (store.synced()) {
                      listener.onDurable(store.durableLsn());
                    }
                  });
    }

    @Override
    public SortedSet<Long> volumes() {
      TreeSet<Long> volumes = new TreeSet<>();
      if (store.chunk(ShardCaller.INDEX) != null) {
        volumes.add(ShardCaller.VOLUME);
      }
      return volumes;
    }

    @Override
    public long journalUsedBytes() {
      return store.appendedLsn();
    }

    @Override
    public void keepFlushed(boolean keep) {
      flushes.addAndGet(keep && !kept ? 1 : 0);
      kept = keep;
    }

    @Override
    public void volumeTiers(Map<Long, VolumeTier> tiers) {
      // There is one tier only.
    }

    @Override
    public VolumeShares shares() {
      return new VolumeShares(50);
    }

    @Override
    public long flushLeftBytes() {
      return kept ? 0 : -1;
    }

    @Override
    public long journalSizeBytes() {
      return 1 << 20;
    }

    @Override
    public void resizeCache(long journalBytes, long readCacheBytes) {
      // It has none.
    }

    @Override
    public CacheSizes cacheSizes() {
      return CacheSizes.NONE;
    }

    @Override
    public int chunkCount() {
      return volumes().size();
    }

    @Override
    public String fullReason() {
      return null;
    }

    @Override
    public LatencyHistogram syncs() {
      return new LatencyHistogram();
    }

    @Override
    public LatencyHistogram queued() {
      return new LatencyHistogram();
    }

    @Override
    public LostChunks lost() {
      return LostChunks.NONE;
    }

    @Override
    public void bindMetrics(MeterRegistry registry, String shard) {}

    @Override
    public void stop(Runnable done) {
      store.syncWanted = () -> {};
      store.synced();
      stopped = true;
      done.run();
    }
  }
}
