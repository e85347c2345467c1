package io.cairn.client.gateway;

import io.cairn.client.volume.RepairRate;
import io.cairn.metadata.metrics.HistogramFamily;
import io.cairn.metadata.metrics.LatencyHistogram;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.TimeGauge;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The metrics of a gateway that differ by volume or by storage node. */
final class GatewayMeters {
  private final PrometheusMeterRegistry registry;
  private final HistogramFamily requests;
  private final HistogramFamily stages;
  private final HistogramFamily roundTrips;
  private final Map<String, VolumeMeters> volumes = new ConcurrentHashMap<>();
  private final Map<Long, LatencyHistogram> nodes = new ConcurrentHashMap<>();

  GatewayMeters(PrometheusMeterRegistry registry) {
    this.registry = registry;
    requests =
        HistogramFamily.register(
            registry,
            "cairn_volume_request_seconds",
            "How long clients waited for an answer, by the kind of request.");
    stages =
        HistogramFamily.register(
            registry,
            "cairn_volume_stage_seconds",
            "How long writes were in each stage: queue, until they are sent to the replicas;"
                + " replicas, until every replica in sync has answered.");
    roundTrips =
        HistogramFamily.register(
            registry,
            "cairn_gateway_round_trip_seconds",
            "How long a storage node took to answer reads and writes, the network included.");
  }

  /** What bounds the copying of replicas; read by any thread, may be a little old. */
  void repair(RepairRate rate) {
    Gauge.builder("cairn.gateway.repair.rate.bytes", rate, RepairRate::bytesPerSecond)
        .description(
            "Bytes a second that may be copied to replicas that are brought up, so that clients do"
                + " not wait longer than repair.latency.factor allows")
        .register(registry);
    TimeGauge.builder(
            "cairn.gateway.latency.before.repair",
            rate,
            TimeUnit.NANOSECONDS,
            RepairRate::beforeNanos)
        .description(
            "What clients' reads and writes took at the 99th percentile while nothing was repaired")
        .register(registry);
  }

  /** The meters of a volume, which stay when it is given up. */
  VolumeMeters volume(String name) {
    return volumes.computeIfAbsent(name, key -> new VolumeMeters(key, registry, requests, stages));
  }

  /** Where round trips to a node are counted; all sessions are on one loop. */
  LatencyHistogram node(long nodeId) {
    return nodes.computeIfAbsent(
        nodeId,
        id -> {
          LatencyHistogram histogram = new LatencyHistogram();
          roundTrips.add(() -> histogram, "node", Long.toString(id));
          return histogram;
        });
  }
}
