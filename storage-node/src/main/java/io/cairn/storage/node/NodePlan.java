package io.cairn.storage.node;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.directory.Identity;
import io.cairn.metadata.http.OperationsServer;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.options.Sizes;
import io.cairn.storage.transport.LinkLimits;
import io.cairn.storage.transport.LinkServer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
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
  private final ShardStores.Plan stores;
  private final String hostName;

  private NodePlan(OptionValues options, ShardStores.Plan stores, String hostName) {
    this.options = options;
    this.stores = stores;
    this.hostName = hostName;
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
    Path directory = options.get(StorageOptions.DATA_DIRECTORY);
    return new NodePlan(
        options,
        new ShardStores.Plan(
            options.get(StorageOptions.CACHE_DIRECTORY).orElse(directory.resolve("cache")),
            options.get(StorageOptions.CAPACITY_DIRECTORY).orElse(directory.resolve("capacity")),
            options.get(StorageOptions.CAPACITY_LIMIT).orElse(0L),
            options.get(StorageOptions.CAPACITY_RESERVE),
            options.get(StorageOptions.BENCHMARK_CAPACITY_IOPS).orElse(0),
            options.get(StorageOptions.BENCHMARK_CAPACITY_BANDWIDTH),
            journal,
            Math.toIntExact(segment),
            options.get(StorageOptions.READ_CACHE_SIZE).orElse(0L),
            options.get(StorageOptions.JOURNAL_MEMORY).orElse(null),
            options.get(StorageOptions.TRASH_DELAY)),
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

  /** Makes the directories of the tiers, or says which one cannot be used. */
  void prepareDirectories() throws IOException {
    prepare(StorageOptions.CACHE_DIRECTORY, stores.cacheDirectory());
    prepare(StorageOptions.CAPACITY_DIRECTORY, stores.capacityDirectory());
    long missing = DeviceStores.missingJournalBytes(stores, shardCount());
    long free = Files.getFileStore(stores.cacheDirectory()).getUsableSpace();
    if (missing > free) {
      // Before the node joins: one that cannot be must not stand in the cluster's list.
      throw options.refuse(
          StorageOptions.JOURNAL_SIZE,
          "the journals of "
              + shardCount()
              + (shardCount() == 1 ? " shard need " : " shards need ")
              + Sizes.format(missing)
              + " on the device of "
              + stores.cacheDirectory()
              + ", which has "
              + Sizes.format(free)
              + " free");
    }
  }

  private void prepare(Option<Optional<Path>> option, Path directory) {
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
      return LinkServer.listen(
          new InetSocketAddress(address.host(), address.port()),
          acceptor,
          linkLimits(),
          ByteBufAllocator.DEFAULT);
    } catch (IOException e) {
      throw options.refuse(StorageOptions.DATA_ADDRESS, e.getMessage());
    }
  }

  OperationsServer serveOperations(
      PrometheusMeterRegistry registry, Supplier<String> notReadyReason) {
    try {
      return OperationsServer.start(
          options.get(StorageOptions.HTTP_ADDRESS), registry, notReadyReason);
    } catch (IOException e) {
      throw options.refuse(StorageOptions.HTTP_ADDRESS, e.getMessage());
    }
  }

  /**
   * How the node announces itself.
   *
   * @param clusterId of the metadata; a store that already belongs to a cluster names that one, and
   *     is refused if it is another.
   * @param port that the data port really has.
   */
  Command.RegisterNode registration(Identity identity, long clusterId, int port) {
    Address data = options.get(StorageOptions.DATA_ADDRESS);
    Address advertised =
        options.get(StorageOptions.ADVERTISED_ADDRESS).orElse(new Address(data.host(), port));
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
    try {
      long total = Files.getFileStore(stores.capacityDirectory()).getTotalSpace();
      return limit == 0 ? total : Math.min(limit, total);
    } catch (IOException e) {
      return limit;
    }
  }
}
