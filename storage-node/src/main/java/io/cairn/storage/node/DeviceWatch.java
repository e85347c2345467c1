package io.cairn.storage.node;

import io.cairn.metadata.command.Query;
import io.cairn.storage.device.Device;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes shards out of service while a device of theirs does not return from a call, and says what
 * is wrong with each device. Looks at a device only while calls are under way on it.
 *
 * <pre>
 * GOOD --a call takes longer than the limit--> STALLED --no call does--> GOOD
 * </pre>
 */
final class DeviceWatch {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceWatch.class);
  private static final int LOOKS_PER_STALL = 8;

  private final ScheduledExecutorService timer;
  private final long stallNanos;
  private final ShardStores stores;
  private final Map<Integer, ShardLoop> shards = new HashMap<>();

  /** Devices that do not return, and since when, in {@link System#nanoTime}. */
  private final Map<Device, Long> stalled = new HashMap<>();

  /**
   * A watch that has begun.
   *
   * @param stallNanos what a call may take.
   * @param served shards that are open.
   */
  DeviceWatch(
      ScheduledExecutorService timer, long stallNanos, ShardStores stores, List<ShardLoop> served) {
    this.timer = timer;
    this.stallNanos = stallNanos;
    this.stores = stores;
    served.forEach(shard -> shards.put(shard.number(), shard));
    for (ShardStores.DeviceUse use : stores.devices()) {
      use.device().whenBusy(() -> later(use));
      later(use);
    }
  }

  private void later(ShardStores.DeviceUse use) {
    try {
      var unused =
          timer.schedule(() -> look(use), stallNanos / LOOKS_PER_STALL, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      // The node has stopped.
    }
  }

  private void look(ShardStores.DeviceUse use) {
    long now = System.nanoTime();
    long oldestNanos = use.device().oldestNanos(now);
    judge(use, oldestNanos > stallNanos, now - oldestNanos);
    if (!use.device().rests()) {
      later(use);
    }
  }

  private synchronized void judge(ShardStores.DeviceUse use, boolean stalls, long sinceNanos) {
    Device device = use.device();
    if (stalls && stalled.putIfAbsent(device, sinceNanos) == null) {
      LOG.error(
          "the {} does not return from a call: its shards are out of service until it does",
          device);
    } else if (!stalls && stalled.remove(device) != null) {
      LOG.info("the {} answers again", device);
    } else {
      return;
    }
    for (int number : use.shards()) {
      ShardLoop shard = shards.get(number);
      if (shard != null) {
        shard.stalled(stallOf(number));
      }
    }
  }

  /** A shard has two devices. */
  private String stallOf(int shard) {
    for (ShardStores.DeviceUse use : stores.devices()) {
      if (stalled.containsKey(use.device()) && use.shards().contains(shard)) {
        return "the " + use.device() + " does not return from a call";
      }
    }
    return null;
  }

  /** Whether the device does not return from a call. */
  synchronized boolean isStalled(Device device) {
    return stalled.containsKey(device);
  }

  /** How the device is, for people. */
  Query.NodeDevice state(ShardStores.DeviceUse use) {
    Device device = use.device();
    boolean stalls = isStalled(device);
    String state =
        device.failure() != null
            ? "failed"
            : stalls ? "stalled" : device.lastError() != null ? "erring" : "good";
    String reason =
        state.equals("stalled")
            ? "the " + device + " does not return from a call"
            : trouble(device);
    // Who does not answer, or failed, is not asked.
    boolean answers = state.equals("good") || state.equals("erring");
    return new Query.NodeDevice(
        device.tier().toString(),
        device.directory().toString(),
        state,
        reason,
        use.shards(),
        answers ? use.usedBytes().getAsLong() : 0,
        answers ? use.capacityBytes().getAsLong() : 0);
  }

  /** How a device is that could not be used when the node started. */
  static Query.NodeDevice missing(DeviceMap.Place place, List<Integer> shards) {
    return new Query.NodeDevice(
        place.tier().toString(), place.directory().toString(), "missing", place.problem(), shards);
  }

  /** What is wrong with the device, in one line; null when nothing is. */
  static String trouble(Device device) {
    if (device.failure() != null) {
      return "the " + device + " failed: " + device.failure();
    }
    if (device.lastError() != null) {
      return "the "
          + device
          + " had "
          + device.errors(Device.Operation.READ)
          + " errors, the last of them "
          + device.lastError();
    }
    return null;
  }
}
