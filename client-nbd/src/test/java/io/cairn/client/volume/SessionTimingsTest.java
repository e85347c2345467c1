package io.cairn.client.volume;

import static io.cairn.client.volume.SessionWorld.MILLI;
import static io.cairn.client.volume.SessionWorld.SECOND;
import static io.cairn.client.volume.SessionWorld.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionTimings.Kind;
import io.cairn.client.volume.SessionTimings.Slow;
import io.cairn.client.volume.SessionWorld.Answer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SessionTimingsTest {
  private final SessionWorld world = new SessionWorld(3, 3, 2);
  private final List<Slow> slow = new ArrayList<>();
  private VolumeSession session;

  @BeforeEach
  void attachAndWriteOnce() {
    session = world.attach("a");
    session.timings().reportSlow(500 * MILLI, slow::add);
    done(world.write(session, 0, bytes(4096, 1)));
  }

  private void done(Answer answer) {
    world.await(() -> answer.done);
    assertTrue(answer.ok(), () -> "failed with " + answer.failure);
  }

  private long count(Kind kind) {
    return session.timings().of(kind).count();
  }

  @Test
  void everyRequestAndEveryStageOfItsPiecesIsCountedOnce() {
    done(world.write(session, SessionWorld.CHUNK_BYTES - 4096L, bytes(8192, 1)));
    done(world.read(session, 0, 4096));
    assertEquals(2, count(Kind.WRITE));
    assertEquals(1, count(Kind.READ));
    assertEquals(3, count(Kind.QUEUE), "one of two writes lies in two chunks");
    assertEquals(3, count(Kind.REPLICAS));
    assertEquals(List.of(), slow);
  }

  @Test
  void aWriteThatWaitsForASilentReplicaWasSlowAtTheReplicas() {
    world.nodes.get(1).cut = true;
    done(world.write(session, 4096, bytes(4096, 2)));
    assertEquals(1, slow.size());
    assertEquals(Kind.WRITE, slow.getFirst().kind());
    assertTrue(slow.getFirst().replicasNanos() >= 500 * MILLI, slow.toString());
    assertTrue(slow.getFirst().queueNanos() < 100 * MILLI, slow.toString());
  }

  @Test
  void aWriteThatWaitsForItsChunkWasSlowInTheQueue() {
    world.metadataDown = true;
    Answer write = world.write(session, 40L * SessionWorld.CHUNK_BYTES, bytes(4096, 2));
    world.run(3 * SECOND);
    world.metadataDown = false;
    done(write);
    assertEquals(1, slow.size());
    assertEquals(40, slow.getFirst().chunkIndex());
    assertTrue(slow.getFirst().queueNanos() >= 3 * SECOND, slow.toString());
    assertTrue(slow.getFirst().replicasNanos() < 100 * MILLI, slow.toString());
  }
}
