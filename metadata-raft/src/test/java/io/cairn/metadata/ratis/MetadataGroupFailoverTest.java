package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.Durability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Servers that go while a client has commands under way, and those that come back. */
class MetadataGroupFailoverTest extends GroupOfThree {
  @Test
  void theLeadersLossIsSurvivedAndNothingIsLostOrDoubled() throws Exception {
    for (int i = 0; i < 20; i++) {
      create("before-" + i);
    }
    List<ClusterEvent> before = events();
    int leader = leader();
    stopMember(leader);
    for (int i = 0; i < 20; i++) {
      create("after-" + i);
    }
    assertEquals(40, volumes().size());
    assertEquals(before, events().subList(0, before.size()));
    assertEquals(before.size() + 20, events().size());
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

  /** With the third server stopped, a command commits only if the returned one takes part. */
  private void awaitCaughtUp(int behind, int other) throws Exception {
    stopMember(other);
    create("needs-the-returned-one");
    startMember(other);
    assertNotNull(members[behind]);
    assertInstanceOf(
        Reply.Volume.class, call(new Command.DeleteVolume("needs-the-returned-one", false)));
  }
}
