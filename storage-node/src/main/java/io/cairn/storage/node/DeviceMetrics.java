package io.cairn.storage.node;

import io.cairn.metadata.metrics.HistogramFamily;
import io.cairn.storage.device.Device;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

/** Meters of the node's devices, which are looked at when they are scraped. */
final class DeviceMetrics {
  private DeviceMetrics() {}

  static void bind(PrometheusMeterRegistry registry, ShardStores stores, DeviceWatch watch) {
    HistogramFamily calls =
        HistogramFamily.register(
            registry,
            "cairn_storage_device_seconds",
            "How long calls to a device took: reads, writes, and syncs, which make what was written"
                + " durable.");
    for (ShardStores.DeviceUse use : stores.devices()) {
      Device device = use.device();
      String path = device.directory().toString();
      Tags tags = Tags.of("device", path, "tier", device.tier().toString());
      for (Device.Operation operation : Device.Operation.values()) {
        String call = operation.toString();
        calls.add(
            () -> device.latency(operation),
            "device",
            path,
            "tier",
            device.tier().toString(),
            "call",
            call);
        FunctionCounter.builder("cairn.storage.device.errors", device, d -> d.errors(operation))
            .description("Calls to a device that failed.")
            .tags(tags.and("call", call))
            .register(registry);
      }
      FunctionCounter.builder(
              "cairn.storage.device.written.bytes", use, u -> u.writtenBytes().getAsLong())
          .description(
              "Bytes handed to the device to be written: blocks of chunks; or journals in whole"
                  + " pages, read caches and catalogues.")
          .tags(tags)
          .register(registry);
      Gauge.builder("cairn.storage.device.failed", device, d -> d.failure() == null ? 0 : 1)
          .description("1 when a write or a sync of the device failed: nothing more goes to it.")
          .tags(tags)
          .register(registry);
      Gauge.builder("cairn.storage.device.stalled", device, d -> watch.isStalled(d) ? 1 : 0)
          .description("1 while the device does not return from a call.")
          .tags(tags)
          .register(registry);
      Gauge.builder("cairn.storage.device.bytes", use, u -> u.capacityBytes().getAsLong())
          .description("Size of the device's file system, or space on it that chunks may take.")
          .tags(tags)
          .register(registry);
      Gauge.builder("cairn.storage.device.used.bytes", use, u -> u.usedBytes().getAsLong())
          .description("Space that journals and read caches, or chunks, take or have set aside.")
          .tags(tags)
          .register(registry);
    }
  }
}
