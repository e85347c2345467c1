package io.cairn.storage.node;

import io.cairn.metadata.model.CacheWish;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionType;
import io.cairn.storage.transport.LoopOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The options of a storage node. */
public final class StorageOptions {
  private static final long MIB = 1L << 20;
  private static final long TIB = 1L << 40;
  private static final int LABEL_LENGTH_MAX = 255;

  /** Where the data port listens. */
  public static final Option<Address> DATA_ADDRESS =
      Option.required(
          "data.address",
          OptionType.listenAddress(),
          "Where the node listens for gateways and other nodes.");

  /** Where others find the data port. */
  public static final Option<Optional<Address>> ADVERTISED_ADDRESS =
      Option.optional(
          "advertised.address",
          OptionType.address(),
          "Where gateways and other nodes reach the data port; data.address unless given. Needed"
              + " when that one stands for all interfaces.");

  /** The metadata group. */
  public static final Option<List<Address>> METADATA_ADDRESSES =
      Option.required(
              "metadata.addresses",
              OptionType.addresses(),
              "All servers of the metadata group, as the group itself names them.")
          .clusterWide();

  /** Metrics and health. */
  public static final Option<Address> HTTP_ADDRESS =
      Option.of(
          "http.address",
          OptionType.listenAddress(),
          "127.0.0.1:7141",
          "Where /metrics, /healthz and /readyz are served.");

  /** Identity, and unless told otherwise everything else. */
  public static final Option<Path> DATA_DIRECTORY =
      Option.required(
          "data.directory",
          OptionType.path(),
          "The node's identity lies here. An emptied directory is a new node.");

  /** The journals. */
  public static final Option<Optional<List<Path>>> CACHE_DIRECTORY =
      Option.optional(
          "cache.directory",
          OptionType.paths(),
          "Where the journals lie, on NVMe: a directory on each cache device, with commas between"
              + " them; the directory cache below data.directory unless given. Each shard is on one"
              + " of them. When one is added, empty, shards move to it at the next start of the"
              + " node after a clean stop; cache.leaving takes one out.");

  /** Cache devices that are to be emptied. */
  public static final Option<Optional<List<Path>>> CACHE_LEAVING =
      Option.optional(
          "cache.leaving",
          OptionType.paths(),
          "Cache devices that are to be taken out, and that cache.directory does not name any more:"
              + " their shards move to the others at the start of the node. Once they have, the"
              + " log says so, and the directory is empty.");

  /** The chunk files. */
  public static final Option<Optional<List<Path>>> CAPACITY_DIRECTORY =
      Option.optional(
          "capacity.directory",
          OptionType.paths(),
          "Where the chunks lie: a directory on each capacity device, with commas between them; the"
              + " directory capacity below data.directory unless given. The chunks of a shard are"
              + " on one of them, and stay there.");

  /** How long a device may take for one call. */
  public static final Option<Duration> DEVICE_STALL =
      Option.of(
          "device.stall",
          OptionType.duration(Duration.ofSeconds(1), Duration.ofHours(1)),
          "10s",
          "A device that does not return from a call for so long takes its shards out of service"
              + " until it does: other replicas go on without them.");

  /** For tests. */
  public static final Option<Boolean> TEST_DEVICE_FAULTS =
      Option.of(
          "test.device.faults",
          OptionType.flag(),
          "false",
          "For tests only: a file test-faults in the directory of a device, with a line such as"
              + " eio write sync, full or hang, makes its calls fail or hang while it is there.");

  /** Most that chunks may take. */
  public static final Option<Optional<Long>> CAPACITY_LIMIT =
      Option.optional(
          "capacity.limit",
          OptionType.size(64 * MIB, 1024 * TIB),
          "Most space that chunks may take on each capacity device; all that its file system has"
              + " unless given.");

  /** Left free. */
  public static final Option<Long> CAPACITY_RESERVE =
      Option.of(
          "capacity.reserve",
          OptionType.size(64 * MIB, 16 * TIB),
          "512MiB",
          "Space of each capacity device's file system that chunks leave free.");

  /** For measurements. */
  public static final Option<Optional<Integer>> BENCHMARK_CAPACITY_IOPS =
      Option.optional(
          "benchmark.capacity.iops",
          OptionType.integer(1, 10_000_000),
          "For measurements only: the capacity tier does no more random requests a second than"
              + " this, as a slow disk would, and is never in the page cache.");

  /** For measurements. */
  public static final Option<Long> BENCHMARK_CAPACITY_BANDWIDTH =
      Option.of(
          "benchmark.capacity.bandwidth",
          OptionType.size(MIB, TIB),
          "100MiB",
          "For measurements only: bytes a second of the capacity tier when"
              + " benchmark.capacity.iops is given.");

  /** Number of shards. */
  public static final Option<Integer> SHARDS =
      Option.of(
          "shards",
          OptionType.integer(1, 64),
          "1",
          "Event loops, each with a journal of its own; fixed once the node has joined. With"
              + " several devices, at least as many as there are of either kind.");

