package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.server.ListeningPorts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetadataGroupTest {
  private static final long SNAPSHOT_ENTRIES = 50;
  private static final long GIB = 1L << 30;

  @TempDir Path directory;
  private final List<String> addresses = new ArrayList<>();
  private final MetadataGroupMember[] members = new MetadataGroupMember[3];
  private RatisMetadataClient client;
  private final AtomicInteger snapshotFailures = new AtomicInteger();
  private long clientIds = 100;

  @BeforeEach
  void start() throws Exception {
    for (int i = 0; i < 3; i++) {
      addresses.add(ListeningPorts.address());
    }
    for (int i = 0; i < 3; i++) {
      startMember(i);
    }
    client = newClient();
    call(new Command.InitCluster(42));
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    for (int i = 0; i < 3; i++) {
      stopMember(i);
    }
  }

  @Test
  void commandsApplyAndQueriesSeeThem() throws Exception {
    create("a");
    Reply.Cluster cluster = assertInstanceOf(Reply.Cluster.class, query(new Query.GetCluster()));
    assertEquals(42, cluster.clusterId());
    assertEquals("a", cluster.volumes().getFirst().volume().name());
    assertEquals(3, cluster.metadata().size());
    assertEquals(1, cluster.metadata().stream().filter(Reply.MetadataStatus::leader).count());
  }

  @Test
  void theLeadersLossIsSurvivedAndNothingIsLostOrDoubled() throws Exception {
    for (int i = 0; i < 20; i++) {
      create("before-" + i);
    }
    int leader = leader();
    stopMember(leader);
    for (int i = 0; i < 20; i++) {
      create("after-" + i);
    }
    assertEquals(40, volumes().size());
    startMember(leader);
    Reply.VolumeAcquired acquired =
        assertInstanceOf(
            Reply.VolumeAcquired.class,
            call(new Command.AcquireVolume("after-0", "g", 1, "h:1", -1)));
    assertEquals(1, acquired.volume().generation());
  }

  /** More commands than the group remembers answers for, and a leader that goes meanwhile. */
  @Test
  void manyCommandsAtATimeAllApplyOnceOverALeaderChange() throws Exception {
    List<CompletableFuture<Reply>> replies = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      replies.add(
          client
              .submit(new Command.CreateVolume("v" + i, GIB, 0, 0, 0, Durability.FLUSH))
              .toCompletableFuture());
      if (i == 150) {
        replies.getFirst().get(70, TimeUnit.SECONDS);
        stopMember(leader());
      }
    }
    for (CompletableFuture<Reply> reply : replies) {
      // A retry that was applied a second time would hear that the volume exists.
      assertInstanceOf(Reply.Volume.class, reply.get(70, TimeUnit.SECONDS));
    }
    assertEquals(300, volumes().size());
  }

  /** Ratis' monitor for pauses is stopped by a name of Ratis' own, which a later one may change. */
  @Test
  void nothingAsksTheCollectorsForPauses() {
    assertEquals(
        List.of(),
        Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.startsWith("JvmPauseMonitor"))
            .toList());
  }

  @Test
  void aClosedClientAnswersAtOnce() {
    client.close();
    CompletableFuture<Reply> reply = client.query(new Query.GetCluster()).toCompletableFuture();
    ExecutionException failure =
        assertThrows(ExecutionException.class, () -> reply.get(1, TimeUnit.SECONDS));
    assertInstanceOf(IOException.class, failure.getCause());
  }

  @Test
  void allServersRestartFromSnapshotAndLogTail() throws Exception {
    for (int i = 0; i < 130; i++) {
      create("v" + i);
    }
    assertTrue(snapshotExists(), "no server has taken a snapshot");
    client.close();
    for (int i = 0; i < 3; i++) {
      stopMember(i);
    }
    for (int i = 0; i < 3; i++) {
      startMember(i);
    }
    client = newClient();
    assertEquals(130, volumes().size());
    create("one-more");
    assertEquals(131, volumes().size());
  }

  @Test
  void snapshotsThatCannotBeWrittenStopNobodyAndAreMadeLater() throws Exception {
    for (int i = 0; i < 3; i++) {
      // Nobody can make a file of this name, and nobody removes what is in there.
      Files.createDirectories(directory.resolve("m" + i).resolve("snapshot.part/in-the-way"));
    }
    for (int i = 0; i < 130; i++) {
      create("v" + i);
    }
    assertTrue(!snapshotExists());
    assertTrue(snapshotFailures.get() > 0, "nobody heard of it");
    // With each of the 80 entries beyond the first attempt it would be some hundreds.
    assertTrue(snapshotFailures.get() < 80, () -> snapshotFailures + " failures");
    for (int i = 0; i < 3; i++) {
      stopMember(i);
      Files.delete(directory.resolve("m" + i).resolve("snapshot.part/in-the-way"));
      Files.delete(directory.resolve("m" + i).resolve("snapshot.part"));
      startMember(i);
    }
    int more = 0;
    while (!snapshotExists() && more < 200) {
      create("more-" + ++more);
    }
    assertTrue(snapshotExists(), "no server has taken a snapshot");
    assertEquals(130 + more, volumes().size());
  }

  @Test
  void aServerThatFellBehindThePurgedLogGetsASnapshotAndCanLead() throws Exception {
    create("first");
    int behind = (leader() + 1) % 3;
    stopMember(behind);
    for (int i = 0; i < 160; i++) {
      create("v" + i);
    }
    startMember(behind);
    int other = 3 - behind - leader();
    create("while-it-returns");
    awaitCaughtUp(behind, other);
    assertEquals(162, volumes().size());
  }

  /** With the third server stopped, a command commits only if the returned one takes part. */
  private void awaitCaughtUp(int behind, int other) throws Exception {
    stopMember(other);
    create("needs-the-returned-one");
    startMember(other);
    assertNotNull(members[behind]);
    assertInstanceOf(
        Reply.Volume.class, call(new Command.DeleteVolume("needs-the-returned-one", false)));
  }

  @Test
  void garbageOnThePortHurtsNobody() throws Exception {
    Random random = new Random(6);
    for (int i = 0; i < 50; i++) {
      try (Socket socket =
          new Socket(InetAddress.getLoopbackAddress(), port(addresses.get(i % 3)))) {
        byte[] garbage = new byte[512];
        random.nextBytes(garbage);
        socket.getOutputStream().write(garbage);
      } catch (IOException e) {
        assertNotNull(e.getMessage());
      }
    }
    create("still-here");
    assertEquals(1, volumes().size());
  }

  @Test
  void theGenerationIsConfirmedOnlyWhileItIsTheVolumes() throws Exception {
    create("a");
    call(new Command.AcquireVolume("a", "g1", 1, "h:1", -1));
    assertEquals(new Reply.Ok(), query(new Query.ConfirmGeneration(1, 1)));
    call(new Command.AcquireVolume("a", "g2", 1, "h:1", -1));
    assertInstanceOf(Reply.Refused.class, query(new Query.ConfirmGeneration(1, 1)));
  }

  @Test
  void aClientThatAskedInVainForLongIsAnsweredOnceTheGroupIsBack() throws Exception {
    create("before");
    try (RatisMetadataClient patient =
        RatisMetadataClient.connect(++clientIds, addresses, Duration.ofSeconds(2))) {
      patient.query(new Query.GetVolume("before")).toCompletableFuture().get(70, TimeUnit.SECONDS);
      for (int i = 0; i < 3; i++) {
        stopMember(i);
      }
      for (int i = 0; i < 6; i++) {
        CompletionStage<Reply> inVain = patient.submit(new Command.ResizeVolume("before", 2 * GIB));
        assertThrows(
            ExecutionException.class, () -> inVain.toCompletableFuture().get(70, TimeUnit.SECONDS));
      }
      for (int i = 0; i < 3; i++) {
        startMember(i);
      }
      create("after");
      Reply reply =
          patient
              .submit(new Command.ResizeVolume("after", 2 * GIB))
              .toCompletableFuture()
              .get(70, TimeUnit.SECONDS);
      assertInstanceOf(Reply.Volume.class, reply);
      patient.query(new Query.GetVolume("after")).toCompletableFuture().get(70, TimeUnit.SECONDS);
    }
  }

  @Test
  void nodesAreUpWhileTheyAreHeardAndPlacementKnowsTheirRoom() throws Exception {
    create("a");
    for (int i = 1; i <= 3; i++) {
      call(
          new Command.RegisterNode(
              0, 0, i, "n" + i, "h" + i, 7000, "z", "r", "h" + i, 100 * GIB, 1, 1));
    }
    call(new Command.AcquireVolume("a", "g", 1, "h:1", -1));
    Command allocate = new Command.AllocateChunks(1, 1, 0, List.of(0), "");
    assertInstanceOf(Reply.Refused.class, call(allocate));
    for (int i = 1; i <= 3; i++) {
      query(new Query.NodeHeartbeat(i, 1, 0, 50 * GIB, 0, 0, 0, List.of(), null));
    }
    Reply.Chunks chunks = assertInstanceOf(Reply.Chunks.class, call(allocate));
    assertEquals(3, chunks.chunks().getFirst().inSyncCount());
  }

  /** Hears of snapshots that failed. */
  private final class Failures implements GroupObserver {
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
    public void onFailure(Throwable cause) {}
  }

  @Test
  void aHeartbeatsAnswerNamesTheDeletedVolumesAndTheNodes() throws Exception {
    call(new Command.RegisterNode(42, 0, 1, "n", "h", 7000, "z", "r", "h", 100 * GIB, 1, 1));
    create("kept");
    create("gone");
    call(new Command.DeleteVolume("gone", false));
    Reply.HeartbeatAck ack =
        assertInstanceOf(
            Reply.HeartbeatAck.class,
            query(new Query.NodeHeartbeat(1, 1, 0, GIB, 0, 0, 2, List.of(1L, 2L, 3L), null)));
    assertEquals(List.of(2L), ack.deletedVolumes());
    assertEquals("n", ack.nodes().getFirst().name());
    assertInstanceOf(
        Reply.Refused.class, query(new Query.NodeHeartbeat(1, 0, 0, 0, 0, 0, 0, List.of(), null)));
    assertInstanceOf(
        Reply.Refused.class, query(new Query.NodeHeartbeat(9, 1, 0, 0, 0, 0, 0, List.of(), null)));
  }

  private void create(String name) throws Exception {
    assertInstanceOf(
        Reply.Volume.class, call(new Command.CreateVolume(name, GIB, 0, 0, 0, Durability.FLUSH)));
  }

  private List<Reply.Volume> volumes() throws Exception {
    return ((Reply.Cluster) query(new Query.GetCluster())).volumes();
  }

  private Reply call(Command command) throws Exception {
    return client.submit(command).toCompletableFuture().get(70, TimeUnit.SECONDS);
  }

  private Reply query(Query query) throws Exception {
    return client.query(query).toCompletableFuture().get(70, TimeUnit.SECONDS);
  }

  private int leader() {
    for (int i = 0; i < 3; i++) {
      if (members[i] != null && members[i].isLeader()) {
        return i;
      }
    }
    throw new IllegalStateException("no leader although a command was just answered");
  }

  private boolean snapshotExists() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.anyMatch(f -> f.getFileName().toString().matches("snapshot\\.\\d+_\\d+"));
    }
  }

  private void startMember(int i) throws IOException {
    members[i] =
        MetadataGroupMember.start(
            addresses.get(i),
            "127.0.0.1",
            addresses,
            directory.resolve("m" + i),
            new Failures(),
            Duration.ofMillis(900),
            Duration.ofMinutes(10),
            true,
            SNAPSHOT_ENTRIES);
  }

  private void stopMember(int i) throws IOException {
    if (members[i] != null) {
      members[i].close();
      members[i] = null;
    }
  }

  private RatisMetadataClient newClient() {
    return RatisMetadataClient.connect(++clientIds, addresses, Duration.ofSeconds(60));
  }

  private static int port(String address) {
    return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
  }
}
