package io.cairn.storage.node;

import io.cairn.storage.cache.CacheCounters;
import io.cairn.storage.cache.ReadCache;
import io.cairn.storage.cache.VolumeShares;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.ToDoubleFunction;

/** Meters of a shard's read cache; all zero on a shard without one. */
final class ReadCacheMetrics {
  private ReadCacheMetrics() {}

  /** Adds them; the cache may be null. */
  static void bind(MeterRegistry registry, String shard, ReadCache cache, VolumeShares shares) {
    CacheCounters counters = cache == null ? new CacheCounters() : cache.counters();
    counter(
        registry,
        shard,
        counters,
        "hit.blocks",
        "Blocks of the capacity tier that were read from the read cache.",
        CacheCounters::hitBlocks);
    counter(
        registry,
        shard,
        counters,
        "missed.blocks",
        "Blocks of the capacity tier that were not in the read cache when they were read.",
        CacheCounters::missedBlocks);
    counter(
        registry,
        shard,
        counters,
        "lost.blocks",
        "Blocks that were not taken into the read cache, as its device did not keep up.",
        CacheCounters::lostBlocks);
    counter(
        registry,
        shard,
        counters,
        "bad.blocks",
        "Blocks of the read cache that failed their checksum and were read from the tier.",
        CacheCounters::badBlocks);
    counter(
        registry,
        shard,
        counters,
        "written.bytes",
        "Bytes written to the read cache's device.",
        CacheCounters::writtenBytes);
    Gauge.builder(
            "cairn.storage.read.cache.filled.blocks",
            counters,
            unused -> cache == null ? 0 : cache.filledBlocks())
        .description("Blocks that are in the read cache.")
        .tag("shard", shard)
        .register(registry);
    Gauge.builder("cairn.storage.read.cache.pinned.blocks", shares, VolumeShares::pinnedSlots)
        .description("Blocks of pinned volumes that are in the read cache.")
        .tag("shard", shard)
        .register(registry);
    Gauge.builder("cairn.storage.read.cache.pinned.max.blocks", shares, VolumeShares::pinnedMax)
        .description("Blocks of pinned volumes that stay in the read cache at most.")
        .tag("shard", shard)
        .register(registry);
    Gauge.builder(
            "cairn.storage.read.cache.blocks",
            counters,
            unused -> cache == null ? 0 : cache.slots())
        .description("Blocks that the read cache has place for.")
        .tag("shard", shard)
        .register(registry);
  }

  private static void counter(
      MeterRegistry registry,
      String shard,
      CacheCounters counters,
      String name,
      String text,
      ToDoubleFunction<CacheCounters> value) {
    FunctionCounter.builder("cairn.storage.read.cache." + name, counters, value)
        .description(text)
        .tag("shard", shard)
        .register(registry);
  }
}
