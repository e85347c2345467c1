package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Command.ReportScrubs.Finding;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is scrubbed because somebody asked for it, and what is kept of it. */
class ScrubDecisionsTest {
  private static final long GIB = 1L << 30;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  private Reply apply(Command command) {
    List<Candidate> up = List.of(new Candidate(1, "z", "r", "h", GIB));
    return machine.apply(1, ++number, command, up);
  }

  @BeforeEach
  void volumeOfOneReplica() {
    apply(new Command.InitCluster(5));
    apply(new Command.RegisterNode(5, 0, 1, "n", "h", 7000, "z", "r", "h", GIB, 1, 1));
    apply(new Command.CreateVolume("v", GIB, 0, 1, 0, Durability.FLUSH));
    apply(new Command.AcquireVolume("v", "g", 1, "h:1", -1));
    apply(new Command.AllocateChunks(1, 1, 0, List.of(0, 1), ""));
  }

  private VolumeRecord volume() {
    return machine.state().volume(1);
  }

  private Reply report(long generation, ChunkScrub scrub, long done) {
    return apply(new Command.ReportScrubs(1, generation, List.of(new Finding(0, 0, scrub)), done));
  }

  @Test
  void aScrubThatWasAskedForIsAwaitedUntilTheOwnerSaysThatItIsDone() {
    apply(new Command.ScrubVolume("v", false));
    assertTrue(volume().scrubs().awaited());
    assertEquals(Set.of(1L), machine.state().counts().toScrub());
    ChunkScrub found = new ChunkScrub(7, 0, 1, 3, List.of(5));
    assertInstanceOf(Reply.Volume.class, report(1, found, 0));
    assertTrue(volume().scrubs().awaited());
    Reply.ScrubSummary summary =
        MetadataQueries.counted(machine.state(), volume(), n -> true, List.of()).scrubs();
    assertEquals(1, summary.waiting());
    assertEquals(0, summary.lightOldestMillis());
    assertEquals(3, summary.mendedBlocks());
    assertEquals(1, summary.badBlocks());
    assertEquals(found, summary.findings().getFirst().scrub());
    assertEquals(1, machine.state().chunk(1, 0, 0).epoch());
    report(1, found, 1);
    assertFalse(volume().scrubs().awaited());
    assertEquals(Set.of(), machine.state().counts().toScrub());
  }

  @Test
  void onlyTheOwnerReportsAndNothingThatWasNotAskedForIsDone() {
    ChunkScrub found = new ChunkScrub(7, 0, 1, 3, List.of());
    Reply.Refused stale = assertInstanceOf(Reply.Refused.class, report(2, found, 0));
    assertEquals(ErrorCode.STALE_GENERATION, stale.code());
    report(1, found, 9);
    assertEquals(0, volume().scrubs().done());
    assertEquals(found, machine.state().chunk(1, 0, 0).lastScrub());
  }

  @Test
  void aLightRequestDoesNotTakeTheDepthFromOneThatGoesOn() {
    apply(new Command.ScrubVolume("v", true));
    apply(new Command.ScrubVolume("v", false));
    assertTrue(volume().scrubs().deep());
    report(1, ChunkScrub.NEVER, 2);
    apply(new Command.ScrubVolume("v", false));
    assertFalse(volume().scrubs().deep());
  }

  @Test
  void aVolumeWithoutChunksHasNothingToWaitFor() {
    apply(new Command.CreateVolume("empty", GIB, 0, 1, 0, Durability.FLUSH));
    apply(new Command.ScrubVolume("empty", true));
    assertFalse(machine.state().volume("empty").scrubs().awaited());
    Reply unknown = apply(new Command.ScrubVolume("none", true));
    assertEquals(ErrorCode.NOT_FOUND, assertInstanceOf(Reply.Refused.class, unknown).code());
  }

  @Test
  void aVolumeThatNobodyHasAttachedIsOfferedForTheScrubThatItAwaits() {
    apply(new Command.ReleaseVolume(1, 1));
    Maintenance.View view =
        new Maintenance.View() {
          @Override
          public boolean isUp(long nodeId) {
            return true;
          }

          @Override
          public boolean isLeaving(long nodeId) {
            return false;
          }

          @Override
          public boolean isGone(VolumeRecord volume) {
            return false;
          }
        };
    TreeSet<String> gateways = new TreeSet<>(Set.of("g"));
    assertEquals(List.of(), Maintenance.offers(machine.state(), "g", gateways, view));
    apply(new Command.ScrubVolume("v", true));
    assertEquals(1, Maintenance.offers(machine.state(), "g", gateways, view).size());
  }

  @Test
  void recordsOfScrubsHaveTheirGoldenBytesAndThoseWithoutAreAsTheyWere() {
    Replica replica = new Replica(1, ReplicaState.IN_SYNC);
    ChunkRecord chunk = new ChunkRecord(1, 0, 2, 3, List.of(replica));
    assertEquals(
        "{\"epoch\":3,\"index\":2,\"layer\":0,"
            + "\"replicas\":[{\"nodeId\":1,\"state\":\"IN_SYNC\"}],\"volumeId\":1}",
        json(chunk));
    assertEquals(
        "{\"epoch\":3,\"index\":2,\"layer\":0,"
            + "\"replicas\":[{\"nodeId\":1,\"state\":\"IN_SYNC\"}],"
            + "\"scrub\":{\"badBlocks\":[9],\"deepMillis\":5,\"lightMillis\":4,"
            + "\"mendedBlocks\":7,\"request\":6},\"volumeId\":1}",
        json(chunk.scrubbed(new ChunkScrub(4, 5, 6, 7, List.of(9)))));
    Command asked = new Command.ScrubVolume("v", true);
    assertEquals("{\"is\":\"ScrubVolume\",\"deep\":true,\"name\":\"v\"}", json(asked));
    assertEquals(asked, Codec.decode(Codec.encode(asked), Command.class));
    ChunkRecord again = Codec.decode(Codec.encode(chunk), ChunkRecord.class);
    assertEquals(ChunkScrub.NEVER, again.lastScrub());
  }

  private static String json(Object value) {
    byte[] bytes = Codec.encode(value);
    return new String(bytes, 1, bytes.length - 1, StandardCharsets.UTF_8);
  }
}
