package io.cairn.client.gateway;

import io.cairn.client.iscsi.ChapSecrets;
import io.cairn.client.iscsi.InitiatorAccess;
import io.cairn.client.iscsi.Sessions;
import io.cairn.client.iscsi.TargetConnection;
import io.cairn.client.iscsi.TransferMemory;
import io.cairn.client.iscsi.server.IscsiServer;
import io.cairn.client.nbd.server.NbdServer;
import io.cairn.client.volume.CatchUpPace;
import io.cairn.client.volume.RepairRate;
import io.cairn.client.volume.ScrubPace;
import io.cairn.client.volume.ScrubSettings;
import io.cairn.client.volume.SessionSettings;
import io.cairn.metadata.clock.WallClock;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.http.OperationsServer;
import io.cairn.metadata.http.SupportPage;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.ratis.RatisMetadataClient;
import io.cairn.metadata.release.Announcer;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.LinkClient;
import io.cairn.storage.transport.LocalPeers;
import io.cairn.storage.transport.LoopOptions;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.SharedDialer;
import io.cairn.storage.transport.SocketKind;
import io.cairn.storage.transport.TurnLoop;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A gateway: owns volumes while clients use them, and serves them over NBD and iSCSI. It starts
 * whether or not the metadata can be reached; until it can, clients wait and {@code /readyz} says
 * so.
 */
