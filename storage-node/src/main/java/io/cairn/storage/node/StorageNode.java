package io.cairn.storage.node;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.directory.DataDirectory;
import io.cairn.metadata.directory.Identity;
import io.cairn.metadata.http.OperationsServer;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.ratis.RatisMetadataClient;
import io.cairn.metadata.release.Announcer;
import io.cairn.storage.device.BlockingThreads;
import io.cairn.storage.replication.ReplicaLimits;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.transport.LinkServer;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.SocketKind;
import io.cairn.storage.transport.TurnLoop;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A storage node: one process, or one of several within {@code cairn dev}.
 *
 * <pre>
 * JOINING --registered, stores recovered, first heartbeat answered--> SERVING
 * JOINING, SERVING --refused by the metadata, devices unusable--> OUT
 * any --close--> CLOSED
 * </pre>
 *
 * <p>Only a node that is SERVING takes connections on its data port.
 */
public final class StorageNode implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StorageNode.class);
  private static final String ROLE = "storage";
  private static final Duration METADATA_DEADLINE = Duration.ofSeconds(5);

  /** Volumes are named in one heartbeat out of so many: what was deleted may wait. */
  private static final int BEATS_PER_VOLUME_LIST = 5;

  private static final long SYNC_SECONDS = 20;
  private static final long CLOSE_SECONDS = 30;
  private static final long TRASH_PERIOD_MAX_MILLIS = Duration.ofHours(1).toMillis();
  private static final long TRASH_PERIOD_MIN_MILLIS = Duration.ofSeconds(10).toMillis();

  private final NodePlan plan;
  private final ShardStores.Factory factory;
  private final NodeDirectory nodes = new NodeDirectory();
  private final CompletableFuture<Void> serving = new CompletableFuture<>();
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

  /** What was opened, the last one first: the order in which it is closed. */
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  private final DataDirectory directory;
  private final ScheduledThreadPoolExecutor timer;
  private final List<EventLoop> loops = new ArrayList<>();
  private final LinkServer server;
  private final OperationsServer operations;
  private final MetadataClient client;
  private final ClusterMember member;

  /** Shards whose stores are open. */
  private final List<ShardLoop> shards = new ArrayList<>();

  /** Shards that are not served, and why. */
  private final List<String> unserved = new ArrayList<>();

  private ShardStores stores;
  private volatile NodeUsage usage;
  private StrayRounds strays;
  private DeviceWatch watch;
  private long nodeId;
  private long beats;

  /** Whether an operator wants the journals kept destaged, and the shards know. */
  private boolean flushing;

  /** The last request for that which the node has heard of. */
  private long flushRequest;

  private volatile String notServing = "the node has not joined the cluster yet";
  private boolean closed;

  /** Its own thread: deleting waits for a device, and the timer watches these. */
  private final BlockingThreads emptier =
      new BlockingThreads(
          1, TimeUnit.SECONDS.toNanos(10), new DefaultThreadFactory("empty-trash", true));

  /** Whether a look at the trash is due that has not begun. */
  private final AtomicBoolean emptying = new AtomicBoolean();

  private StorageNode(NodePlan plan, ShardStores.Factory factory, Supplier<MetadataClient> metadata)
      throws IOException {
    this.plan = plan;
    this.factory = factory;
    try {
      directory = DataDirectory.open(plan.directory(), ROLE, 0);
      opened.push(directory);
      plan.prepareDirectories(directory.identity().nodeId() != 0);
      timer = new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory("node-timer", true));
      timer.setRemoveOnCancelPolicy(true);
      opened.push(() -> emptier.end(TimeUnit.SECONDS.toNanos(CLOSE_SECONDS)));
      opened.push(timer::shutdownNow);
      TurnLoop.Group group =
          new TurnLoop.Group(
              plan.shardCount(), "shard", SocketKind.best().ioHandlers(plan.busyPoll()));
      opened.push(() -> group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly());
      for (int i = 0; i < plan.shardCount(); i++) {
        loops.add(group.next());
      }
      server = plan.listen(loops.getFirst());
      opened.push(server);
      operations = plan.serveOperations(registry, this::notReady);
      opened.push(operations);
      client = metadata.get();
      opened.push(client);
      opened.push(
          Announcer.start(
              client,
              ROLE,
              plan.name(server.address().getPort()),
              plan.reachable(operations.address())));
      Identity identity = directory.identity();
      int port = server.address().getPort();
      member =
          new ClusterMember(
              client, cluster -> plan.registration(identity, cluster, port), new Membership());
    } catch (IOException | RuntimeException e) {
      closeOpened();
      throw e;
    }
  }

  /**
   * Starts a node. What concerns this machine alone, options, directories and ports, is checked
   * before this returns; the node joins the cluster in the background, see {@link #serving}.
   *
   * @param options of {@link StorageOptions#SET}.
   * @throws io.cairn.metadata.options.OptionException when a value cannot be used.
   * @throws IOException with one line, when the data directory cannot be used.
   */
  public static StorageNode start(OptionValues options) throws IOException {
    NodePlan plan = NodePlan.of(options);
    return start(
        plan,
        DeviceStores::open,
        () ->
            RatisMetadataClient.connect(
                new SecureRandom().nextLong(), plan.metadata(), METADATA_DEADLINE));
  }

  static StorageNode start(
      NodePlan plan, ShardStores.Factory factory, Supplier<MetadataClient> metadata)
      throws IOException {
    StorageNode node = new StorageNode(plan, factory, metadata);
    node.member.start();
    return node;
  }

  /**
   * Completes when the node serves; fails, with one line for the operator, when it never will: it
   * was refused by the metadata, or its devices cannot be used.
   */
  public CompletionStage<Void> serving() {
    return serving.copy();
  }

  /** Where the data port listens, with the port that it really has. */
  public InetSocketAddress address() {
    return server.address();
  }

  /** Where metrics and health are served. */
  public Address httpAddress() {
    return operations.address();
  }

  /**
   * Has the cache tier of every shard grow or shrink to a size, while it is in use. It may be said
   * again and again, with each heartbeat: that costs nothing when the sizes are known, and tries
   * again after a while what could not be done. Any thread, from when the node serves; {@link
   * #cacheSizes} says what has come of it.
   *
   * @param journalBytesPerShard at least four segments; empty for {@code journal.size}.
   * @param readCacheBytesPerShard at least 1 MiB; empty for {@code read.cache.size}. A cache is
   *     made and given up only when the node starts: 0 is refused where there is one, and anything
   *     else where there is none.
   */
  public void resizeCache(OptionalLong journalBytesPerShard, OptionalLong readCacheBytesPerShard) {
    long journalBytes = journalBytesPerShard.orElse(plan.stores().journalBytes());
    long readCacheBytes = readCacheBytesPerShard.orElse(plan.stores().readCacheBytes());
    shards.forEach(s -> s.loop().execute(() -> s.resizeCache(journalBytes, readCacheBytes)));
  }

  /**
   * How large the cache tier of all shards is, as they said with the last heartbeat; any thread.
   */
  public CacheSizes cacheSizes() {
    NodeUsage known = usage;
    return known == null
        ? CacheSizes.NONE
        : CacheSizes.sum(known.all().stream().map(ShardLoop.Usage::cacheSizes).toList());
  }

  private String notReady() {
    String reason = notServing;
    if (reason != null) {
      return reason;
    }
    // One that serves is enough: a node that lost a device goes on with the others.
    String failure = null;
    for (ShardLoop shard : shards) {
      if (shard.failure() == null) {
        return null;
      }
      failure = "shard " + shard.number() + " accepts nothing: " + shard.failure();
    }
    return failure;
  }

  /** What the member's thread calls. */
  private final class Membership implements ClusterMember.Node {
    @Override
    public void onRegistered(long clusterId, long givenNodeId) throws IOException {
      nodeId = givenNodeId;
      directory.join(clusterId, nodeId);
      notServing = "node " + nodeId + " recovers its stores";
      LOG.info("joined cluster {} as node {}", Long.toHexString(clusterId), nodeId);
      openShards(
          new ShardStores.Owner(
              clusterId, nodeId, directory.identity().incarnation(), () -> chunkCounts(client)));
    }

    @Override
    public Query.NodeHeartbeat heartbeat() throws InterruptedException {
      usage.refresh();
      long used = stores.usedBytes();
      Set<Integer> serving = servingShards();
      long free = stores.freeBytes(serving);
      boolean failed =
          !unserved.isEmpty() || shards.stream().anyMatch(s -> s.trouble() != null && !s.isFull());
      return new Query.NodeHeartbeat(
          nodeId,
          directory.identity().incarnation(),
          used,
          // Metadata servers before level 5 would give it chunks of the shards that are out, too.
          failed ? 0 : free,
          usage.all().stream().mapToLong(ShardLoop.Usage::journalUsedBytes).sum(),
          usage.all().stream().mapToLong(ShardLoop.Usage::journalSizeBytes).sum(),
          usage.all().stream().mapToLong(ShardLoop.Usage::chunkCount).sum(),
          beats++ % BEATS_PER_VOLUME_LIST == 0 ? volumes() : List.of(),
          trouble(),
          flushLeftBytes(),
          flushRequest,
          devices(),
          shardsOut(serving),
          refills(),
          usage.all().stream()
              .flatMap(shard -> shard.unfinished().stream())
              .map(name -> new Query.Unfinished(name.volumeId(), name.layer(), name.index()))
              .toList(),
          free);
    }

    private List<Query.Refill> refills() {
      List<Query.Refill> refills = new ArrayList<>();
      for (int i = 0; i < shards.size(); i++) {
        int shard = shards.get(i).number();
        usage
            .of(i)
            .refilled()
            .forEach((volume, chunks) -> refills.add(new Query.Refill(shard, volume, chunks)));
      }
      return refills;
    }

    /** Shards that take no connections because of a device, whatever the others do. */
    private List<Integer> shardsOut(Set<Integer> serving) {
      return IntStream.range(0, plan.shardCount())
          .boxed()
          .filter(i -> !serving.contains(i))
          .toList();
    }

    private Set<Integer> servingShards() {
      return shards.stream()
          .filter(shard -> !shard.isOut())
          .map(ShardLoop::number)
          .collect(Collectors.toSet());
    }

    /** Those that are there, and those that were not when the node started. */
    private List<Query.NodeDevice> devices() {
      DeviceMap map = plan.stores().map();
      List<Query.NodeDevice> missing =
          map.places().stream()
              .filter(place -> place.problem() != null)
              .map(place -> DeviceWatch.missing(place, map.shardsOn(place)))
              .toList();
      Stream<Query.NodeDevice> there =
          stores.devices().stream()
              .map(watch::state)
              .filter(
                  device ->
                      missing.stream().noneMatch(m -> m.directory().equals(device.directory())));
      return Stream.concat(there, missing.stream()).toList();
    }

    /** Null until every shard has begun; a shard that failed never does. */
    private Long flushLeftBytes() {
      boolean begun =
          flushing
              && unserved.isEmpty()
              && usage.all().stream().allMatch(use -> use.flushLeftBytes() >= 0);
      return begun ? usage.all().stream().mapToLong(ShardLoop.Usage::flushLeftBytes).sum() : null;
    }

    private String trouble() {
      Stream<String> ofDevices =
          stores.devices().stream().map(use -> DeviceWatch.trouble(use.device()));
      String text =
          Stream.of(
                  unserved.stream(),
                  ofDevices,
                  shards.stream().map(ShardLoop::trouble),
                  Stream.of(pinnedTrouble(), cacheSizes().problem()))
              .flatMap(lines -> lines)
              .filter(Objects::nonNull)
              .collect(Collectors.joining("; "));
      return text.isEmpty() ? null : text;
    }

    private String pinnedTrouble() {
      return usage.all().stream().anyMatch(ShardLoop.Usage::pinnedFull)
          ? "pinned volumes fill the part of a read cache that read.cache.pinned lets them have;"
              + " what more they read is treated as not pinned"
          : null;
    }

    private List<Long> volumes() throws InterruptedException {
      List<List<Long>> none = shards.stream().map(s -> List.<Long>of()).toList();
      return usage.ask(ShardLoop::volumes, none).stream()
          .flatMap(List::stream)
          .distinct()
          .sorted()
          .toList();
    }

    @Override
    public void onHeard(Reply.HeartbeatAck ack) throws InterruptedException {
      nodes.update(ack.nodes());
      ack.nodes().stream()
          .filter(node -> node.nodeId() == nodeId)
          .forEach(
              node -> {
                keepFlushed(node.flushing(), node.flushRequest());
                resizeCache(
                    optional(node.wish().journalBytes()), optional(node.wish().readCacheBytes()));
              });
      if (ack.tiers() != null) {
        shards.forEach(s -> s.loop().execute(() -> s.volumeTiers(ack.tiers())));
      }
      if (!ack.deletedVolumes().isEmpty()) {
        LOG.info("the chunks of deleted volumes {} go to the trash", ack.deletedVolumes());
        shards.forEach(s -> s.loop().execute(() -> s.trash(ack.deletedVolumes())));
      }
      if (!serving.isDone()) {
        server.serve(served());
        notServing = null;
        LOG.info("node {} serves on {}", nodeId, server.address());
        serving.complete(null);
      }
      strays.onHeard(
          ack.replicas(), usage.all().stream().mapToLong(ShardLoop.Usage::chunkCount).sum());
    }

    private static OptionalLong optional(Long value) {
      return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /** Each request is for what the journals hold when the node hears of it. */
    private void keepFlushed(boolean wanted, long request) {
      if (wanted != flushing) {
        LOG.info(
            wanted
                ? "the journals are destaged, and are kept so until an operator ends it"
                : "the journals are destaged as usual again");
      }
      if (wanted != flushing || wanted && request != flushRequest) {
        boolean again = flushing;
        shards.forEach(
            s ->
                s.loop()
                    .execute(
                        () -> {
                          if (again) {
                            s.keepFlushed(false);
                          }
                          if (wanted) {
                            s.keepFlushed(true);
                          }
                        }));
        flushing = wanted;
      }
      flushRequest = request;
    }

    @Override
    public void onRefused(String reason) {
      LOG.error("the node does not serve: {}", reason);
      notServing = reason;
      server.close();
      serving.completeExceptionally(new IOException(reason));
    }
  }

  private static Map<Long, Long> chunkCounts(MetadataClient metadata) throws IOException {
    Reply reply;
    try {
      reply =
          metadata
              .query(new Query.GetChunkCounts())
              .toCompletableFuture()
              .get(METADATA_DEADLINE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("the metadata did not say which chunks there are: start again", e);
    } catch (InterruptedException e) {
      throw new InterruptedIOException("interrupted");
    }
    if (reply instanceof Reply.ChunkCounts known) {
      return known.volumes().stream()
          .collect(Collectors.toMap(Reply.ChunkCount::volumeId, Reply.ChunkCount::chunks));
    }
    throw new IOException("the metadata did not say which chunks there are: " + reply);
  }

  private void openShards(ShardStores.Owner owner) throws IOException {
    stores = factory.open(plan.stores(), owner, loops, NettyPayload.allocator(NettyPayload.POOL));
    CatchUpLog catchUps = new CatchUpLog(timer, System::nanoTime);
    for (int i = 0; i < plan.shardCount(); i++) {
      ShardStores.Slot slot = stores.shards().get(i);
      if (slot.opened() == null) {
        unserved.add("shard " + i + " is not served: " + slot.problem());
      } else {
        shards.add(openShard(i, owner, slot.opened(), catchUps));
      }
    }
    for (ShardLoop shard : shards) {
      shard.loop().submit(shard::start).syncUninterruptibly();
    }
    usage = new NodeUsage(shards);
    strays = new StrayRounds(client, owner.clusterId(), owner.nodeId(), shards, System::nanoTime);
    watch = new DeviceWatch(timer, plan.deviceStall().toNanos(), stores, shards);
    NodeMetrics.bind(registry, server, stores, shards, usage);
    DeviceMetrics.bind(registry, stores, watch);
    long delayMillis = plan.stores().trashDelay().toMillis();
    long period = Math.clamp(delayMillis / 10, TRASH_PERIOD_MIN_MILLIS, TRASH_PERIOD_MAX_MILLIS);
    stores.whenTight(this::trashIsDue);
    timer.scheduleWithFixedDelay(this::trashIsDue, 0, period, TimeUnit.MILLISECONDS);
  }

  /** All shards by number: who asks for one that is not served is turned away. */
  private List<LinkServer.Shard> served() {
    List<LinkServer.Shard> byNumber = new ArrayList<>();
    loops.forEach(loop -> byNumber.add(new UnservedShard(loop)));
    shards.forEach(shard -> byNumber.set(shard.number(), shard));
    return byNumber;
  }

  private ShardLoop openShard(
      int number, ShardStores.Owner owner, ShardStores.Opened store, CatchUpLog catchUps) {
    EventLoop loop = loops.get(number);
    return new ShardLoop(
        number,
        loop,
        store,
        plan.dialer(loop),
        nodes,
        peers -> {
          ReplicaShard replica =
              new ReplicaShard(
                  owner.clusterId(),
                  owner.nodeId(),
                  owner.incarnation(),
                  number,
                  plan.shardCount(),
                  store.store(),
                  peers,
                  ReplicaLimits.defaults());
          replica.beganAnew(store.lost());
          replica.observeCatchUps(catchUps);
          return replica;
        });
  }

  /** Any thread. */
  private void trashIsDue() {
    if (emptying.compareAndSet(false, true)) {
      try {
        emptier.execute(this::emptyTrash);
      } catch (RejectedExecutionException e) {
        // The node has stopped.
      }
    }
  }

  private void emptyTrash() {
    emptying.set(false);
    try {
      stores.emptyTrash();
    } catch (IOException | RuntimeException e) {
      LOG.warn("cannot empty the trash: {}", e.toString());
    }
  }

  /**
   * Stops the node: refuses what is new, makes durable what was taken, and gives ports, files and
   * memory back. What could not be synced in time is what a kill would leave: the journal has it.
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    notServing = "the node stops";
    member.close();
    server.serve(List.of());
    onEachShard("sync", SYNC_SECONDS, ShardLoop::stopServing);
    server.close();
    shards.forEach(ShardLoop::closePeers);
    // Only now does nobody hold memory of the stores.
    onEachShard("close", CLOSE_SECONDS, ShardLoop::closeStore);
    closeOpened();
    serving.completeExceptionally(new IOException("the node was stopped"));
    LOG.info("{} has stopped", nodeId == 0 ? "a node that never joined" : "node " + nodeId);
  }

  private void onEachShard(String what, long seconds, BiConsumer<ShardLoop, Runnable> task) {
    CountDownLatch done = new CountDownLatch(shards.size());
    shards.forEach(s -> s.loop().execute(() -> task.accept(s, done::countDown)));
    try {
      if (!done.await(seconds, TimeUnit.SECONDS)) {
        LOG.warn("{} shards did not {} within {} s", done.getCount(), what, seconds);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeOpened() {
    if (stores != null) {
      close(stores);
    }
    opened.forEach(StorageNode::close);
  }

  private static void close(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      LOG.warn("cannot close {}: {}", resource, e.toString());
    }
  }
}
