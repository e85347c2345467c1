package io.cairn.storage.node;

import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.storage.cache.FileCacheDevice;
import io.cairn.storage.cache.ReadCache;
import io.cairn.storage.cache.VolumeShares;
import io.cairn.storage.chunk.index.RocksCatalogue;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.SegmentFiles;
import io.cairn.storage.journal.StoreCounters;
import io.cairn.storage.replication.LostChunks;
import io.cairn.storage.replication.ShardStore;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import java.util.SortedSet;
import java.util.function.ToDoubleFunction;

/** One shard's store on its devices. */
record DeviceShard(
    JournaledStore journaled,
    SegmentFiles segments,
    RocksCatalogue catalogue,
    FileCacheDevice cacheDevice,
    LatencyHistogram syncs,
    LatencyHistogram queued,
    LostChunks lost)
    implements ShardStores.Opened {
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
  public void keepFlushed(boolean keep) {
    journaled.keepFlushed(keep);
  }

  @Override
  public void volumeTiers(Map<Long, VolumeTier> tiers) {
    journaled.volumeTiers(tiers);
  }

  @Override
  public VolumeShares shares() {
    return journaled.shares();
  }

  @Override
  public long flushLeftBytes() {
    return journaled.flushLeftBytes();
  }

  @Override
  public long journalSizeBytes() {
    return journaled.journalSizeBytes();
  }

  /** What the shard wrote to its cache device beside its journal; any thread. */
  long besideJournalBytes() {
    ReadCache cache = journaled.readCache();
    return catalogue.writtenBytes() + (cache == null ? 0 : cache.counters().writtenBytes());
  }

  @Override
  public void resizeCache(long journalBytes, long readCacheBytes) {
    journaled.resizeJournal(journalBytes, segments);
    journaled.resizeReadCache(readCacheBytes == 0 ? 0 : FileCacheDevice.slots(readCacheBytes));
  }

  @Override
  public CacheSizes cacheSizes() {
    return new CacheSizes(
        segments.sizeBytes(),
        journaled.journalLackBytes(),
        cacheDevice == null ? 0 : cacheDevice.sizeBytes(),
        journaled.resizeProblem());
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
    ReadCacheMetrics.bind(registry, shard, journaled.readCache(), journaled.shares());
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
        registry, shard, counters, "journal.syncs", "Syncs of the journal.", StoreCounters::syncs);
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
    Gauge.builder("cairn.storage.destage.running", counters, StoreCounters::destagesRunning)
        .description("1 while a run moves records to the capacity tier.")
        .tag("shard", shard)
        .register(registry);
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
        "tier.ahead.blocks",
        "Blocks of the capacity tier that were read ahead of sequential readers.",
        StoreCounters::aheadBlocks);
    FunctionCounter.builder(
            "cairn.storage.catalogue.written.bytes", catalogue, RocksCatalogue::writtenBytes)
        .description("Bytes that the shard's catalogue wrote to its device: log, tables, merges.")
        .tag("shard", shard)
        .register(registry);
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
