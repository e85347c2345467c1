package io.cairn.metadata.ratis;

import io.cairn.metadata.model.ClusterCondition;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.util.JvmPauseMonitor;
import org.slf4j.LoggerFactory;

/** One server of the metadata group. */
public final class MetadataGroupMember implements AutoCloseable {
  private static final org.slf4j.Logger LOG = LoggerFactory.getLogger(MetadataGroupMember.class);

  /**
   * What breaks the protocol on a connection costs that connection; gRPC would write a stack trace
   * for each of them, and Ratis' own confusion at a stop as well. The reference keeps the level:
   * loggers are collected with their settings.
   */
  private static final Logger GRPC_LOG = Logger.getLogger("org.apache.ratis.thirdparty.io.grpc");

  private static final long LOG_LOOK_MILLIS = 100;

  /** Two seconds: a leader that looks for what this server has, mostly finds it in less. */
  private static final int LOOKS_PER_LEADER_MIN = 20;

  /** On a slow machine each leader gets more time than the one before. */
  private static final int LOOKS_PER_LEADER_MAX = 320;

  static {
    GRPC_LOG.setLevel(Level.OFF);
  }

  private final RaftServer server;
  private final MetadataStateMachine machine;
  private final DivisionInfo division;
  private final String address;
  private final Reconnector reconnector;

  private MetadataGroupMember(
      MemberSettings settings, RaftServer server, MetadataStateMachine machine) throws IOException {
    this.address = settings.address();
    this.server = server;
    this.machine = machine;
    division = server.getDivision(GroupSettings.GROUP_ID).getInfo();
    reconnector =
        Reconnector.start(server, settings.others().stream().map(GroupSettings::peerId).toList());
  }

  /**
   * Starts a server on its directory, which it makes when there is none.
   *
   * @throws LostLogException when its log is damaged, or there is none although the others have
   *     one: {@link #rejoin} is what is left.
   */
  public static MetadataGroupMember start(MemberSettings settings, GroupObserver observer)
      throws IOException {
    if (!LogFiles.isThere(settings.log())) {
      String other = new Rejoin(settings).whoHasLog();
      if (other != null) {
        throw new LostLogException(
            settings.directory() + " has no log, and " + other + " has one", null);
      }
    }
    return open(settings, observer);
  }

  /**
   * Starts a server whose log is lost as one that has nothing. Blocks until all others are there
   * and can do without what it had, as {@link Rejoin} says.
   *
   * @param waiting hears what is waited for.
   * @throws InterruptedException when the calling thread is interrupted meanwhile.
   */
  public static MetadataGroupMember rejoin(
      MemberSettings settings, GroupObserver observer, Consumer<String> waiting)
      throws IOException, InterruptedException {
    Rejoin rejoin = new Rejoin(settings);
    rejoin.awaitOthers(waiting);
    SetAside.move(settings.log());
    SetAside.move(settings.state());
    MetadataGroupMember member = open(settings, observer);
    try {
      waiting.accept("for the log of the others");
      member.awaitLog(rejoin);
      return member;
    } catch (InterruptedException e) {
      member.close();
      throw e;
    }
  }

  /**
   * A leader that was there all the time never looks for entries below those that this server has
   * acknowledged once: only the next one does.
   */
  private void awaitLog(Rejoin rejoin) throws InterruptedException {
    int looksLeft = LOOKS_PER_LEADER_MIN;
    for (int next = looksLeft; machine.storedIndex() < 0; looksLeft--) {
      if (looksLeft == 0) {
        rejoin.askForAnotherLeader();
        next = Math.min(2 * next, LOOKS_PER_LEADER_MAX);
        looksLeft = next;
      }
      Thread.sleep(LOG_LOOK_MILLIS);
    }
  }

  private static MetadataGroupMember open(MemberSettings settings, GroupObserver observer)
      throws IOException {
    Files.createDirectories(settings.log());
    String address = settings.address();
    int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    RaftProperties properties =
        GroupSettings.server(
            settings.listenHost(),
            port,
            settings.log().toFile(),
            settings.electionTimeout(),
            settings.snapshotEntries());
    MetadataStateMachine machine =
        new MetadataStateMachine(
            settings.state(), observer, settings.awayGrace(), settings.rebalance());
    AtomicReference<RaftServer> started = new AtomicReference<>();
    RaftServer server =
        RaftServer.newBuilder()
            .setServerId(GroupSettings.peerId(address))
            .setGroup(GroupSettings.group(settings.group()))
            .setStateMachine(machine)
            .setProperties(properties)
            .setParameters(
                GroupSettings.connections(new NoVoteWithoutLog(() -> hasLog(started.get()))))
            .setOption(RaftStorage.StartupOption.RECOVER)
            .build();
    started.set(server);
    try {
      server.start();
      stopPauseMonitor(server);
      requireAll(server, machine);
      return new MetadataGroupMember(settings, server, machine);
    } catch (CompletionException e) {
      close(server, machine);
      // Ratis starts the state machine on another thread.
      throw e.getCause() instanceof IOException cause ? LogDamage.of(cause) : LogDamage.of(e);
    } catch (IOException | RuntimeException e) {
      close(server, machine);
      throw LogDamage.of(e);
    }
  }

  private static void close(RaftServer server, MetadataStateMachine machine) throws IOException {
    server.close();
    // Ratis closes it only if it has got that far.
    machine.close();
  }

  /** Before the server has its group, it is asked by nobody who could win. */
  private static boolean hasLog(RaftServer server) {
    try {
      RaftServer.Division division = server.getDivision(GroupSettings.GROUP_ID);
      return division.getRaftLog().getLastEntryTermIndex() != null
          || division.getStateMachine().getLatestSnapshot() != null;
    } catch (IOException e) {
      LOG.debug("asked for a vote before the group is there", e);
      return false;
    }
  }

  /** The state is made of entries of the log: one that ends before them has lost some. */
  private static void requireAll(RaftServer server, MetadataStateMachine machine)
      throws IOException {
    TermIndex last =
        server.getDivision(GroupSettings.GROUP_ID).getRaftLog().getLastEntryTermIndex();
    long end = last == null ? -1 : last.getIndex();
    SnapshotInfo snapshot = machine.getLatestSnapshot();
    long behind = Math.max(end, snapshot == null ? -1 : snapshot.getIndex());
    if (behind < machine.storedIndex()) {
      throw new LostLogException(
          "the log ends with entry " + end + ", and the state with " + machine.storedIndex(), null);
    }
  }

  /**
   * Ratis asks the collectors three times a second whether the JVM stood still, to make a leader
   * that did step down. It hears so anyway from the first follower that it talks to, and until then
   * decides nothing: the questions cost an idle server a quarter of its processor time. There is no
   * setting for it.
   */
  private static void stopPauseMonitor(RaftServer server) {
    try {
      Field field = server.getClass().getDeclaredField("pauseMonitor");
      field.setAccessible(true);
      ((JvmPauseMonitor) field.get(server)).stop();
    } catch (ReflectiveOperationException | RuntimeException e) {
      LOG.warn("Ratis' monitor for pauses is not where it was, and goes on: {}", e.toString());
    }
  }

  /** Whether this server leads at the moment. */
  public boolean isLeader() {
    return division.isLeaderReady();
  }

  /** What of the cluster is not as it is on record; empty unless this server leads. */
  public List<ClusterCondition> changedConditions() {
    return machine.changedConditions(division, address);
  }

  /** What this server knows about itself and the group; null once it is closed. */
  public MemberStatus status() {
    return machine.status(division);
  }

  @Override
  public void close() throws IOException {
    reconnector.close();
    server.close();
  }
}