public final class Gateway implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Gateway.class);

  /** How long one call looks for a leader; callers that must have an answer ask again. */
  private static final Duration METADATA_DEADLINE = Duration.ofSeconds(3);

  /** Begins a source of secrets that is not a file. */
  private static final String ENVIRONMENT = "env:";

  private final Duration stopTimeout;

  /** Undoes the start, last things first. */
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();

  private EventLoop loop;
  private VolumeExports exports;
  private Heartbeats heartbeats;
  private NbdServer nbd;
  private volatile InetSocketAddress nbdAddress;
  private VolumeTargets targets;
  private SessionReports sessionReports;
  private Address iscsiAddress;
  private OperationsServer operations;
  private boolean closed;

  private Gateway(Duration stopTimeout) {
    this.stopTimeout = stopTimeout;
  }

  /**
   * Starts a gateway.
   *
   * @throws IOException when an address cannot be listened on; nothing is left running then.
   */
  public static Gateway start(OptionValues options) throws IOException {
    Gateway gateway = new Gateway(options.get(GatewayOptions.STOP_TIMEOUT));
    try {
      gateway.open(options);
      return gateway;
    } catch (IOException | RuntimeException e) {
      gateway.close();
      throw e;
    }
  }

  private void open(OptionValues options) throws IOException {
    // One loop for the whole gateway: connections, sessions and links share it.
    TurnLoop.Group group =
        new TurnLoop.Group(
            1, "gateway", SocketKind.best().ioHandlers(options.get(LoopOptions.BUSY_POLL)));
    parts.push(() -> group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly(10_000));
    loop = group.next();

    SecureRandom random = new SecureRandom();
    RatisMetadataClient client =
        RatisMetadataClient.connect(
            random.nextLong(),
            options.get(GatewayOptions.METADATA_ADDRESSES).stream().map(Address::toString).toList(),
            METADATA_DEADLINE);
    parts.push(client);
    ExecutorService caller =
        Executors.newSingleThreadExecutor(new DefaultThreadFactory("gateway-metadata", true));
    parts.push(caller::shutdownNow);
    String name = options.get(GatewayOptions.NAME).orElseGet(Gateway::hostName);
    LoopMetadata metadata = new LoopMetadata(client, caller, loop);

    LinkClient connections =
        new LinkClient(
            loop, options.get(LoopOptions.LOCAL_SOCKETS) ? LocalPeers.LENDING : LocalPeers.BY_TCP);
    parts.push(connections);
    SharedDialer links = new SharedDialer(connections, loop);
    Payloads payloads = NettyPayload.allocator(NettyPayload.POOL);
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    GatewayMeters meters = new GatewayMeters(registry);
    long instance = random.nextLong();
    Address nbdWanted = options.get(GatewayOptions.NBD_ADDRESS);
    ScrubSettings scrub =
        new ScrubSettings(
            options.get(GatewayOptions.SCRUB_INTERVAL).toMillis(),
            options.get(GatewayOptions.SCRUB_DEEP_INTERVAL).toMillis(),
            WallClock::millis,
            new ScrubPace(options.get(GatewayOptions.SCRUB_RATE)));
    RepairRate repairRate =
        new RepairRate(
            options.get(GatewayOptions.REPAIR_LATENCY_FACTOR),
            options.get(GatewayOptions.REPAIR_RATE_MIN));
    meters.repair(repairRate);
    CatchUpPace pace = CatchUpPace.ofGateway(repairRate);
    Function<String, SessionSettings> settings =
        reachable ->
            SessionSettings.of(name, instance, reachable)
                .withPace(pace)
                .withScrub(scrub)
                .withWindow(options.get(GatewayOptions.WINDOW_SIZE), 16 << 10)
                .withRequestTimeout(options.get(GatewayOptions.IO_TIMEOUT).toNanos());
    exports =
        new VolumeExports(
            metadata,
            loop,
            options.get(GatewayOptions.NBD_EXPORT),
            options.get(GatewayOptions.VOLUME_LINGER).toNanos(),
            (volume, generation) -> {
              LoopSession session =
                  new LoopSession(
                      settings.apply(reachable(nbdWanted)).taking(generation),
                      volume,
                      metadata,
                      links,
                      payloads,
                      loop);
              session.session().timings().countRoundTrips(meters::node);
              SlowRequests.report(
                  volume, session.session(), options.get(GatewayOptions.SLOW_REQUEST));
              return session;
            },
            meters::volume);
    parts.push(this::giveVolumesUp);
    MaintenanceSessions maintenance =
        new MaintenanceSessions(
            loop,
            offer ->
                new LoopSession(
                    settings
                        .apply(reachable(nbdWanted))
                        .withScrub(offer.scrubDue() ? scrub.nowDue() : scrub)
                        .forMaintenance(offer.generation()),
                    offer.volume(),
                    metadata,
                    links,
                    payloads,
                    loop),
            exports::isHosted);
    exports.beforeTaking(maintenance::giveWay);
    parts.push(() -> loop.submit(maintenance::stop).awaitUninterruptibly(1_000));

    heartbeats =
        new Heartbeats(
            metadata,
            loop,
            () -> heartbeat(name, instance, reachable(nbdWanted), maintenance, scrub),
            ack -> {
              exports.onNodes(ack);
              maintenance.onOffers(ack.offers());
              maintenance.onNodes(ack);
              if (targets != null) {
                // An initiator hears of a new size by a unit attention, and only if we know of it.
                targets.beat(exports::refresh);
                sessionReports.beat(System.nanoTime(), WallClock.millis());
              }
            },
            exports::reportStalls);
    ExclusiveExports.Uses uses = new ExclusiveExports.Uses();
    nbd =
        new NbdServer(
            loop,
            new ExclusiveExports(exports, "NBD", uses),
            options.get(GatewayOptions.REQUEST_MEMORY));
    nbdAddress = nbd.listen(new InetSocketAddress(nbdWanted.host(), nbdWanted.port()));
    parts.push(nbd);
    if (options.get(GatewayOptions.NBD_SOCKET).isPresent()) {
      listen(options.get(GatewayOptions.NBD_SOCKET).get());
    }
    if (options.get(GatewayOptions.ISCSI_ADDRESS).isPresent()) {
      serveIscsi(
          options,
          new TargetUnit.Host(
              metadata,
              new ExclusiveExports(exports, "iSCSI", uses),
              payloads,
              Math.toIntExact(options.get(GatewayOptions.ISCSI_BLOCK_SIZE)),
              name,
              instance),
          random);
    }
    Gauge.builder("cairn.gateway.volumes", exports, VolumeExports::count)
        .description("Volumes that the gateway owns or opens")
        .register(registry);
    operations =
        OperationsServer.start(
            options.get(GatewayOptions.HTTP_ADDRESS),
            registry,
            heartbeats::silence,
            new SupportPage(options));
    parts.push(operations);
    String pages = operations.address().reachableBy(hostName()).toString();
    parts.push(Announcer.start(client, "gateway", name, pages));
    loop.execute(heartbeats::beat);
    parts.push(() -> loop.submit(heartbeats::stop).awaitUninterruptibly(1_000));
    LOG.info("gateway {}: NBD on {}, HTTP on {}", name, nbdAddress, operations.address());
  }

  private Query.GatewayHeartbeat heartbeat(
      String name,
      long instance,
      String address,
      MaintenanceSessions maintenance,
      ScrubSettings scrub) {
    long nowNanos = System.nanoTime();
    List<Query.VolumeMend> mends = new ArrayList<>(maintenance.mends(nowNanos));
    mends.addAll(exports.mends(nowNanos));
    return new Query.GatewayHeartbeat(
        name,
        instance,
        address,
        exports.longWaits(nowNanos),
        mends,
        true,
        exports.activities(),
        Stream.concat(exports.looks(nowNanos), maintenance.looks(nowNanos)).toList(),
        scrub.wanted());
  }

  private void serveIscsi(OptionValues options, TargetUnit.Host host, SecureRandom random)
      throws IOException {
    Address wanted = options.get(GatewayOptions.ISCSI_ADDRESS).get();
    ChapSecrets secrets = chapSecrets(options.get(GatewayOptions.ISCSI_CHAP), System.getenv());
    InitiatorAccess access = initiatorAccess(options.get(GatewayOptions.ISCSI_ACL));
    targets = new VolumeTargets(host, options.get(GatewayOptions.ISCSI_NAME), access);
    Sessions sessions = new Sessions();
    sessionReports =
        new SessionReports(
            host.metadata(),
            host.gateway(),
            sessions,
            options.get(GatewayOptions.ISCSI_NAME) + ":",
            targets::isActive);
    IscsiServer server =
        new IscsiServer(
            loop,
            new TargetConnection.Portal(
                targets,
                sessions,
                secrets,
                () -> {
                  byte[] bytes = new byte[TargetConnection.RANDOM_BYTES];
                  random.nextBytes(bytes);
                  return bytes;
                },
                host.payloads(),
                new TransferMemory(options.get(GatewayOptions.REQUEST_MEMORY))));
    InetSocketAddress bound = server.listen(new InetSocketAddress(wanted.host(), wanted.port()));
    iscsiAddress = new Address(bound.getAddress().getHostAddress(), bound.getPort());
    parts.push(server);
    PortalAnnouncement announcement =
        new PortalAnnouncement(
            host.metadata(),
            loop,
            new Command.RegisterPortal(
                host.gateway(),
                options
                    .get(GatewayOptions.ISCSI_PORTAL)
                    .map(Address::toString)
                    .orElseGet(() -> reachable(bound))),
            targets::numbered);
    loop.execute(announcement::announce);
    parts.push(() -> loop.submit(announcement::stop).awaitUninterruptibly(1_000));
    LOG.info(
        "gateway: iSCSI on {}, {}, {}",
        iscsiAddress,
        secrets == null ? "no CHAP" : secrets,
        access);
  }

  /** Who may use which volume, from a file; everybody everything without one. */
  static InitiatorAccess initiatorAccess(Optional<Path> file) throws IOException {
    if (file.isEmpty()) {
      return InitiatorAccess.unrestricted();
    }
    try {
      return InitiatorAccess.parse(Files.readString(file.get()));
    } catch (IllegalArgumentException e) {
      throw new IOException("iscsi.acl is '" + file.get() + "': " + e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new IOException("iscsi.acl is '" + file.get() + "': there is no such file", e);
    }
  }

  /**
   * Secrets of CHAP from a file, or from the environment variable that {@code env:NAME} names.
   *
   * @return null when none are wanted.
   */
  static ChapSecrets chapSecrets(Optional<String> source, Map<String, String> environment)
      throws IOException {
    if (source.isEmpty()) {
      return null;
    }
    String from = source.get();
    try {
      if (!from.startsWith(ENVIRONMENT)) {
        return ChapSecrets.parse(Files.readString(Path.of(from)));
      }
      String text = environment.get(from.substring(ENVIRONMENT.length()));
      if (text == null) {
        throw new IOException("iscsi.chap is '" + from + "': there is no such variable");
      }
      return ChapSecrets.parse(text);
    } catch (IllegalArgumentException e) {
      throw new IOException("iscsi.chap is '" + from + "': " + e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new IOException("iscsi.chap is '" + from + "': there is no such file", e);
    }
  }

  /** Where the gateway is, for people: with the port that it really has, and a name for "all". */
  private String reachable(Address wanted) {
    return nbdAddress == null ? wanted.toString() : reachable(nbdAddress);
  }

  private static String reachable(InetSocketAddress bound) {
    boolean all = bound.getAddress().isAnyLocalAddress();
    return new Address(all ? hostName() : bound.getAddress().getHostAddress(), bound.getPort())
        .toString();
  }

  /**
   * What a gateway that was killed left behind would be in the way; one that lives is left alone.
   */
  private void listen(Path socket) throws IOException {
    if (Files.exists(socket)) {
      if (!Files.readAttributes(socket, BasicFileAttributes.class).isOther()) {
        throw new IOException("cannot listen on " + socket + ": a file of that name is in the way");
      }
      try (SocketChannel other = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
        throw new IOException(
            "cannot listen on " + other.getRemoteAddress() + ": another process listens there");
      } catch (ConnectException e) {
        Files.delete(socket);
      }
    }
    nbd.listen(socket);
    parts.push(() -> Files.deleteIfExists(socket));
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "gateway";
    }
  }

  /** Where NBD clients connect, with the port that it really is. */
  public Address nbdAddress() {
    return new Address(nbdAddress.getAddress().getHostAddress(), nbdAddress.getPort());
  }

  /** Where iSCSI initiators connect, with the port that it really is; null when it is off. */
  public Address iscsiAddress() {
    return iscsiAddress;
  }

  /** Where metrics and readiness are served. */
  public Address httpAddress() {
    return operations.address();
  }

  /** Null when volumes can be opened, else why not, in one line. */
  public String notReadyReason() {
    return heartbeats.silence();
  }

  /** Releases all volumes, so that the next owner need not wait; those that cannot be are left. */
  private void giveVolumesUp() throws InterruptedException {
    CountDownLatch released = new CountDownLatch(1);
    loop.execute(() -> exports.releaseAll(released::countDown));
    if (!released.await(stopTimeout.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.warn("not all volumes could be given up within {}", stopTimeout);
      CountDownLatch abandoned = new CountDownLatch(1);
      loop.execute(
          () -> {
            exports.abandonAll();
            abandoned.countDown();
          });
      boolean unused = abandoned.await(1, TimeUnit.SECONDS);
    }
  }

  /** Stops cleanly: connections end, writes become durable, volumes are given up. Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (Exception e) {
        LOG.warn("stopping goes on after a failure", e);
      }
    }
  }
}
