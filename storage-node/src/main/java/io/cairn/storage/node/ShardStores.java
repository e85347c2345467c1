package io.cairn.storage.node;

import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.storage.cache.VolumeShares;
import io.cairn.storage.device.Device;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.replication.LostChunks;
import io.cairn.storage.replication.ShardStore;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.function.LongSupplier;

/**
 * The devices of one node: the stores of its shards and what they share. Called from threads that
 * may block, except where it says otherwise.
 */
interface ShardStores extends AutoCloseable {
  /**
   * Whose the stores are; checked against what lies on the devices.
   *
   * @param volumes asked when a device was replaced.
   */
  record Owner(long clusterId, long nodeId, long incarnation, Volumes volumes) {}

  /** What the metadata knows. */
  interface Volumes {
    /** How many chunks each volume has now; blocks. */
    Map<Long, Long> chunkCounts() throws IOException;
  }

  /**
   * Where the stores lie and how large they may be.
   *
   * @param map which devices there are and what lies on them; null where nothing lies on any.
   * @param capacityLimitBytes most that chunks may take on each capacity device; 0 for all that
   *     there is.
   * @param capacityReserveBytes left free on each capacity device's file system.
   * @param slowCapacityIops random requests a second to which each capacity device is slowed down
   *     for a measurement; 0 for as many as it can do.
   * @param slowCapacityBytes bytes a second then.
   * @param journalBytes size of each shard's journal.
   * @param readCacheBytes size of each shard's read cache; 0 for none.
   * @param readCachePinnedPercent part of it that pinned volumes may hold.
   * @param readAheadBytes most that is read ahead of a sequential reader.
   * @param journalMemory file system for the journals' working copies, or null for none.
   * @param faults whether tests play faults on the devices.
   */
  record Plan(
      DeviceMap map,
      long capacityLimitBytes,
      long capacityReserveBytes,
      int slowCapacityIops,
      long slowCapacityBytes,
      long journalBytes,
      int segmentBytes,
      long readCacheBytes,
      int readCachePinnedPercent,
      long readAheadBytes,
      Path journalMemory,
      Duration trashDelay,
      boolean faults) {
    int segmentCount() {
      return Math.toIntExact(journalBytes / segmentBytes);
    }

    Plan with(DeviceMap known) {
      return new Plan(
          known,
          capacityLimitBytes,
          capacityReserveBytes,
          slowCapacityIops,
          slowCapacityBytes,
          journalBytes,
          segmentBytes,
          readCacheBytes,
          readCachePinnedPercent,
          readAheadBytes,
          journalMemory,
          trashDelay,
          faults);
    }
  }

  /** Makes a node's stores. */
  interface Factory {
    /**
     * Recovers the stores of all shards; blocks for as long as that takes. A shard whose device
     * cannot be used does without; the others serve.
     *
     * @param loops of the shards, by number.
     * @throws IOException when no shard can serve, with one line that names the device and says
     *     what is wrong with it.
     */
    ShardStores open(Plan plan, Owner owner, List<EventLoop> loops, Payloads payloads)
        throws IOException;
  }

  /**
   * A device of the node.
   *
   * @param shards on it.
   * @param capacityBytes space that chunks may take, or that the cache tier has; asks the device.
   * @param usedBytes of them, taken or set aside.
   * @param writtenBytes that were handed to the device to be written, since the start: of the cache
   *     tier journals in whole pages, read caches and catalogues. Journals that are prewritten do
   *     not count.
   */
  record DeviceUse(
      Device device,
      List<Integer> shards,
      LongSupplier capacityBytes,
      LongSupplier usedBytes,
      LongSupplier writtenBytes) {}

  /**
   * What has become of a shard.
   *
   * @param opened null when it could not be opened.
   * @param problem why not; else null.
   */
  record Slot(Opened opened, String problem) {}

  /** One shard's store. All calls on the shard's loop. */
  interface Opened {
    /** What the replica machine works on. */
    ShardStore store();

    /** Begins to call the listener. */
    void start(ShardStore.Listener listener);

    /** Volumes of which the shard holds chunks. */
    SortedSet<Long> volumes();

    /** Bytes of the journal that are not free. */
    long journalUsedBytes();

    /** Has the journal destaged, now and until told otherwise. */
    void keepFlushed(boolean keep);

    /**
     * What the tier is to do for each volume from now on.
     *
     * @param tiers of all volumes of the shard; one that is missing is as usual.
     */
    void volumeTiers(Map<Long, VolumeTier> tiers);

    /** What volumes have of the tier. */
    VolumeShares shares();

    /**
     * Bytes of what the journal held when it was to be flushed that are not destaged yet; -1 when
     * it is not to be.
     */
    long flushLeftBytes();

    /** Size of the journal, without what is still to be taken away of it. */
    long journalSizeBytes();

    /**
     * Has journal and read cache grow or shrink to a size, while they are in use; costs nothing
     * when it is known, and tries again, after a while, what has failed.
     */
    void resizeCache(long journalBytes, long readCacheBytes);

    /** How large they are. */
    CacheSizes cacheSizes();

    /** Chunks that the shard holds. */
    int chunkCount();

    /** Which device has no room, for people; null unless the store is full. */
    String fullReason();

    /** How long syncs of the journal took. */
    LatencyHistogram syncs();

    /** How long reads of the capacity tier, and what else blocks, waited for a thread. */
    LatencyHistogram queued();

    /** What the shard may have held on a device that was replaced. */
    LostChunks lost();

    /** Adds the store's own meters. */
    void bindMetrics(MeterRegistry registry, String shard);

    /**
     * Makes everything durable and gives the files and all memory back.
     *
     * @param done runs on any thread.
     */
    void stop(Runnable done);
  }

  /** The shards' stores, by number. */
  List<Slot> shards();

  /** The devices that are there, always the same; any thread. */
  List<DeviceUse> devices();

  /** Space that chunks may take in all; any thread. */
  long capacityBytes();

  /** Space that chunks take or have set aside; any thread. */
  long usedBytes();

  /**
   * Space that new chunks may take: what is not set aside, and not more than the device has left,
   * as others may use it too; any thread.
   *
   * @param serving numbers of shards: only what one of them is on counts.
   */
  long freeBytes(Set<Integer> serving);

  /**
   * Deletes what has been in the trash for long enough, and more of it where there is little room.
   */
  void emptyTrash() throws IOException;

  /** Has somebody told that {@link #emptyTrash} is due; on any thread, which must not do it. */
  void whenTight(Runnable listener);

  /** Gives back what the shards share; all of them have stopped. */
  @Override
  void close() throws IOException;
}
