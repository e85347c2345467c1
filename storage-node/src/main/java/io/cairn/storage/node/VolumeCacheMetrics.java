package io.cairn.storage.node;

import io.cairn.metadata.command.Reply;
import io.cairn.storage.cache.VolumeShare;
import io.cairn.storage.cache.VolumeShares;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Meters of what volumes have of a shard's read cache. The first {@value VolumeShares#SHOWN_MAX}
 * have their own, by name; all others, and those whose name is not known yet, are summed up. On the
 * shard's loop.
 */
final class VolumeCacheMetrics {
  private static final String OTHERS = "(others)";

  private final MeterRegistry registry;
  private final String shard;
  private final VolumeShares shares;
  private final Map<Long, List<Meter>> shown = new TreeMap<>();

  VolumeCacheMetrics(MeterRegistry registry, String shard, VolumeShares shares) {
    this.registry = registry;
    this.shard = shard;
    this.shares = shares;
    meters(OTHERS, shares.others());
  }

  /** These are the volumes of the node now, and the shares have heard of them. */
  void show(List<Reply.NamedTier> volumes) {
    Map<Long, String> names = new TreeMap<>();
    for (Reply.NamedTier volume : volumes) {
      if (shares.of(volume.volumeId()).isShown()) {
        names.put(volume.volumeId(), volume.volume());
      }
    }
    for (Iterator<Map.Entry<Long, List<Meter>>> known = shown.entrySet().iterator();
        known.hasNext(); ) {
      Map.Entry<Long, List<Meter>> entry = known.next();
      if (!names.containsKey(entry.getKey())) {
        entry.getValue().forEach(registry::remove);
        known.remove();
      }
    }
    names.forEach(
        (volumeId, name) ->
            shown.computeIfAbsent(volumeId, id -> meters(name, shares.of(volumeId))));
  }

  private List<Meter> meters(String volume, VolumeShare share) {
    Tags tags = Tags.of("shard", shard, "volume", volume);
    List<Meter> meters = new ArrayList<>();
    meters.add(
        FunctionCounter.builder(
                "cairn.storage.read.cache.volume.hit.blocks", share, VolumeShare::hitBlocks)
            .description(
                "Blocks of the capacity tier that were read from the read cache, by volume.")
            .tags(tags)
            .register(registry));
    meters.add(
        FunctionCounter.builder(
                "cairn.storage.read.cache.volume.missed.blocks", share, VolumeShare::missedBlocks)
            .description(
                "Blocks of the capacity tier that were not in the read cache when they were read,"
                    + " by volume.")
            .tags(tags)
            .register(registry));
    meters.add(
        Gauge.builder("cairn.storage.read.cache.volume.blocks", share, VolumeShare::cachedBlocks)
            .description("Blocks of the volume that are in the read cache.")
            .tags(tags)
            .register(registry));
    return meters;
  }
}
