package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MaintenanceTest {
  private static final long GIB = 1L << 30;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private final Set<Long> up = new TreeSet<>(List.of(1L, 2L, 3L));
  private final Set<Long> away = new TreeSet<>();
  private final Set<String> gone = new TreeSet<>();
  private long number;

  /** The node whose shard is out of service, and whether that has been so for long. */
  private long shortNode;

  private boolean shardIsAway;

  /** What other nodes lack. */
  private final Map<Long, List<Integer>> lacking = new TreeMap<>();

  /** What a shard of a node has that began anew. */
  private final List<Query.Refill> refills = new ArrayList<>();

  private long refilledNode;

  /** What node 2 has less than whole replicas of. */
  private final List<Query.Unfinished> unfinished = new ArrayList<>();

  private final ScrubTurns turns = new ScrubTurns();

  /** What gateways take for due to be scrubbed; null as long as that is nothing. */
  private Query.ScrubWanted wanted;

  private long nowNanos;

  private final Maintenance.View view =
      new Maintenance.View() {
        @Override
        public boolean isUp(long nodeId) {
          return up.contains(nodeId);
        }

        @Override
        public boolean isLeaving(long nodeId) {
          return away.contains(nodeId);
        }

        @Override
        public List<Integer> shardsOut(long nodeId) {
          return lacking.getOrDefault(nodeId, nodeId == shortNode ? List.of(0) : List.of());
        }

        @Override
        public List<Integer> shardsAway(long nodeId) {
          return shardIsAway ? shardsOut(nodeId) : List.of();
        }

        @Override
        public List<Query.Refill> refills(long nodeId, long volumeId) {
          return refills.stream()
              .filter(r -> nodeId == refilledNode && r.volumeId() == volumeId)
              .toList();
        }

        @Override
        public List<Query.Unfinished> unfinished(long nodeId, long volumeId) {
          return nodeId == 2 ? unfinished : List.of();
        }

        @Override
        public boolean isScrubDue(long volumeId) {
          return turns.isDue(machine.state().counts(), volumeId, wanted, nowNanos);
        }

        @Override
        public boolean isGone(VolumeRecord volume) {
          return gone.contains(volume.owner().gateway());
        }
      };

  @BeforeEach
  void begin() {
    apply(new Command.InitCluster(5));
    for (int i = 1; i <= 3; i++) {
      apply(
          new Command.RegisterNode(
              5, 0, 100 + i, "n" + i, "h", 7000, "z", "r", "h" + i, 100 * GIB, 1, 1));
    }
  }

  private Reply apply(Command command) {
    List<Candidate> candidates = new ArrayList<>();
    up.forEach(node -> candidates.add(new Candidate(node, "z", "r", "h" + node, 100 * GIB)));
    return machine.apply(1, ++number, command, candidates);
  }

  private VolumeRecord volume(String name) {
    return machine.state().volume(name);
  }

  /** A volume of one chunk whose replica on node 3 is out of sync, which nobody owns. */
  private void degraded(String name) {
    apply(new Command.CreateVolume(name, GIB, 0, 3, 2, Durability.FLUSH));
    apply(new Command.AcquireVolume(name, "owner", 1, "h:1", -1));
    long id = volume(name).volumeId();
    apply(new Command.AllocateChunks(id, 1, 0, List.of(0), ""));
    apply(
        new Command.UpdateReplicas(
            id, 1, List.of(new Command.UpdateReplicas.Change(0, 0, 1, 3, ReplicaState.SYNCING))));
    apply(new Command.ReleaseVolume(id, 1));
  }

  private List<Reply.MaintenanceOffer> offers(String gateway, String... gateways) {
    return Maintenance.offers(machine.state(), gateway, new TreeSet<>(List.of(gateways)), view);
  }

  /** A volume of one chunk with all replicas in sync, which nobody owns any more. */
  private void healthy(String name) {
    apply(new Command.CreateVolume(name, GIB, 0, 3, 2, Durability.FLUSH));
    apply(new Command.AcquireVolume(name, "owner", 1, "h:1", -1));
    long id = volume(name).volumeId();
    apply(new Command.AllocateChunks(id, 1, 0, List.of(0), ""));
    apply(new Command.ReleaseVolume(id, 1));
  }

  private void scrubbed(String name, long lightMillis, long deepMillis) {
    VolumeRecord volume = volume(name);
    ChunkScrub scrub = new ChunkScrub(lightMillis, deepMillis, 0, 0, List.of());
    assertInstanceOf(
        Reply.Volume.class,
        apply(
            new Command.ReportScrubs(
                volume.volumeId(),
                volume.generation(),
                List.of(new Command.ReportScrubs.Finding(0, 0, scrub)),
                0)));
  }

  @Test
  void aVolumeAtRestIsScrubbedWhenItsTimeHasCome() {
    healthy("a");
    List<Reply.MaintenanceOffer> due = List.of(new Reply.MaintenanceOffer("a", 1, true));
    assertEquals(List.of(), offers("g1", "g1"));
    wanted = new Query.ScrubWanted(1_000_000, 0, 1_000, 0);
    assertEquals(List.of(), offers("g1", "g1"), "it is not known to be at rest for long");
    nowNanos += 1_000_000_000L;
    assertEquals(due, offers("g1", "g1"), "nobody ever scrubbed it");
    up.remove(3L);
    assertEquals(List.of(), offers("g1", "g1"), "there is a replica that cannot be compared");
    up.add(3L);
    lacking.put(3L, List.of(0));
    assertEquals(List.of(), offers("g1", "g1"), "its shard is out of service");
    lacking.clear();
    assertEquals(due, offers("g1", "g1"));
    maintain("a", 1);
    assertEquals(List.of(), offers("g1", "g1"), "somebody does it");
    scrubbed("a", 995_000, 0);
    apply(new Command.ReleaseVolume(volume("a").volumeId(), 2));
    assertEquals(List.of(), offers("g1", "g1"));
    nowNanos += 1_000_000_000L;
    assertEquals(List.of(), offers("g1", "g1"), "it was scrubbed");
    wanted = new Query.ScrubWanted(1_000_001, 0, 1_000, 0);
    assertEquals(List.of(new Reply.MaintenanceOffer("a", 2, true)), offers("g1", "g1"));
    wanted = new Query.ScrubWanted(0, 1, 1_000, 0);
    assertEquals(1, offers("g1", "g1").size(), "its data was never read");
    wanted = new Query.ScrubWanted(0, 0, 1_000, 0);
    assertEquals(List.of(), offers("g1", "g1"));
    wanted = new Query.ScrubWanted(1, 0, 1_000, 1_000_000);
    assertEquals(List.of(), offers("g1", "g1"));
    wanted = new Query.ScrubWanted(1, 0, 1_000, 900_000);
    assertEquals(1, offers("g1", "g1").size(), "a clock that was ahead wrote that");
  }

  @Test
  void whoComesAndGoesIsNotFollowedByAScrubAtOnce() {
    healthy("a");
    wanted = new Query.ScrubWanted(1, 1, 1_000, 0);
    offers("g1", "g1");
    nowNanos += 1_000_000_000L;
    apply(new Command.AcquireVolume("a", "owner", 1, "h:1", -1));
    assertEquals(List.of(), offers("g1", "g1"), "it has an owner");
    nowNanos += 1_000_000_000L;
    assertEquals(List.of(), offers("g1", "g1"), "it still has");
    apply(new Command.ReleaseVolume(volume("a").volumeId(), 2));
    assertEquals(List.of(), offers("g1", "g1"));
    nowNanos += 999_999_999L;
    assertEquals(List.of(), offers("g1", "g1"));
    nowNanos++;
    assertEquals(1, offers("g1", "g1").size());
  }

  @Test
  void scrubsTakeNoTurnFromWhatLacksReplicas() {
    for (String name : List.of("a", "b", "c")) {
      healthy(name);
    }
    for (String name : List.of("d", "e", "f", "g")) {
      degraded(name);
    }
    wanted = new Query.ScrubWanted(1, 1, 0, 0);
    assertEquals(5, offers("g1", "g1").size(), "four are mended, and each gateway scrubs one");
    maintain("a", 1);
    assertEquals(4, offers("g1", "g1").size());
    gone.add("m");
    assertEquals(5, offers("g1", "g1").size(), "the one that scrubbed is dead");
    gone.clear();
    apply(new Command.DeleteVolume("b", false));
    assertEquals(4, offers("g1", "g1").size());
  }

  private Reply maintain(String name, long generation) {
    return apply(new Command.MaintainVolume(name, "m", 7, "h:2", generation));
  }

  @Test
  void whatNobodyHasAttachedIsOfferedToOneGatewayWhileItsNodeIsThere() {
    degraded("a");
    List<Reply.MaintenanceOffer> toOne = offers("g1", "g1", "g2");
    List<Reply.MaintenanceOffer> toOther = offers("g2", "g1", "g2");
    assertEquals(1, toOne.size() + toOther.size());
    assertEquals(List.of(new Reply.MaintenanceOffer("a", 1)), offers("g1", "g1"));
    up.remove(3L);
    assertEquals(List.of(), offers("g1", "g1"));
  }

  @Test
  void whatAFailedDeviceHadIsOfferedOnceSomebodyElseCanTakeIt() {
    degraded("a");
    shortNode = 3;
    assertEquals(List.of(), offers("g1", "g1"), "nobody can bring it up there");
    shardIsAway = true;
    assertEquals(List.of(), offers("g1", "g1"), "there is no fourth node");
    apply(new Command.RegisterNode(5, 0, 104, "n4", "h", 7000, "z", "r", "h4", 100 * GIB, 1, 1));
    assertEquals(List.of(), offers("g1", "g1"), "it is down");
    up.add(4L);
    assertEquals(List.of(new Reply.MaintenanceOffer("a", 1)), offers("g1", "g1"));
  }

  @Test
  void aNodeThatLacksAnotherShardCanTakeWhatAFailedDeviceHadOnceAllServersKnowThat() {
    degraded("a");
    shortNode = 3;
    shardIsAway = true;
    apply(new Command.RegisterNode(5, 0, 104, "n4", "h", 7000, "z", "r", "h4", 100 * GIB, 1, 1));
    up.add(4L);
    lacking.put(4L, List.of(0));
    apply(new Command.RaiseLevel(Release.LEVEL_OF_SERVING_SHARDS));
    assertEquals(List.of(), offers("g1", "g1"), "its shard of that number is out, too");
    lacking.put(4L, List.of(1));
    assertEquals(1, offers("g1", "g1").size());
  }

  @Test
  void whatADeviceMayHaveLostIsOfferedUntilTheShardHasAllThatCountsThere() {
    apply(new Command.CreateVolume("a", GIB, 0, 3, 2, Durability.FLUSH));
    apply(new Command.AcquireVolume("a", "owner", 1, "h:1", -1));
    long id = volume("a").volumeId();
    apply(new Command.AllocateChunks(id, 1, 0, List.of(0, 1), ""));
    refilledNode = 2;
    refills.add(new Query.Refill(0, id, 1));
    assertEquals(List.of(), offers("g1", "g1"), "its owner hears of it");
    apply(new Command.ReleaseVolume(id, 1));
    assertEquals(List.of(new Reply.MaintenanceOffer("a", 1)), offers("g1", "g1"));
    shortNode = 2;
    assertEquals(List.of(), offers("g1", "g1"), "the shard does not serve");
    shortNode = 0;
    refills.set(0, new Query.Refill(0, id, 2));
    assertEquals(List.of(), offers("g1", "g1"));
  }

  @Test
  void aReplicaThatIsInSyncOnRecordOnlyIsMendedThoughNobodyHasTheVolume() {
    apply(new Command.CreateVolume("a", GIB, 0, 3, 2, Durability.FLUSH));
    apply(new Command.AcquireVolume("a", "owner", 1, "h:1", -1));
    long id = volume("a").volumeId();
    apply(new Command.AllocateChunks(id, 1, 0, List.of(0), ""));
    apply(new Command.ReleaseVolume(id, 1));
    unfinished.add(new Query.Unfinished(id, 0, 5));
    assertEquals(
        List.of(), offers("g1", "g1"), "there is no such chunk: the node will give it back");
    unfinished.set(0, new Query.Unfinished(id, 0, 0));
    assertEquals(List.of(new Reply.MaintenanceOffer("a", 1)), offers("g1", "g1"));
    unfinished.clear();
    assertEquals(List.of(), offers("g1", "g1"));
  }

  @Test
  void whatIsOwnedIsOfferedOnlyWhenItsOwnerIsGone() {
    degraded("a");
    apply(new Command.AcquireVolume("a", "owner", 2, "h:1", -1));
    assertEquals(List.of(), offers("g1", "g1"));
    gone.add("owner");
    assertEquals(List.of(new Reply.MaintenanceOffer("a", 2)), offers("g1", "g1"));
  }

  @Test
  void anOfferThatSomebodyTookIsNoLongerGood() {
    degraded("a");
    assertInstanceOf(Reply.VolumeAcquired.class, maintain("a", 1));
    assertTrue(volume("a").owner().maintenance());
    assertEquals(ErrorCode.STALE_GENERATION, ((Reply.Refused) maintain("a", 1)).code());
    apply(new Command.AcquireVolume("a", "owner", 3, "h:1", -1));
    assertEquals(ErrorCode.STALE_GENERATION, ((Reply.Refused) maintain("a", 2)).code());
    assertEquals("owner", volume("a").owner().gateway());
  }

  @Test
  void anOwnerNeedNotWaitForMaintenanceButForWhoeverMayReadBeforeIt() {
    degraded("a");
    maintain("a", 1);
    Reply acquired = apply(new Command.AcquireVolume("a", "owner", 3, "h:1", -1));
    assertTrue(((Reply.VolumeAcquired) acquired).previousReleased());
    maintain("a", 3);
    acquired = apply(new Command.AcquireVolume("a", "owner", 4, "h:1", -1));
    assertFalse(((Reply.VolumeAcquired) acquired).previousReleased());
  }

  @Test
  void onlySoManyAreMendedAtOneTime() {
    for (int i = 0; i < Maintenance.SESSIONS_MAX + 2; i++) {
      degraded("v" + i);
    }
    assertEquals(Maintenance.SESSIONS_MAX, offers("g1", "g1").size());
    maintain("v0", 1);
    assertEquals(Maintenance.SESSIONS_MAX - 1, offers("g1", "g1").size());
  }

  @Test
  void aVolumeInMaintenanceCanBeDeleted() {
    degraded("a");
    maintain("a", 1);
    assertInstanceOf(Reply.Volume.class, apply(new Command.DeleteVolume("a", false)));
    assertEquals(List.of(), offers("g1", "g1"));
    assertEquals(0, machine.state().counts().replicasOn(3));
  }

  /** A volume of one chunk on nodes 1 to 3, all in sync, which nobody owns. */
  private void whole(String name) {
    degraded(name);
    apply(new Command.AcquireVolume(name, "owner", 2, "h:1", -1));
    long id = volume(name).volumeId();
    apply(
        new Command.UpdateReplicas(
            id, 2, List.of(new Command.UpdateReplicas.Change(0, 0, 2, 3, ReplicaState.IN_SYNC))));
    apply(new Command.ReleaseVolume(id, 2));
  }

  private void addNode(long nodeId) {
    up.add(nodeId);
    apply(
        new Command.RegisterNode(
            5, 0, 100 + nodeId, "n" + nodeId, "h", 1, "z", "r", "h" + nodeId, 100 * GIB, 1, 1));
  }

  @Test
  void aVolumeOnANodeThatIsToLeaveIsOfferedOnceAnotherNodeCanTakeItsPlace() {
    whole("a");
    assertEquals(List.of(), offers("g1", "g1"));
    away.add(2L);
    assertEquals(List.of(), offers("g1", "g1"));
    addNode(4);
    assertEquals(1, offers("g1", "g1").size());
  }

  @Test
  void aVolumeOnANodeThatLeavesAtAnyPriceIsOfferedWhileWritesHaveEnough() {
    whole("a");
    apply(new Command.DrainNode(2, Departure.FORCED));
    away.add(2L);
    assertEquals(1, offers("g1", "g1").size());
    up.remove(1L);
    assertEquals(List.of(), offers("g1", "g1"));
  }

  @Test
  void aVolumeThatHasFewerReplicasThanItWantsIsOfferedOnceThereIsANode() {
    whole("a");
    apply(new Command.DrainNode(2, Departure.FORCED));
    maintain("a", 2);
    long id = volume("a").volumeId();
    apply(
        new Command.UpdateReplicas(
            id, 3, List.of(new Command.UpdateReplicas.Change(0, 0, 3, 2, ReplicaState.SYNCING))));
    apply(
        new Command.PlaceReplicas(
            id, 3, 0, List.of(new Command.PlaceReplicas.Placing(0, 0, 4, 2))));
    assertEquals(2, machine.state().chunk(id, 0, 0).replicas().size());
    apply(new Command.ReleaseVolume(id, 3));
    apply(new Command.RemoveNode(2));
    up.remove(2L);
    assertEquals(List.of(), offers("g1", "g1"));
    addNode(4);
    assertEquals(1, offers("g1", "g1").size());
  }

  @Test
  void countsFollowTheChunksAsIfTheyWereCountedAnew() {
    degraded("a");
    assertEquals(1, machine.state().counts().replicasOn(3));
    degraded("b");
    apply(new Command.DeleteVolume("a", false));
    assertEquals(1, machine.state().counts().replicasOn(3));
    long id = volume("b").volumeId();
    assertEquals(1, machine.state().counts().syncing(id, 3));
    assertEquals(0, machine.state().counts().syncing(id, 2));
  }
}
