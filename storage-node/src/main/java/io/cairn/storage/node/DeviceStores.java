package io.cairn.storage.node;

import io.cairn.metadata.model.Shards;
import io.cairn.storage.cache.FileCacheDevice;
import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.FileCapacityTier;
import io.cairn.storage.chunk.SlowCapacityTier;
import io.cairn.storage.chunk.WatchedCatalogue;
import io.cairn.storage.chunk.WatchedTier;
import io.cairn.storage.chunk.index.RocksCatalogue;
import io.cairn.storage.device.Device;
import io.cairn.storage.device.DeviceFaults;
import io.cairn.storage.device.OutOfSpaceException;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.SegmentFiles;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.LostChunks;
import io.cairn.storage.wire.Frame;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores on real devices: per shard a journal and a catalogue on its cache device, and per capacity
 * device the chunk files of its shards. What goes wrong with a device concerns the shards on it;
 * each shard has threads of its own, so that none waits for another one's device.
 */
final class DeviceStores implements ShardStores {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceStores.class);

  /** Of the heap, for pages of the shards' indexes. */
  private static final int INDEX_PART = 4;

  private final Plan plan;
  private final Owner owner;
  private final List<EventLoop> loops;
  private final Payloads payloads;
  private final Map<Path, Device> cacheDevices = new LinkedHashMap<>();
  private final Map<Path, CapacityDevice> capacityDevices = new LinkedHashMap<>();
  private final List<ShardThreads> threads = new ArrayList<>();
  private final List<Slot> shards = new ArrayList<>();

  /** By shard. */
  private final Map<Integer, FileCacheDevice> caches = new TreeMap<>();

  private List<DeviceUse> devices = List.of();
  private volatile Runnable whenTight = () -> {};

  private DeviceStores(Plan plan, Owner owner, List<EventLoop> loops, Payloads payloads) {
    this.plan = plan;
    this.owner = owner;
    this.loops = loops;
    this.payloads = payloads;
  }

  /** A capacity device and its chunk files, or why there are none. */
  private record CapacityDevice(
      Device device, FileCapacityTier files, CapacityTier tier, String problem) {}

  /** Recovers all shards; {@link Factory}. */
  static ShardStores open(Plan plan, Owner owner, List<EventLoop> loops, Payloads payloads)
      throws IOException {
    plan.map().settle(owner.incarnation(), owner.volumes());
    new ShardMoves(plan.map(), plan.journalMemory(), plan.readCacheBytes(), step -> {}).run();
    DeviceStores stores = new DeviceStores(plan, owner, loops, payloads);
    try {
      stores.recover();
    } catch (IOException | RuntimeException e) {
      stores.close();
      throw e;
    }
    if (stores.shards.stream().allMatch(shard -> shard.opened() == null)) {
      stores.close();
      throw new IOException(stores.shards.getFirst().problem());
    }
    return stores;
  }

  /** What the journals of the shards will take of a cache device when they are made. */
  static long missingJournalBytes(Plan plan, int shardCount, Path directory) {
    long missing = 0;
    for (int shard = 0; shard < shardCount; shard++) {
      if (plan.map().cache(shard).directory().equals(directory)) {
        Path journal = journal(plan.map().cache(shard).directory(), shard);
        missing += SegmentFiles.missingBytes(journal, plan.segmentBytes(), plan.segmentCount());
      }
    }
    return missing;
  }

  private void recover() throws IOException {
    for (int i = 0; i < loops.size(); i++) {
      threads.add(new ShardThreads(i));
    }
    List<SegmentFiles> journals = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < loops.size(); i++) {
      SegmentFiles files = null;
      String problem = plan.map().cache(i).problem();
      if (problem == null) {
        try {
          files = journal(i);
        } catch (IOException | RuntimeException e) {
          problem = problem(e);
        }
      }
      journals.add(files);
      problems.add(problem);
    }
    // After the journals are made: they may lie on the same file system.
    for (int i = 0; i < loops.size(); i++) {
      CapacityDevice capacity = capacityOf(i);
      if (problems.get(i) == null && capacity.problem() != null) {
        close(journals.get(i));
        problems.set(i, capacity.problem());
      }
    }
    for (int i = 0; i < loops.size(); i++) {
      shards.add(slot(i, journals.get(i), problems.get(i)));
    }
    devices = uses(journals);
  }

  private static void close(SegmentFiles journal) {
    journal.regions().forEach(region -> region.close(false));
  }

  private static String problem(Exception e) {
    return e instanceof IllegalStateException
        ? "the store cannot be recovered: " + e.getMessage()
        : String.valueOf(e.getMessage());
  }

  private Device cacheOf(int shard) {
    Path directory = plan.map().cache(shard).directory();
    return cacheDevices.computeIfAbsent(directory, at -> device(Device.Tier.CACHE, at));
  }

  private Device device(Device.Tier tier, Path directory) {
    return new Device(tier, directory, plan.faults() ? new DeviceFaults(directory) : null);
  }

  private CapacityDevice capacityOf(int shard) {
    DeviceMap.Place place = plan.map().capacity(shard);
    return capacityDevices.computeIfAbsent(place.directory(), at -> openCapacity(place));
  }

  private CapacityDevice openCapacity(DeviceMap.Place place) {
    Device device = device(Device.Tier.CAPACITY, place.directory());
    if (place.problem() != null) {
      return new CapacityDevice(device, null, null, place.problem());
    }
    FileCapacityTier files;
    try {
      // A device whose directories can still be listed may give no data any more.
      device.run(Device.Operation.READ, () -> {});
      files =
          FileCapacityTier.open(
              place.directory(), plan.capacityLimitBytes(), plan.capacityReserveBytes());
      LOG.info("the {}: {}", device, files.accessText());
    } catch (IOException e) {
      return new CapacityDevice(device, null, null, device + ": " + e.getMessage());
    }
    CapacityTier tier = files;
    if (plan.slowCapacityIops() > 0) {
      LOG.warn(
          "the {} is slowed down to {} random requests and {} bytes a second for a measurement",
          device,
          plan.slowCapacityIops(),
          plan.slowCapacityBytes());
      tier = new SlowCapacityTier(files, plan.slowCapacityIops(), plan.slowCapacityBytes());
    }
    return new CapacityDevice(device, files, new WatchedTier(tier, device), null);
  }

  private SegmentFiles journal(int shard) throws IOException {
    EventLoop loop = loops.get(shard);
    Device device = cacheOf(shard);
    device.run(Device.Operation.READ, () -> {});
    return SegmentFiles.open(
        journal(plan.map().cache(shard).directory(), shard),
        plan.segmentBytes(),
        plan.segmentCount(),
        plan.journalMemory(),
        threads.get(shard)::sync,
        task -> ShardThreads.onLoop(loop, task),
        device);
  }

  private Slot slot(int shard, SegmentFiles journal, String problem) {
    if (problem != null) {
      LOG.error("shard {} is not served: {}", shard, problem);
      return new Slot(null, problem);
    }
    RocksCatalogue catalogue = null;
    try {
      catalogue = RocksCatalogue.open(directory(shard).resolve("catalogue"));
      return new Slot(openShard(shard, journal, catalogue), null);
    } catch (IOException | RuntimeException e) {
      if (catalogue != null) {
        catalogue.close();
      }
      close(journal);
      LOG.error("shard {} is not served", shard, e);
      return new Slot(null, problem(e));
    }
  }

  private Opened openShard(int shard, SegmentFiles journal, RocksCatalogue catalogue)
      throws IOException {
    long startNanos = System.nanoTime();
    CapacityDevice capacity = capacityOf(shard);
    LostChunks lost = plan.map().lost(shard);
    if (lost.incarnation() > 0 && catalogue.checkpointLsn() == 0) {
      forgetChunks(shard, capacity);
    }
    FileCacheDevice cache = readCache(shard);
    if (cache != null) {
      caches.put(shard, cache);
    }
    JournaledStore store =
        JournaledStore.open(
            new JournalIdentity(owner.clusterId(), owner.nodeId(), shard),
            journal.regions(),
            owner.incarnation(),
            new WatchedCatalogue(catalogue, cacheOf(shard)),
            capacity.tier(),
            threads.get(shard).loop(loops.get(shard)),
            payloads,
            StoreSettings.defaults()
                .indexing(Runtime.getRuntime().maxMemory() / INDEX_PART / threads.size())
                .pinning(plan.readCachePinnedPercent())
                .readingAhead((int) (plan.readAheadBytes() / Frame.BLOCK_BYTES)),
            cache);
    LOG.info(
        "shard {} recovered in {} ms: {}; {} bytes of {} in use",
        shard,
        (System.nanoTime() - startNanos) / 1_000_000,
        store.recoveryText(),
        store.journalUsedBytes(),
        store.journalSizeBytes());
    if (store.isJournalDamaged()) {
      LOG.error(
          "the journal of shard {} lacks what was durable once: the device of {} is damaged;"
              + " what is missing comes back from the other replicas",
          shard,
          directory(shard));
    }
    return new DeviceShard(
        store,
        journal,
        catalogue,
        cache,
        threads.get(shard).syncs(),
        threads.get(shard).queued(),
        lost);
  }

  /** The files of a shard whose catalogue is gone would take their space for ever. */
  private void forgetChunks(int shard, CapacityDevice capacity) throws IOException {
    int deleted =
        capacity
            .files()
            .deleteUnknown(
                chunk ->
                    shard
                        == Shards.shardOf(
                            chunk.volumeId(), chunk.layer(), chunk.index(), loops.size()));
    LOG.info("{} files of chunks of shard {} are deleted: it begins anew", deleted, shard);
  }

  /** The device of a shard's read cache; null when there is to be none, or it cannot be had. */
  private FileCacheDevice readCache(int shard) throws IOException {
    Path file = directory(shard).resolve("read-cache");
    if (plan.readCacheBytes() == 0) {
      FileCacheDevice.delete(file);
      return null;
    }
    try {
      return FileCacheDevice.open(
          file, plan.readCacheBytes(), owner.clusterId(), owner.nodeId(), shard);
    } catch (OutOfSpaceException e) {
      LOG.warn("shard {} has no read cache: {}", shard, e.getMessage());
      FileCacheDevice.delete(file);
      return null;
    }
  }

  private Path directory(int shard) {
    return plan.map().cache(shard).directory().resolve(DeviceMap.directoryName(shard));
  }

  private static Path journal(Path cache, int shard) {
    return cache.resolve(DeviceMap.directoryName(shard)).resolve("journal");
  }

  @Override
  public List<Slot> shards() {
    return List.copyOf(shards);
  }

  @Override
  public List<DeviceUse> devices() {
    return devices;
  }

  private List<DeviceUse> uses(List<SegmentFiles> journals) {
    List<DeviceUse> uses = new ArrayList<>();
    for (Device device : cacheDevices.values()) {
      List<Integer> on = shardsOn(shard -> plan.map().cache(shard), device);
      List<SegmentFiles> here = on.stream().map(journals::get).filter(Objects::nonNull).toList();
      uses.add(
          new DeviceUse(
              device,
              on,
              () -> spaceBytes(device),
              () -> here.stream().mapToLong(SegmentFiles::sizeBytes).sum() + cachesBytes(on),
              () -> device.writtenBytes() + besideJournalsBytes(on)));
    }
    for (CapacityDevice capacity : capacityDevices.values()) {
      FileCapacityTier files = capacity.files();
      uses.add(
          new DeviceUse(
              capacity.device(),
              shardsOn(shard -> plan.map().capacity(shard), capacity.device()),
              () -> files == null ? 0 : files.capacityBytes(),
              () -> files == null ? 0 : files.reservedBytes(),
              capacity.device()::writtenBytes));
    }
    return List.copyOf(uses);
  }

  private long besideJournalsBytes(List<Integer> on) {
    return on.stream()
        .map(shard -> shards.get(shard).opened())
        .mapToLong(opened -> opened instanceof DeviceShard shard ? shard.besideJournalBytes() : 0)
        .sum();
  }

  private long cachesBytes(List<Integer> shardsOn) {
    return shardsOn.stream()
        .map(caches::get)
        .filter(Objects::nonNull)
        .mapToLong(FileCacheDevice::sizeBytes)
        .sum();
  }

  private List<Integer> shardsOn(IntFunction<DeviceMap.Place> place, Device device) {
    return IntStream.range(0, loops.size())
        .filter(shard -> place.apply(shard).directory().equals(device.directory()))
        .boxed()
        .toList();
  }

  private static long spaceBytes(Device device) {
    try {
      return Files.getFileStore(device.directory()).getTotalSpace();
    } catch (IOException e) {
      return 0;
    }
  }

  private List<CapacityDevice> usable() {
    return capacityDevices.values().stream()
        .filter(capacity -> capacity.files() != null && capacity.device().failure() == null)
        .toList();
  }

  @Override
  public long capacityBytes() {
    return usable().stream().mapToLong(capacity -> capacity.files().capacityBytes()).sum();
  }

  @Override
  public long usedBytes() {
    return usable().stream().mapToLong(capacity -> capacity.files().reservedBytes()).sum();
  }

  @Override
  public long freeBytes(Set<Integer> serving) {
    long free = 0;
    for (CapacityDevice capacity : usable()) {
      long freeHere = freeBytes(capacity);
      boolean serves =
          shardsOn(shard -> plan.map().capacity(shard), capacity.device()).stream()
              .anyMatch(serving::contains);
      free += serves ? freeHere : 0;
      if (capacity.files().isTight(freeHere)) {
        whenTight.run();
      }
    }
    return free;
  }

  private long freeBytes(CapacityDevice capacity) {
    long unreserved = capacity.files().capacityBytes() - capacity.files().reservedBytes();
    Path directory = capacity.device().directory();
    try {
      long left = Files.getFileStore(directory).getUsableSpace() - plan.capacityReserveBytes();
      return Math.max(0, Math.min(unreserved, left));
    } catch (IOException e) {
      LOG.warn("cannot tell the free space of {}: {}", directory, e.toString());
      return 0;
    }
  }

  @Override
  public void emptyTrash() throws IOException {
    for (CapacityDevice capacity : usable()) {
      int deleted = capacity.files().emptyTrash(plan.trashDelay().toMillis());
      if (deleted > 0) {
        LOG.info("{} chunks left the trash of {}", deleted, capacity.device());
      }
      int early = capacity.files().makeRoom(() -> freeBytes(capacity));
      if (early > 0) {
        LOG.warn(
            "{} chunks left the trash of {} before their time: it has little room",
            early,
            capacity.device());
      }
    }
  }

  @Override
  public void whenTight(Runnable listener) {
    whenTight = listener;
    usable().forEach(capacity -> capacity.files().whenTight(listener));
  }

  @Override
  public void close() throws IOException {
    threads.forEach(ShardThreads::end);
    for (CapacityDevice capacity : capacityDevices.values()) {
      if (capacity.files() != null) {
        capacity.files().close();
      }
    }
  }
}
