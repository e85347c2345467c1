package io.cairn.metadata.server;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.console.Console;
import io.cairn.metadata.directory.DataDirectory;
import io.cairn.metadata.directory.DataDirectoryException;
import io.cairn.metadata.http.OperationsServer;
import io.cairn.metadata.http.SupportPage;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.ratis.GroupObserver;
import io.cairn.metadata.ratis.LostLogException;
import io.cairn.metadata.ratis.MemberSettings;
import io.cairn.metadata.ratis.MemberStatus;
import io.cairn.metadata.ratis.MetadataGroupMember;
import io.cairn.metadata.ratis.RatisMetadataClient;
import io.cairn.metadata.release.Announcer;
import io.cairn.metadata.release.Release;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One metadata server as a process has it: data directory, member of the group, HTTP surface. The
 * first leader of a fresh group gives the cluster its identity.
 */
public final class MetadataServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MetadataServer.class);
  private static final Duration BOOTSTRAP_DEADLINE = Duration.ofSeconds(30);
  private static final Duration COMPARE_DEADLINE = Duration.ofSeconds(2);
  private static final Duration CONSOLE_DEADLINE = Duration.ofSeconds(5);
  private static final Duration REJOIN_STOP = Duration.ofSeconds(10);
  private static final int CONNECT_TIMEOUT_MILLIS = 500;

  private final List<String> group;
  private final Address address;
  private final DataDirectory directory;
  private final PrometheusMeterRegistry registry;
  private final MetadataMeters meters;
  private Console console;
  private RatisMetadataClient ownClient;
  private Announcer announcer;
  private ConditionReporter reporter;
  private OperationsServer http;
  private volatile MetadataGroupMember member;
  private volatile String failure;

  /** What a server that lost its log waits for, or null. */
  private volatile String waiting;

  /** Waits for the others, or null. */
  private Thread rejoining;

  private volatile boolean closing;

  /** Set by the loaded state or the log; 0 before the cluster has its identity. */
  private volatile long clusterId;

  private MetadataServer(OptionValues options, DataDirectory directory) {
    group = options.get(MetadataOptions.GROUP).stream().map(Address::toString).toList();
    address = options.get(MetadataOptions.ADDRESS);
    this.directory = directory;
    registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    meters = new MetadataMeters(registry);
  }

  /**
   * Starts a server; it looks for the others on threads of its own and leads or follows when it has
   * found enough of them.
   *
   * @throws IOException with one line for the operator: directory in use or foreign, address in
   *     use.
   * @throws io.cairn.metadata.options.OptionException when options do not fit together.
   */
  public static MetadataServer start(OptionValues options) throws IOException {
    Address address = options.get(MetadataOptions.ADDRESS);
    if (!options.get(MetadataOptions.GROUP).contains(address)) {
      throw options.refuse(
          MetadataOptions.ADDRESS, "expected one of metadata.group, which is how others find it");
    }
    DataDirectory directory =
        DataDirectory.open(options.get(MetadataOptions.DATA_DIRECTORY), "metadata", 0);
    MetadataServer server = new MetadataServer(options, directory);
    try {
      server.open(options);
      return server;
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private void open(OptionValues options) throws IOException {
    String listenHost = options.get(MetadataOptions.LISTEN_HOST).orElse(address.host());
    console =
        new Console(
            this::connect,
            options.get(MetadataOptions.CONSOLE_CHANGES),
            options.get(MetadataOptions.CONSOLE_TOKEN_FILE));
    http =
        OperationsServer.start(
            options.get(MetadataOptions.HTTP_ADDRESS),
            registry,
            this::notReadyReason,
            new SupportPage(options, console));
    requireFree(listenHost);
    if (directory.identity().clusterId() != 0) {
      requireOwnCluster();
    }
    startMember(
        new MemberSettings(
            address.toString(),
            listenHost,
            group,
            directory.path(),
            options.get(MetadataOptions.ELECTION_TIMEOUT),
            options.get(MetadataOptions.NODE_AWAY_GRACE),
            options.get(MetadataOptions.REBALANCE),
            MemberSettings.SNAPSHOT_ENTRIES));
    meters.show(this::status);
    ownClient = RatisMetadataClient.connect(new SecureRandom().nextLong(), group, CONSOLE_DEADLINE);
    announcer =
        Announcer.start(
            ownClient,
            "metadata",
            address.toString(),
            http.address().reachableBy(address.host()).toString());
    reporter = ConditionReporter.start(ownClient, this::changedConditions);
    LOG.info(
        "metadata server {} of {} on {}, HTTP on {}",
        address,
        group,
        directory.path(),
        http.address());
  }

  private void startMember(MemberSettings settings) throws IOException {
    Observer observer = new Observer();
    try {
      member = MetadataGroupMember.start(settings, observer);
    } catch (LostLogException e) {
      LOG.error(
          "{}; this server begins anew when all others can do without what it had", reason(e));
      meters.damage();
      waiting = "waits for the other servers: " + reason(e);
      rejoining =
          Thread.ofPlatform().name("metadata-rejoin").start(() -> rejoin(settings, observer));
    }
  }

  /** Not while it starts: servers of one process are started one after the other. */
  private void rejoin(MemberSettings settings, Observer observer) {
    try {
      member =
          MetadataGroupMember.rejoin(
              settings,
              observer,
              missing -> {
                waiting = "its log was lost; it waits: " + missing;
                LOG.warn("{}", waiting);
              });
      waiting = null;
      LOG.info("metadata server {} has the log of the others", address);
    } catch (InterruptedException e) {
      LOG.debug("closed while it waited", e);
    } catch (IOException | RuntimeException e) {
      if (!closing) {
        fail("the metadata server cannot begin anew: " + reason(e));
      }
    }
  }

  private List<ClusterCondition> changedConditions() {
    MetadataGroupMember running = member;
    return running == null ? List.of() : running.changedConditions();
  }

  private MetadataClient connect() {
    return RatisMetadataClient.connect(new SecureRandom().nextLong(), group, CONSOLE_DEADLINE);
  }

  /** Ratis tells a port in use from other troubles only in a chain of causes: ask beforehand. */
  private void requireFree(String listenHost) throws IOException {
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(new InetSocketAddress(listenHost, address.port()));
    } catch (IOException e) {
      throw new IOException(
          "cannot listen on "
              + new Address(listenHost, address.port())
              + " for the metadata group: "
              + e.getMessage(),
          e);
    }
  }

  /**
   * A server with another cluster's log would be heard as one of this cluster, and could even make
   * the others drop what they have. So whoever has an identity compares it with the group's before
   * it takes part; with nobody there yet, there is nobody to harm.
   */
  private void requireOwnCluster() throws IOException {
    if (group.stream().noneMatch(peer -> !peer.equals(address.toString()) && listens(peer))) {
      return;
    }
    long its = directory.identity().clusterId();
    Reply reply;
    try (RatisMetadataClient client =
        RatisMetadataClient.connect(new SecureRandom().nextLong(), group, COMPARE_DEADLINE)) {
      reply = client.query(new Query.GetCluster()).toCompletableFuture().join();
    } catch (CompletionException e) {
      LOG.info("no leader to compare the cluster with: {}", e.getMessage());
      return;
    }
    if (reply instanceof Reply.Cluster cluster && cluster.clusterId() != its) {
      throw new IOException(
          "data directory "
              + directory.path()
              + " belongs to cluster "
              + Long.toHexString(its)
              + ", the servers of metadata.group to "
              + (cluster.clusterId() == 0
                  ? "a new one"
                  : "cluster " + Long.toHexString(cluster.clusterId())));
    }
  }

  private static boolean listens(String peer) {
    Address at = Address.parse(peer);
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(at.host(), at.port()), CONNECT_TIMEOUT_MILLIS);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private final class Observer implements GroupObserver {
    @Override
    public void onLeading() {
      if (clusterId == 0) {
        bootstrap();
      }
    }

    @Override
    public void onClusterId(long id) {
      if (clusterId == 0) {
        clusterId = id;
        join(id);
      }
    }

    @Override
    public void onCommand(Command command, Reply reply, long nanos) {
      meters.command(command, reply, nanos);
    }

    @Override
    public void onQuery(Query query, long nanos) {
      meters.query(query, nanos);
    }

    @Override
    public void onSnapshot(long sizeBytes, long nanos) {
      meters.snapshot(sizeBytes, nanos);
    }

    @Override
    public void onSnapshotFailure(Exception cause) {
      LOG.warn(
          "the log cannot be shortened, as no snapshot could be written: {}; {}",
          reason(cause),
          room());
    }

    @Override
    public void onDamage(String what) {
      LOG.error("{}", what);
      meters.damage();
    }

    @Override
    public void onFailure(Throwable cause) {
      if (!closing) {
        fail("the metadata server cannot go on: " + reason(cause) + "; " + room());
      }
    }
  }

  /** What lies at the bottom of it: the wrappers only say who noticed. */
  private static String reason(Throwable cause) {
    Throwable root = cause;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.toString() : root.getMessage();
  }

  /** A full device is the most frequent trouble: each report says how much room there is. */
  private String room() {
    try {
      return "data directory "
          + directory.path()
          + " has "
          + Sizes.format(Files.getFileStore(directory.path()).getUsableSpace())
          + " free";
    } catch (IOException e) {
      return "data directory " + directory.path() + " cannot be asked for its room";
    }
  }

  /** Every leader of a group without identity may do this: the first command wins. */
  private void bootstrap() {
    SecureRandom random = new SecureRandom();
    long id = random.nextLong() | 1;
    RatisMetadataClient client =
        RatisMetadataClient.connect(random.nextLong(), group, BOOTSTRAP_DEADLINE);
    client
        .submit(new Command.InitCluster(id, Release.level()))
        .whenCompleteAsync(
            (reply, problem) -> {
              client.close();
              if (problem != null && !closing) {
                LOG.warn("the cluster has no identity yet: {}", problem.getMessage());
              }
            });
  }

  private void join(long id) {
    try {
      directory.join(id, 0);
      LOG.info("cluster {}", Long.toHexString(id));
    } catch (DataDirectoryException e) {
      fail(e.getMessage());
    }
  }

  /** The first reason stays: what fails after it fails because of it, with thousands of entries. */
  private synchronized void fail(String why) {
    if (failure == null) {
      failure = why;
      LOG.error("{}", why);
    }
  }

  private MemberStatus status() {
    MetadataGroupMember running = member;
    return running == null ? null : running.status();
  }

  private String notReadyReason() {
    if (failure != null) {
      return failure;
    }
    String missing = waiting;
    if (missing != null) {
      return missing;
    }
    MemberStatus status = status();
    if (status == null) {
      return closing ? "stopping" : "starting";
    }
    if (!status.leaderKnown()) {
      return "no leader: fewer than half of " + group + " reach each other, or they just began";
    }
    return status.clusterId() == 0 ? "the cluster has no identity yet" : null;
  }

  /** Why the server will never serve again, in one line, or null. */
  public String failure() {
    return failure;
  }

  /** Where the other servers and the clients find this one. */
  public Address address() {
    return address;
  }

  /** Where the HTTP surface listens, with the port that it really has. */
  public Address httpAddress() {
    return http.address();
  }

  /** Whether this server leads at the moment. */
  public boolean isLeader() {
    MetadataGroupMember running = member;
    return running != null && running.isLeader();
  }

  private void awaitRejoining() {
    if (rejoining == null) {
      return;
    }
    rejoining.interrupt();
    try {
      rejoining.join(REJOIN_STOP);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops; what was applied is durable. */
  @Override
  public void close() throws IOException {
    closing = true;
    try (DataDirectory held = directory) {
      if (http != null) {
        http.close();
      }
      if (console != null) {
        console.close();
      }
      if (reporter != null) {
        reporter.close();
      }
      if (announcer != null) {
        announcer.close();
        ownClient.close();
      }
      awaitRejoining();
      if (member != null) {
        member.close();
      }
      registry.close();
      LOG.info("metadata server {} stopped, {}", address, held.path());
    }
  }
}
