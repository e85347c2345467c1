package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Changes whose answers do not come: the owner finds out what became of them. */
class ProposalTest {
  /** More commands than the metadata remembers the answers of. */
  private static final int FORGOTTEN_AFTER = 70;

  private final SessionWorld world = new SessionWorld(4, 3, 2);
  private VolumeSession session;
  private long from;
  private long to;

  @BeforeEach
  void attach() {
    session = world.attach("a");
    Answer answer = world.write(session, 0, SessionWorld.bytes(4096, 1));
    world.await(() -> answer.done && world.record(0).inSyncCount() == 3);
    session.onNodes(world.metadata.state().nodes(), List.of(), List.of(), world.nowNanos);
    from = world.record(0).replicas().getFirst().nodeId();
    to =
        world.nodes.stream()
            .map(node -> node.id)
            .filter(id -> world.record(0).replicas().stream().noneMatch(r -> r.nodeId() == id))
            .findFirst()
            .orElseThrow();
  }

  private void wishForAMove() {
    List<Reply.WantedMove> moves = List.of(new Reply.WantedMove("vol", 0, 0, from, to));
    session.mending().onMovesWanted(moves, world.nowNanos);
  }

  private boolean isWhole() {
    ChunkRecord record = world.record(0);
    return record.movesFromNodeId() == null
        && record.replicas().size() == 3
        && record.inSyncCount() == 3;
  }

  private boolean isOn(long nodeId) {
    return world.record(0).replicas().stream().anyMatch(r -> r.nodeId() == nodeId);
  }

  @Test
  void aCommandThatIsAppliedAfterItWasSentAgainAndRefusedChangesNothing() {
    List<Runnable> late = new ArrayList<>();
    world.lateCommands = late;
    wishForAMove();
    world.await(() -> late.size() == 1);
    world.lateCommands = null;
    world.freeBytes = 0;
    world.await(() -> !session.mending().isUnsure());
    world.run(SessionWorld.SECOND);

    world.freeBytes = 1L << 40;
    late.forEach(Runnable::run);
    assertNull(world.record(0).movesFromNodeId());
    world.run(20 * SessionWorld.SECOND);
    assertTrue(isWhole(), world.record(0).toString());
    assertTrue(isOn(from));

    wishForAMove();
    world.await(() -> isWhole() && isOn(to));
    assertFalse(isOn(from));
  }

  @Test
  void aCommandThatIsAppliedBeforeItIsSentAgainIsAppliedOnce() {
    List<Runnable> late = new ArrayList<>();
    world.lateCommands = late;
    wishForAMove();
    world.await(() -> late.size() == 1);
    world.lateCommands = null;
    late.forEach(Runnable::run);
    assertEquals(from, world.record(0).movesFromNodeId());
    // It would not be taken a second time.
    world.freeBytes = 0;
    world.await(() -> isWhole() && isOn(to));
    assertFalse(isOn(from));
  }

  @Test
  void whenTheAnswerIsForgottenTheRecordsTell() {
    world.commandAnswersLost = true;
    wishForAMove();
    world.await(() -> world.record(0).movesFromNodeId() != null);
    for (int i = 0; i < FORGOTTEN_AFTER; i++) {
      world.order(new Command.ScrubVolume("vol", false));
    }
    world.commandAnswersLost = false;
    world.await(() -> isWhole() && isOn(to));
    assertFalse(isOn(from));
    world.await(() -> !session.mending().isUnsure());
  }

  @Test
  void anOwnerThatWasReplacedMeanwhileAdoptsNothing() {
    world.commandAnswersLost = true;
    wishForAMove();
    world.await(() -> world.record(0).movesFromNodeId() != null);
    for (int i = 0; i < FORGOTTEN_AFTER; i++) {
      world.order(new Command.ScrubVolume("vol", false));
    }
    world.order(new Command.AcquireVolume("vol", "b", 2, "b", -1));
    world.commandAnswersLost = false;
    world.await(session::isOver);
    assertTrue(session.isFenced());
  }
}