  /** Size of each shard's journal. */
  public static final Option<Long> JOURNAL_SIZE =
      Option.of(
          "journal.size",
          OptionType.size(CacheWish.JOURNAL_BYTES_MIN, CacheWish.JOURNAL_BYTES_MAX),
          "256MiB",
          "Size of each shard's journal, the write-back cache; at least four segments. One that is"
              + " there grows or shrinks to it while the node serves.");

  /** Size of one segment. */
  public static final Option<Long> JOURNAL_SEGMENT =
      Option.of(
          "journal.segment",
          OptionType.size(4 * MIB, 1024 * MIB),
          "16MiB",
          "Size of one segment of a journal; fixed once the journal is made.");

  /** Where the journals' working copies lie. */
  public static final Option<Optional<Path>> JOURNAL_MEMORY =
      Option.of(
          "journal.memory",
          OptionType.pathOrNone(),
          "/dev/shm",
          "A file system in memory with room for the journals: their bytes survive a killed process"
              + " there until the device has them, at less cost than in the page cache. Without"
              + " room, or as none, the journals are mapped from their device.");

  /** The read caches. */
  public static final Option<Optional<Long>> READ_CACHE_SIZE =
      Option.optional(
          "read.cache.size",
          OptionType.size(CacheWish.READ_CACHE_BYTES_MIN, CacheWish.READ_CACHE_BYTES_MAX),
          "Size of each shard's read cache in the cache directory, for blocks of the capacity tier"
              + " that are read again; none unless given. Each GiB takes 8 to 11 MiB of the heap,"
              + " twice that while it is resized. One that is there grows or shrinks to it while"
              + " the node serves.");

  /** How much of the read caches pinned volumes may hold. */
  public static final Option<Integer> READ_CACHE_PINNED =
      Option.of(
          "read.cache.pinned",
          OptionType.integer(0, 90),
          "50",
          "Part of each read cache, in percent, that volumes which are pinned may hold for as long"
              + " as they like; what they want beyond is treated as if they were not pinned.");

  /** How far is read ahead. */
  public static final Option<Long> READ_AHEAD =
      Option.of(
          "read.ahead",
          OptionType.size(0, 64 * MIB),
          "2MiB",
          "Most that is read of a capacity tier whose reads take milliseconds ahead of a reader"
              + " that goes on where it stopped, into the page cache; 0B for nothing. Readers that"
              + " jump, or read more than 512 KiB at a time, have nothing read ahead.");

  /** How long deleted chunks are kept. */
  public static final Option<Duration> TRASH_DELAY =
      Option.of(
          "trash.delay",
          OptionType.duration(Duration.ZERO, Duration.ofDays(365)),
          "24h",
          "Time for which chunks of deleted volumes, and those that were moved to other nodes, are"
              + " kept before their space is free. Where a device has little room they go earlier,"
              + " the oldest first.");

  /** Most connections. */
  public static final Option<Integer> CONNECTIONS =
      Option.of(
          "connections",
          OptionType.integer(16, 65_536),
          "4096",
          "Most connections to the data port at one time.");

  /** The node's name. */
  public static final Option<Optional<String>> NAME =
      Option.optional(
          "name",
          OptionType.text(LABEL_LENGTH_MAX),
          "The node's name for people; the host's name and the data port unless given.");

  /** Failure domain. */
  public static final Option<Optional<String>> ZONE =
      Option.optional(
          "zone",
          OptionType.text(LABEL_LENGTH_MAX),
          "The zone that the node stands in: replicas of a chunk go to different ones.");

  /** Failure domain. */
  public static final Option<Optional<String>> RACK =
      Option.optional(
          "rack",
          OptionType.text(LABEL_LENGTH_MAX),
          "The rack that the node stands in: replicas of a chunk go to different ones.");

  /** Failure domain. */
  public static final Option<Optional<String>> HOST =
      Option.optional(
          "host",
          OptionType.text(LABEL_LENGTH_MAX),
          "The host that the node runs on, for the spread of replicas and copies near a gateway;"
              + " the host's name unless given.");

  /** The declared list. */
  public static final OptionSet SET =
      OptionSet.of(
          "storage",
          DATA_ADDRESS,
          ADVERTISED_ADDRESS,
          METADATA_ADDRESSES,
          HTTP_ADDRESS,
          DATA_DIRECTORY,
          CACHE_DIRECTORY,
          CACHE_LEAVING,
          CAPACITY_DIRECTORY,
          CAPACITY_LIMIT,
          CAPACITY_RESERVE,
          DEVICE_STALL,
          LoopOptions.BUSY_POLL,
          LoopOptions.LOCAL_SOCKETS,
          TEST_DEVICE_FAULTS,
          BENCHMARK_CAPACITY_IOPS,
          BENCHMARK_CAPACITY_BANDWIDTH,
          SHARDS,
          JOURNAL_SIZE,
          JOURNAL_SEGMENT,
          JOURNAL_MEMORY,
          READ_CACHE_SIZE,
          READ_CACHE_PINNED,
          READ_AHEAD,
          TRASH_DELAY,
          CONNECTIONS,
          NAME,
          ZONE,
          RACK,
          HOST);

  private StorageOptions() {}
}
