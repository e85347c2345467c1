package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ClusterEvent;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a group answers, and what it keeps over a restart of all. */
class MetadataGroupTest extends GroupOfThree {
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
  void theGenerationIsConfirmedOnlyWhileItIsTheVolumes() throws Exception {
    create("a");
    call(new Command.AcquireVolume("a", "g1", 1, "h:1", -1));
    assertEquals(new Reply.Ok(), query(new Query.ConfirmGeneration(1, 1)));
    call(new Command.AcquireVolume("a", "g2", 1, "h:1", -1));
    assertInstanceOf(Reply.Refused.class, query(new Query.ConfirmGeneration(1, 1)));
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
      query(
          new Query.NodeHeartbeat(
              i, 1, 0, 50 * GIB, 0, 0, 0, List.of(), null, null, 0, List.of(), List.of(), null,
              null, null));
    }
    Reply.Chunks chunks = assertInstanceOf(Reply.Chunks.class, call(allocate));
    assertEquals(3, chunks.chunks().getFirst().inSyncCount());
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
            query(
                new Query.NodeHeartbeat(
                    1,
                    1,
                    0,
                    GIB,
                    0,
                    0,
                    2,
                    List.of(1L, 2L, 3L),
                    null,
                    null,
                    0,
                    List.of(),
                    null,
                    null,
                    null,
                    null)));
    assertEquals(List.of(2L), ack.deletedVolumes());
    assertEquals("n", ack.nodes().getFirst().name());
    assertInstanceOf(
        Reply.Refused.class,
        query(
            new Query.NodeHeartbeat(
                1, 0, 0, 0, 0, 0, 0, List.of(), null, null, 0, List.of(), List.of(), null, null,
                null)));
    assertInstanceOf(
        Reply.Refused.class,
        query(
            new Query.NodeHeartbeat(
                9, 1, 0, 0, 0, 0, 0, List.of(), null, null, 0, List.of(), List.of(), null, null,
                null)));
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
  void allServersRestartFromSnapshotAndLogTail() throws Exception {
    for (int i = 0; i < 130; i++) {
      create("v" + i);
    }
    assertTrue(snapshotExists(), "no server has taken a snapshot");
    List<ClusterEvent> events = events();
    assertEquals("volume-created", events.getLast().kind());
    assertTrue(events.getLast().atMillis() > 0, "the leader's clock is in the log");
    client.close();
    for (int i = 0; i < 3; i++) {
      stopMember(i);
    }
    for (int i = 0; i < 3; i++) {
      startMember(i);
    }
    client = newClient();
    assertEquals(events, events());
    assertEquals(130, volumes().size());
    create("one-more");
    assertEquals(131, volumes().size());
  }

  /** What it lacks is in nobody's log any more. */
  @Test
  void whoWasAwayForLongGetsASnapshot() throws Exception {
    create("before");
    int away = (leader() + 1) % 3;
    stopMember(away);
    for (int i = 0; i < 60; i++) {
      create("meanwhile-" + i);
    }
    int leader = leader();
    stopMember(leader);
    // Its log goes on in another file; the first one is dropped with the next snapshot.
    startMember(leader);
    for (int i = 0; i < 60; i++) {
      create("later-" + i);
    }
    for (int i = 0; i < 3; i++) {
      assertTrue(i == away || firstIndex(i) > 10, "the log still begins with " + firstIndex(i));
    }
    startMember(away);
    create("after");
    awaitSame();
    // It is one of two now: what it has taken over counts.
    stopMember(leader());
    create("on-its-word");
    assertEquals(123, volumes().size());
  }

  private long firstIndex(int member) throws IOException {
    try (Stream<Path> files = Files.walk(directory.resolve("m" + member))) {
      Path current =
          files.filter(f -> f.getFileName().toString().equals("current")).findFirst().orElseThrow();
      return LogFiles.firstIndex(current);
    }
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

  private boolean snapshotExists() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.anyMatch(f -> f.getFileName().toString().matches("snapshot\\.\\d+_\\d+"));
    }
  }

  private static int port(String address) {
    return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
  }
}
