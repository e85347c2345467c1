package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a leader tells of the cluster, over a change of leader as well. */
class ConditionsTest {
  private static final long SECOND = 1_000_000_000L;
  private static final long GIB = 1L << 30;
  private static final long GRACE = 60 * SECOND;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private SoftState soft = new SoftState();
  private Conditions conditions = new Conditions(soft, GRACE);
  private long number;
  private long now;
  private String leader = "m1:1";
  private long term;

  private void apply(Command command) {
    machine.apply(1, ++number, Release.level(), command, candidates(), now);
  }

  private List<Candidate> candidates() {
    return soft.candidates(machine.state().nodes(), machine.state().level(), now);
  }

  /** A leader that has listened to both nodes, and told of itself. */
  private void begin() {
    apply(new Command.InitCluster(5, Release.level()));
    for (int i = 1; i <= 2; i++) {
      apply(new Command.RegisterNode(5, 0, i, "n" + i, "h", 7000, "z", "r", "h" + i, GIB, 1, 1));
    }
    lead("m1:1");
    listen(20, "good", 1, 2);
    told();
  }

  private void lead(String address) {
    soft = new SoftState();
    conditions = new Conditions(soft, GRACE);
    leader = address;
    term++;
    soft.leads(now);
  }

  /** Seconds pass in which these nodes are heard. */
  private void listen(int seconds, String device, long... nodes) {
    for (int i = 0; i < seconds; i++) {
      now += SECOND;
      for (long node : nodes) {
        soft.heard(beat(node, device), now);
      }
    }
  }

  private static Query.NodeHeartbeat beat(long node, String device) {
    Query.NodeDevice one =
        new Query.NodeDevice(
            "capacity", "/d", device, device.equals("good") ? null : "EIO", List.of(0));
    return new Query.NodeHeartbeat(
        node, 1, 0, GIB, 0, 0, 0, List.of(), null, null, 0, List.of(one), null, null, null, null);
  }

  /** Kinds of what is new, which is on record then. */
  private List<String> told() {
    List<ClusterCondition> changed = conditions.changed(machine.state(), leader, term, now);
    apply(new Command.ReportConditions(changed));
    assertEquals(List.of(), conditions.changed(machine.state(), leader, term, now));
    return changed.stream().map(one -> one.kind() + " " + one.name()).toList();
  }

  @Test
  void aNewLeaderTellsOfItselfAtOnceAndOfOthersOnceItHasListened() {
    begin();
    lead("m2:1");
    assertEquals(List.of("leader-changed m2:1"), told());
    listen(9, "good", 1);
    assertEquals(List.of(), told());
    listen(3, "good", 1);
    assertEquals(List.of("node-down n2"), told());
  }

  @Test
  void aNodeThatIsAwayStaysSoUnderANewLeader() {
    begin();
    listen(10, "good", 1);
    assertEquals(List.of("node-down n2"), told());
    listen(60, "good", 1);
    assertEquals(List.of("node-away n2"), told());
    lead("m2:1");
    listen(20, "good", 1);
    assertEquals(List.of("leader-changed m2:1"), told());
    listen(2, "good", 1, 2);
    assertEquals(List.of("node-up n2"), told());
  }

  @Test
  void aNodeThatHasJustJoinedIsNotSaidToBeSilent() {
    begin();
    apply(new Command.RegisterNode(5, 0, 3, "n3", "h", 7000, "z", "r", "h3", GIB, 1, 1));
    soft.registered(3, now);
    listen(5, "good", 1, 2);
    assertEquals(List.of(), told());
    listen(1, "good", 1, 2);
    assertEquals(List.of("node-down n3"), told());
  }

  @Test
  void aDeviceThatFailsIsToldAndTheOneInItsPlace() {
    begin();
    listen(1, "failed", 1);
    assertEquals(List.of("device-failed n1"), told());
    listen(10, "good", 2);
    assertEquals(List.of("node-down n1"), told());
    listen(1, "good", 1, 2);
    assertEquals(List.of("node-up n1", "device-good n1"), told());
  }

  @Test
  void aNodeThatIsRemovedIsForgotten() {
    begin();
    listen(10, "failed", 1);
    told();
    listen(10, "good", 1);
    told();
    apply(new Command.RemoveNode(2));
    told();
    assertEquals(
        List.of("leader"),
        machine.state().conditions().stream().map(ClusterCondition::aspect).toList());
  }

  @Test
  void replicasThatAreOutOfSyncAreToldInSumsAndSoIsTheirRepair() {
    begin();
    apply(new Command.CreateVolume("v", GIB, 0, 2, 1, io.cairn.metadata.model.Durability.FLUSH));
    apply(new Command.AcquireVolume("v", "g", 7, "a", -1));
    apply(new Command.AllocateChunks(1, 1, 0, List.of(0, 1, 2), ""));
    assertEquals(List.of(), told());
    setReplica(ReplicaState.SYNCING, 1);
    assertEquals(List.of("out-of-sync v"), told());
    mend(2);
    assertEquals(List.of("repair-begun v"), told());
    setReplica(ReplicaState.IN_SYNC, 2);
    mend(0);
    assertEquals(List.of("in-sync v", "repair-ended v"), told());
  }

  private void setReplica(ReplicaState state, long epoch) {
    apply(
        new Command.UpdateReplicas(
            1,
            1,
            List.of(
                new Command.UpdateReplicas.Change(0, 0, epoch, 2, state),
                new Command.UpdateReplicas.Change(0, 1, epoch, 2, state))));
  }

  private void mend(long chunksLeft) {
    soft.heard(
        new Query.GatewayHeartbeat(
            "g",
            7,
            "a",
            List.of(),
            List.of(new Query.VolumeMend("v", false, chunksLeft, 0, 0, -1)),
            false,
            List.of()),
        now);
  }
}
