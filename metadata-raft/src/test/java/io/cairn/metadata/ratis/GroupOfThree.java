package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.release.Release;
import io.cairn.metadata.server.ListeningPorts;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Three servers in this process, a client, and a cluster that was made: new for each test. */
abstract class GroupOfThree {
  private static final long SNAPSHOT_ENTRIES = 50;
  static final long GIB = 1L << 30;

  @TempDir Path directory;
  final List<String> addresses = new ArrayList<>();
  final MetadataGroupMember[] members = new MetadataGroupMember[3];
  RatisMetadataClient client;
  final AtomicInteger snapshotFailures = new AtomicInteger();
  final List<String> damages = new CopyOnWriteArrayList<>();

  /** Why members began anew, and what they waited for meanwhile. */
  final List<String> lost = new CopyOnWriteArrayList<>();

  final List<String> waits = new CopyOnWriteArrayList<>();
  long clientIds = 100;

  @BeforeEach
  void start() throws Exception {
    for (int i = 0; i < 3; i++) {
      addresses.add(ListeningPorts.address());
    }
    for (int i = 0; i < 3; i++) {
      startMember(i);
    }
    client = newClient();
    call(new Command.InitCluster(42, Release.level()));
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    for (int i = 0; i < 3; i++) {
      stopMember(i);
    }
  }

  /** Hears of snapshots that failed, and of damage. */
  private final class Heard implements GroupObserver {
    @Override
    public void onLeading() {}

    @Override
    public void onClusterId(long clusterId) {}

    @Override
    public void onCommand(Command command, Reply reply, long nanos) {}

    @Override
    public void onQuery(Query query, long nanos) {}

    @Override
    public void onSnapshot(long sizeBytes, long nanos) {}

    @Override
    public void onSnapshotFailure(Exception cause) {
      snapshotFailures.incrementAndGet();
    }

    @Override
    public void onDamage(String what) {
      damages.add(what);
    }

    @Override
    public void onFailure(Throwable cause) {}
  }

  void create(String name) throws Exception {
    assertInstanceOf(
        Reply.Volume.class, call(new Command.CreateVolume(name, GIB, 0, 0, 0, Durability.FLUSH)));
  }

  List<Reply.Volume> volumes() throws Exception {
    return ((Reply.Cluster) query(new Query.GetCluster())).volumes();
  }

  List<ClusterEvent> events() throws Exception {
    return ((Reply.Events) query(new Query.GetEvents(0, 1000))).events();
  }

  Reply call(Command command) throws Exception {
    return client.submit(command).toCompletableFuture().get(70, TimeUnit.SECONDS);
  }

  Reply query(Query query) throws Exception {
    return client.query(query).toCompletableFuture().get(70, TimeUnit.SECONDS);
  }

  int leader() {
    for (int i = 0; i < 3; i++) {
      if (members[i] != null && members[i].isLeader()) {
        return i;
      }
    }
    throw new IllegalStateException("no leader although a command was just answered");
  }

  /** Waits until each server that is there has what the leader has. */
  void awaitSame() throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      long applied = members[leader()].status().appliedIndex();
      boolean same = true;
      for (MetadataGroupMember member : members) {
        same &= member == null || member.status().appliedIndex() >= applied;
      }
      if (same) {
        return;
      }
      assertTrue(System.nanoTime() < end, "a server does not get what the others have");
      Thread.sleep(20);
    }
  }

  void startMember(int i) throws IOException {
    MemberSettings settings =
        new MemberSettings(
            addresses.get(i),
            "127.0.0.1",
            addresses,
            directory.resolve("m" + i),
            electionTimeout(),
            Duration.ofMinutes(10),
            true,
            SNAPSHOT_ENTRIES);
    try {
      members[i] = MetadataGroupMember.start(settings, new Heard());
    } catch (LostLogException e) {
      lost.add(e.getMessage());
      try {
        members[i] = MetadataGroupMember.rejoin(settings, new Heard(), waits::add);
      } catch (InterruptedException interrupted) {
        throw new InterruptedIOException(interrupted.toString());
      }
    }
  }

  /** Of each member; the leader gives a sign of life after half of it. */
  Duration electionTimeout() {
    return Duration.ofMillis(900);
  }

  void stopMember(int i) throws IOException {
    if (members[i] != null) {
      members[i].close();
      members[i] = null;
    }
  }

  RatisMetadataClient newClient() {
    return RatisMetadataClient.connect(++clientIds, addresses, Duration.ofSeconds(60));
  }
}
