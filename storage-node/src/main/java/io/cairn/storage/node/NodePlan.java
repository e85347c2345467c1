package io.cairn.storage.node;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.directory.Identity;
import io.cairn.metadata.http.OperationsServer;
import io.cairn.metadata.http.SupportPage;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.options.Sizes;
import io.cairn.storage.device.Device;
import io.cairn.storage.transport.LinkClient;
import io.cairn.storage.transport.LinkLimits;
import io.cairn.storage.transport.LinkServer;
import io.cairn.storage.transport.LocalPeers;
import io.cairn.storage.transport.LoopOptions;
import io.cairn.storage.transport.NettyPayload;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What a node's options mean together. Whatever a value's use shows to be wrong is refused here,
 * with the place where the value stands.
 */
final class NodePlan {
  /** Segments that a journal needs: one is written while others are synced and destaged. */
  private static final int SEGMENTS_MIN = 4;

  private final OptionValues options;
  private final List<Path> cacheDirectories;
  private final List<Path> capacityDirectories;
  private final String hostName;
  private ShardStores.Plan stores;

  private NodePlan(OptionValues options, ShardStores.Plan stores, String hostName) {
    this.options = options;
    this.stores = stores;
    this.hostName = hostName;
    cacheDirectories = directories(StorageOptions.CACHE_DIRECTORY, "cache");
    capacityDirectories = directories(StorageOptions.CAPACITY_DIRECTORY, "capacity");
  }

  /** Cache devices that are to be emptied. */
  private List<Path> leavingDirectories() {
    List<Path> leaving = options.get(StorageOptions.CACHE_LEAVING).orElse(List.of());
    for (Path directory : leaving) {
      if (cacheDirectories.stream().anyMatch(cache -> isSame(cache, directory))) {
        throw options.refuse(
            StorageOptions.CACHE_LEAVING, directory + " is in cache.directory as well");
      }
    }
    return leaving;
  }

  private static boolean isSame(Path one, Path other) {
    return one.toAbsolutePath().normalize().equals(other.toAbsolutePath().normalize());
  }

  private List<Path> directories(Option<Optional<List<Path>>> option, String usual) {
    List<Path> directories =
        options.get(option).orElse(List.of(directory().resolve(usual).toAbsolutePath()));
    if (directories.size() > shardCount()) {
      throw options.refuse(
          StorageOptions.SHARDS,
          option.key() + " names " + directories.size() + " devices: each needs a shard");
    }
    return directories;
  }

  /**
   * Checks the options against each other.
   *
   * @throws io.cairn.metadata.options.OptionException when they do not go together.
   */
  static NodePlan of(OptionValues options) {
    long journal = options.get(StorageOptions.JOURNAL_SIZE);
    long segment = options.get(StorageOptions.JOURNAL_SEGMENT);
    if (journal < SEGMENTS_MIN * segment) {
      throw options.refuse(
          StorageOptions.JOURNAL_SIZE,
          "a journal has at least "
              + SEGMENTS_MIN
              + " segments of journal.segment, "
              + Sizes.format(segment));
    }
    Address data = options.get(StorageOptions.DATA_ADDRESS);
    InetSocketAddress resolved = new InetSocketAddress(data.host(), data.port());
    if (resolved.isUnresolved()) {
      throw options.refuse(StorageOptions.DATA_ADDRESS, "there is no host " + data.host());
    }
    if (resolved.getAddress().isAnyLocalAddress()
        && options.get(StorageOptions.ADVERTISED_ADDRESS).isEmpty()) {
      throw options.refuse(
          StorageOptions.DATA_ADDRESS,
          "this stands for all interfaces; set advertised.address to the one that others reach");
    }
    return new NodePlan(
        options,
        new ShardStores.Plan(
            null,
            options.get(StorageOptions.CAPACITY_LIMIT).orElse(0L),
            options.get(StorageOptions.CAPACITY_RESERVE),
            options.get(StorageOptions.BENCHMARK_CAPACITY_IOPS).orElse(0),
            options.get(StorageOptions.BENCHMARK_CAPACITY_BANDWIDTH),
            journal,
            Math.toIntExact(segment),
            options.get(StorageOptions.READ_CACHE_SIZE).orElse(0L),
            options.get(StorageOptions.READ_CACHE_PINNED),
            options.get(StorageOptions.READ_AHEAD),
            options.get(StorageOptions.JOURNAL_MEMORY).orElse(null),
            options.get(StorageOptions.TRASH_DELAY),
            options.get(StorageOptions.TEST_DEVICE_FAULTS)),
        nameOfThisHost());
  }

  private static String nameOfThisHost() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  Path directory() {
    return options.get(StorageOptions.DATA_DIRECTORY);
  }

  /** By which the cluster and people know the node that listens on that port. */
  String name(int port) {
    return options.get(StorageOptions.NAME).orElse(hostName + ":" + port);
  }

  ShardStores.Plan stores() {
    return stores;
  }

  Duration busyPoll() {
    return options.get(LoopOptions.BUSY_POLL);
  }

  int shardCount() {
    return options.get(StorageOptions.SHARDS);
  }

  List<String> metadata() {
    return options.get(StorageOptions.METADATA_ADDRESSES).stream().map(Address::toString).toList();
  }

  LinkLimits linkLimits() {
    LinkLimits usual = LinkLimits.defaults();
    return new LinkLimits(
        usual.connectTimeoutMillis(),
        usual.greetingTimeoutMillis(),
        options.get(StorageOptions.CONNECTIONS),
        usual.unreadBytesHigh(),
        usual.queuedBytesMax());
  }

