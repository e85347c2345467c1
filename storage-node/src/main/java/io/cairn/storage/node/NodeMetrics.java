package io.cairn.storage.node;

import io.cairn.metadata.metrics.HistogramFamily;
import io.cairn.storage.replication.ReplicaCounters;
import io.cairn.storage.transport.LinkServer;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Status;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/**
 * The node's meters. All of them look, when they are scraped, at plain numbers that the loops write
 * anyway: nothing is added to a request's path.
 */
final class NodeMetrics {
  private NodeMetrics() {}

  static void bind(
      PrometheusMeterRegistry registry,
      LinkServer server,
      ShardStores stores,
      List<ShardLoop> shards,
      NodeUsage usage) {
    FunctionCounter.builder("cairn.storage.connections.accepted", server, LinkServer::accepted)
        .description("Connections to the data port that were taken.")
        .register(registry);
    FunctionCounter.builder(
            "cairn.storage.connections.local.accepted", server, LinkServer::localAccepted)
        .description("Connections from this host to the data port that came without TCP.")
        .register(registry);
    FunctionCounter.builder("cairn.storage.connections.lending", server, LinkServer::lent)
        .description(
            "Of those from this host, connections whose peer lends the payloads of its writes.")
        .register(registry);
    FunctionCounter.builder("cairn.storage.connections.refused", server, LinkServer::refused)
        .description("Connections that were closed at once, being too many.")
        .register(registry);
    FunctionCounter.builder("cairn.storage.greetings.bad", server, LinkServer::badGreetings)
        .description("Connections that ended without a HELLO.")
        .register(registry);
    Gauge.builder("cairn.storage.connections", server, LinkServer::connections)
        .description("Connections that are open.")
        .register(registry);
    Gauge.builder("cairn.storage.capacity.bytes", stores, ShardStores::capacityBytes)
        .description("Space that chunks may take.")
        .register(registry);
    Gauge.builder("cairn.storage.capacity.used.bytes", stores, ShardStores::usedBytes)
        .description("Space that chunks take or have set aside.")
        .register(registry);
    HistogramFamily service =
        HistogramFamily.register(
            registry,
            "cairn_storage_service_seconds",
            "How long a shard's loop was busy with a request, from its arrival: for a write until"
                + " it is in the journal, for a read of cached blocks until it is answered; one"
                + " request in "
                + ShardLoop.TIMED_EVERY
                + ".");
    HistogramFamily syncs =
        HistogramFamily.register(
            registry, "cairn_storage_journal_sync_seconds", "How long syncs of the journal took.");
    HistogramFamily queued =
        HistogramFamily.register(
            registry,
            "cairn_storage_tier_queue_seconds",
            "How long work that left the loop for a device, reads of the capacity tier above all,"
                + " waited for a thread.");
    for (int i = 0; i < stores.shards().size(); i++) {
      if (stores.shards().get(i).opened() == null) {
        failed(registry, Integer.toString(i), stores, s -> 1);
      }
    }
    for (int i = 0; i < shards.size(); i++) {
      String shard = Integer.toString(shards.get(i).number());
      service.add(shards.get(i)::writes, "shard", shard, "request", "write");
      service.add(shards.get(i)::reads, "shard", shard, "request", "read");
      syncs.add(shards.get(i)::syncs, "shard", shard);
      queued.add(shards.get(i)::queued, "shard", shard);
      bindShard(registry, shard, i, shards.get(i), usage);
      shards.get(i).bindMetrics(registry);
    }
  }

  private static void bindShard(
      MeterRegistry registry, String shard, int number, ShardLoop loop, NodeUsage usage) {
    ReplicaCounters counters = loop.counters();
    for (int type = 1; type <= MessageType.REQUEST_MAX; type++) {
      int counted = type;
      FunctionCounter.builder("cairn.storage.requests", counters, c -> c.requests(counted))
          .description("Requests that were taken.")
          .tag("shard", shard)
          .tag("type", MessageType.name(type).toLowerCase(Locale.ROOT))
          .register(registry);
    }
    for (Status status : Status.values()) {
      if (status != Status.OK) {
        FunctionCounter.builder("cairn.storage.refusals", counters, c -> c.refusals(status))
            .description("Requests that ended with a status other than OK.")
            .tag("shard", shard)
            .tag("status", status.name().toLowerCase(Locale.ROOT))
            .register(registry);
      }
    }
    counter(
        registry,
        shard,
        counters,
        "bad.frames",
        "Frames that ended their connection.",
        ReplicaCounters::badFrames);
    counter(
        registry,
        shard,
        counters,
        "written.bytes",
        "Bytes of writes that were stored.",
        ReplicaCounters::writtenBytes);
    counter(
        registry,
        shard,
        counters,
        "read.bytes",
        "Bytes of reads that were answered.",
        ReplicaCounters::readBytes);
    counter(
        registry,
        shard,
        counters,
        "catchup.copied.blocks",
        "Blocks of " + Frame.BLOCK_BYTES + " bytes copied from other nodes.",
        ReplicaCounters::catchUpBlocks);
    counter(
        registry,
        shard,
        counters,
        "catchup.chunks",
        "Chunks that caught up.",
        ReplicaCounters::catchUps);
    counter(
        registry,
        shard,
        counters,
        "catchup.failures",
        "Catch-ups that ended before the chunk was complete.",
        ReplicaCounters::catchUpFailures);
    counter(
        registry,
        shard,
        counters,
        "given.back.chunks",
        "Chunks that went to the trash as the metadata had placed them on other nodes.",
        ReplicaCounters::givenBack);
    gauge(registry, shard, number, usage, "links", "Links.", ShardLoop.Usage::links);
    gauge(
        registry,
        shard,
        number,
        usage,
        "catchup.running",
        "Catch-ups under way.",
        ShardLoop.Usage::catchUps);
    gauge(registry, shard, number, usage, "chunks", "Chunks.", ShardLoop.Usage::chunkCount);
    gauge(
        registry,
        shard,
        number,
        usage,
        "journal.used.bytes",
        "Bytes of the journal that are not free.",
        ShardLoop.Usage::journalUsedBytes);
    gauge(
        registry,
        shard,
        number,
        usage,
        "journal.bytes",
        "Size of the journal.",
        ShardLoop.Usage::journalSizeBytes);
    gauge(
        registry,
        shard,
        number,
        usage,
        "flush.left.bytes",
        "Bytes that are left of the flush of the journal that an operator asked for.",
        use -> Math.max(0, use.flushLeftBytes()));
    failed(registry, shard, loop, l -> l.failure() == null ? 0 : 1);
  }

  private static <T> void failed(
      MeterRegistry registry, String shard, T of, ToDoubleFunction<T> value) {
    Gauge.builder("cairn.storage.shard.failed", of, value)
        .description("1 when the shard's device failed.")
        .tag("shard", shard)
        .register(registry);
  }

  private static void counter(
      MeterRegistry registry,
      String shard,
      ReplicaCounters counters,
      String name,
      String text,
      ToDoubleFunction<ReplicaCounters> value) {
    FunctionCounter.builder("cairn.storage." + name, counters, value)
        .description(text)
        .tag("shard", shard)
        .register(registry);
  }

  private static void gauge(
      MeterRegistry registry,
      String shard,
      int number,
      NodeUsage usage,
      String name,
      String text,
      ToLongFunction<ShardLoop.Usage> value) {
    Gauge.builder("cairn.storage." + name, usage, u -> value.applyAsLong(u.of(number)))
        .description(text)
        .tag("shard", shard)
        .register(registry);
  }
}