  /** How long a device may take for one call. */
  Duration deviceStall() {
    return options.get(StorageOptions.DEVICE_STALL);
  }

  /**
   * Looks at the devices. A node that begins makes its directories, or says which one cannot be
   * used; later a missing one is a device that failed.
   *
   * @param hadShards whether the node has had stores before.
   */
  void prepareDirectories(boolean hadShards) throws IOException {
    if (!DeviceMap.isMade(directory())) {
      for (Path cache : cacheDirectories) {
        prepare(StorageOptions.CACHE_DIRECTORY, cache);
      }
      for (Path capacity : capacityDirectories) {
        prepare(StorageOptions.CAPACITY_DIRECTORY, capacity);
      }
    }
    stores =
        stores.with(
            DeviceMap.look(
                directory(),
                cacheDirectories,
                leavingDirectories(),
                capacityDirectories,
                shardCount(),
                hadShards));
    for (DeviceMap.Place place : stores.map().places()) {
      if (place.problem() == null) {
        requireRoom(place.directory());
      }
    }
  }

  private void requireRoom(Path cache) throws IOException {
    long missing = DeviceStores.missingJournalBytes(stores, shardCount(), cache);
    long free = Files.getFileStore(cache).getUsableSpace();
    if (missing > free) {
      // Before the node joins: one that cannot be must not stand in the cluster's list.
      throw options.refuse(
          StorageOptions.JOURNAL_SIZE,
          "the journals of "
              + shardCount()
              + (shardCount() == 1 ? " shard need " : " shards need ")
              + Sizes.format(missing)
              + " on the device of "
              + cache
              + ", which has "
              + Sizes.format(free)
              + " free");
    }
  }

  private void prepare(Option<Optional<List<Path>>> option, Path directory) {
    try {
      Files.createDirectories(directory);
    } catch (AccessDeniedException e) {
      throw options.refuse(option, "directory " + directory + ": permission denied");
    } catch (IOException e) {
      throw options.refuse(option, "directory " + directory + " cannot be made: " + e.getMessage());
    }
    if (!Files.isWritable(directory)) {
      throw options.refuse(option, "directory " + directory + " cannot be written");
    }
  }

  LinkServer listen(EventLoop acceptor) {
    Address address = options.get(StorageOptions.DATA_ADDRESS);
    try {
      LinkServer server =
          LinkServer.listen(
              new InetSocketAddress(address.host(), address.port()),
              acceptor,
              linkLimits(),
              NettyPayload.POOL);
      if (options.get(LoopOptions.LOCAL_SOCKETS)) {
        Address advertised = advertised(server.address().getPort());
        server.listenLocally(advertised.host(), advertised.port());
      }
      return server;
    } catch (IOException e) {
      throw options.refuse(StorageOptions.DATA_ADDRESS, e.getMessage());
    }
  }

  OperationsServer serveOperations(
      PrometheusMeterRegistry registry, Supplier<String> notReadyReason) {
    try {
      return OperationsServer.start(
          options.get(StorageOptions.HTTP_ADDRESS),
          registry,
          notReadyReason,
          new SupportPage(options));
    } catch (IOException e) {
      throw options.refuse(StorageOptions.HTTP_ADDRESS, e.getMessage());
    }
  }

  /** By which host others reach the node. */
  private String advertisedHost() {
    return options
        .get(StorageOptions.ADVERTISED_ADDRESS)
        .orElse(options.get(StorageOptions.DATA_ADDRESS))
        .host();
  }

  /** Where operators reach the pages that are served there. */
  String reachable(Address http) {
    return http.reachableBy(advertisedHost()).toString();
  }

  /** The data port's address as others know it; with the port that it really has. */
  private Address advertised(int port) {
    return options
        .get(StorageOptions.ADVERTISED_ADDRESS)
        .orElse(new Address(options.get(StorageOptions.DATA_ADDRESS).host(), port));
  }

  /** A client of other nodes' data ports, for a loop. */
  LinkClient dialer(EventLoop loop) {
    return new LinkClient(
        loop,
        options.get(LoopOptions.LOCAL_SOCKETS) ? LocalPeers.BY_SOCKETS : LocalPeers.BY_TCP,
        linkLimits(),
        NettyPayload.POOL);
  }

  /**
   * How the node announces itself.
   *
   * @param clusterId of the metadata; a store that already belongs to a cluster names that one, and
   *     is refused if it is another.
   * @param port that the data port really has.
   */
  Command.RegisterNode registration(Identity identity, long clusterId, int port) {
    Address advertised = advertised(port);
    return new Command.RegisterNode(
        identity.clusterId() != 0 ? identity.clusterId() : clusterId,
        identity.storeIdHigh(),
        identity.storeIdLow(),
        name(port),
        advertised.host(),
        advertised.port(),
        options.get(StorageOptions.ZONE).orElse(""),
        options.get(StorageOptions.RACK).orElse(""),
        options.get(StorageOptions.HOST).orElse(hostName),
        capacityBytes(),
        shardCount(),
        identity.incarnation());
  }

  private long capacityBytes() {
    long limit = stores.capacityLimitBytes();
    long bytes = 0;
    for (DeviceMap.Place place : stores.map().places()) {
      if (place.tier() == Device.Tier.CAPACITY && place.problem() == null) {
        try {
          long total = Files.getFileStore(place.directory()).getTotalSpace();
          bytes += limit == 0 ? total : Math.min(limit, total);
        } catch (IOException e) {
          bytes += limit;
        }
      }
    }
    return bytes;
  }
}
