package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MetadataMachineTest {
  private static final long GIB = 1L << 30;

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  @Test
  void theFirstClusterIdWins() {
    assertEquals(new Reply.ClusterIdentity(5), apply(new Command.InitCluster(5)));
    assertEquals(new Reply.ClusterIdentity(5), apply(new Command.InitCluster(6)));
  }

  @Test
  void aNodeKeepsItsIdOverIncarnationsAndAnEmptiedStoreIsANewNode() {
    apply(new Command.InitCluster(5));
    assertEquals(new Reply.NodeRegistered(1, 5), register(0, 11, 1));
    assertEquals(new Reply.NodeRegistered(1, 5), register(5, 11, 2));
    assertEquals(new Reply.NodeRegistered(2, 5), register(0, 12, 1));
    assertEquals(ErrorCode.STALE_INCARNATION, refused(register(5, 11, 1)));
  }

  @Test
  void aStoreOfAnotherClusterIsRefusedWithBothIds() {
    apply(new Command.InitCluster(5));
    Reply.Refused refusal = (Reply.Refused) register(7, 11, 1);
    assertEquals(ErrorCode.WRONG_CLUSTER, refusal.code());
    assertTrue(refusal.message().contains("cluster 7") && refusal.message().contains("cluster 5"));
  }

  @Test
  void volumesTakeDefaultsAndBadValuesAreNamedWithTheirBound() {
    VolumeRecord volume = create("a", GIB, 0, 0, 0);
    assertEquals(3, volume.replicas());
    assertEquals(2, volume.minInSync());
    assertEquals(64 << 20, volume.chunkSizeBytes());
    for (Command bad :
        List.of(
            new Command.CreateVolume("a", GIB, 0, 0, 0, Durability.FLUSH),
            new Command.CreateVolume("../x", GIB, 0, 0, 0, Durability.FLUSH),
            new Command.CreateVolume("b", 4097, 0, 0, 0, Durability.FLUSH),
            new Command.CreateVolume("b", GIB, 3 << 20, 0, 0, Durability.FLUSH),
            new Command.CreateVolume("b", GIB, 0, 6, 0, Durability.FLUSH),
            new Command.CreateVolume("b", GIB, 0, 2, 3, Durability.FLUSH),
            new Command.ResizeVolume("a", GIB / 2),
            new Command.ResizeVolume("nope", GIB))) {
      assertInstanceOf(Reply.Refused.class, apply(bad), bad.toString());
    }
    assertEquals(List.of(volume), machine.state().volumes());
  }

  @Test
  void serversBelowTheClustersLevelAreRefusedAndTheLevelOnlyRises() {
    cluster(3);
    create("a", GIB, 0, 0, 0);
    Command acquire = new Command.AcquireVolume("a", "g", 1, "h:1", -1);
    assertInstanceOf(Reply.VolumeAcquired.class, applyOf(0, acquire));
    assertEquals(new Reply.Ok(), apply(new Command.RaiseLevel(2)));
    assertEquals(2, machine.state().level());
    assertEquals(
        "the cluster was upgraded to level 2 and this server knows level 1 at most: start it from"
            + " a newer release",
        ((Reply.Refused) applyOf(1, acquire)).message());
    assertEquals(
        ErrorCode.INVALID, refused(applyOf(0, new Command.MaintainVolume("a", "g", 1, "h:1", 1))));
    assertEquals(
        ErrorCode.INVALID,
        refused(
            applyOf(
                1,
                new Command.RegisterNode(5, 0, 1, "n1", "h1", 7000, "z", "r", "h1", GIB, 1, 9))));
    assertInstanceOf(Reply.VolumeAcquired.class, applyOf(2, acquire));
    assertInstanceOf(Reply.Volume.class, applyOf(1, new Command.ResizeVolume("a", 2 * GIB)));
    assertEquals(ErrorCode.INVALID, refused(apply(new Command.RaiseLevel(1))));
    assertEquals(2, machine.state().level());
  }

  @Test
  void everyAcquireRaisesTheGenerationAndFencesTheOldOwner() {
    cluster(3);
    VolumeRecord volume = create("a", GIB, 0, 0, 0);
    assertTrue(acquire("a", "g1").previousReleased());
    Reply.VolumeAcquired second = acquire("a", "g2");
    assertFalse(second.previousReleased());
    assertEquals(2, second.volume().generation());
    assertEquals(
        ErrorCode.STALE_GENERATION,
        refused(apply(new Command.ReleaseVolume(volume.volumeId(), 1))));
    assertEquals(
        ErrorCode.STALE_GENERATION,
        refused(
            apply(
                new Command.AllocateChunks(volume.volumeId(), 1, 0, List.of(0), ""),
                candidates(3))));
    apply(new Command.ReleaseVolume(volume.volumeId(), 2));
    assertTrue(acquire("a", "g1").previousReleased());
  }

  @Test
  void aChunkBornWhileANodeIsAwayHasThatNodeToBringUp() {
    cluster(4);
    VolumeRecord volume = create("a", GIB, 0, 0, 0);
    acquire("a", "g1");
    ChunkRecord chunk = allocate(volume, 1, 2, 0).getFirst();
    assertEquals(
        List.of(ReplicaState.IN_SYNC, ReplicaState.IN_SYNC, ReplicaState.SYNCING),
        chunk.replicas().stream().map(Replica::state).toList());
    assertTrue(chunk.replicas().getLast().nodeId() > 2);
    // Enough nodes are up: nobody has to catch up.
    assertEquals(3, allocate(volume, 1, 3, 1).getFirst().inSyncCount());
    assertEquals(3, allocate(volume, 1, 4, 2).getFirst().replicas().size());
  }

  @Test
  void theInSyncSetMovesOnlyByEpochAndNeverBelowTheMinimum() {
    cluster(3);
    VolumeRecord volume = create("a", GIB, 0, 0, 0);
    acquire("a", "g1");
    ChunkRecord chunk = allocate(volume, 1, 3, 0).getFirst();
    assertEquals(3, chunk.inSyncCount());
    long a = chunk.replicas().get(0).nodeId();
    long b = chunk.replicas().get(1).nodeId();
    assertNull(update(volume, 1, a, ReplicaState.SYNCING).code());
    assertEquals(ErrorCode.STALE_EPOCH, update(volume, 1, b, ReplicaState.SYNCING).code());
    assertEquals(ErrorCode.BELOW_MIN_IN_SYNC, update(volume, 2, b, ReplicaState.SYNCING).code());
    Reply.ReplicasUpdated.Outcome promoted = update(volume, 2, a, ReplicaState.IN_SYNC);
    assertNull(promoted.code());
    assertEquals(3, promoted.chunk().epoch());
    assertEquals(3, promoted.chunk().inSyncCount());
  }

  @Test
  void allocationIsIdempotentAndNeedsTheMinimumOfNodes() {
    cluster(3);
    VolumeRecord volume = create("a", GIB, 0, 0, 0);
    acquire("a", "g1");
    Command first = new Command.AllocateChunks(volume.volumeId(), 1, 0, List.of(0), "");
    Reply down = apply(first, candidates(1));
    assertEquals(ErrorCode.NODES_DOWN, refused(down));
    assertTrue(((Reply.Refused) down).message().contains("1 of 3 are up"), down.toString());
    List<Candidate> full =
        candidates(3).stream()
            .map(c -> new Candidate(c.nodeId(), c.zone(), c.rack(), c.hostLabel(), 1 << 20))
            .toList();
    Reply noRoom = apply(first, full);
    assertEquals(ErrorCode.NO_PLACEMENT, refused(noRoom));
    assertTrue(((Reply.Refused) noRoom).message().contains("node 1 1MiB"), noRoom.toString());
    assertEquals(2, allocate(volume, 1, 2, 0).getFirst().inSyncCount());
    List<ChunkRecord> again = allocate(volume, 1, 3, 0, 1);
    assertEquals(2, again.get(0).inSyncCount());
    assertEquals(3, again.get(1).replicas().size());
    assertEquals(again, machine.state().chunks(volume.volumeId(), 0, 0, 10));
    assertEquals(
        ErrorCode.INVALID,
        refused(
            apply(
                new Command.AllocateChunks(volume.volumeId(), 1, 0, List.of(16), ""),
                candidates(3))));
  }

  @Test
  void aDeletedVolumeTakesItsChunksAndItsIdStaysDead() {
    cluster(3);
    VolumeRecord volume = create("a", GIB, 0, 0, 0);
    acquire("a", "g1");
    allocate(volume, 1, 3, 0, 1, 2);
    assertEquals(ErrorCode.IN_USE, refused(apply(new Command.DeleteVolume("a", false))));
    assertEquals(ErrorCode.IN_USE, refused(apply(new Command.RemoveNode(1))));
    apply(new Command.DeleteVolume("a", true));
    assertTrue(machine.state().wasDeleted(volume.volumeId()));
    assertTrue(machine.state().chunks(volume.volumeId(), 0, 0, 10).isEmpty());
    assertEquals(volume.volumeId() + 1, create("a", GIB, 0, 0, 0).volumeId());
    assertEquals(new Reply.Ok(), apply(new Command.RemoveNode(1)));
    assertEquals(ErrorCode.NOT_FOUND, refused(register(5, 101, 9)));
  }

  @Test
  void aRetryAppliesOnceAndHearsTheFirstAnswerAgain() {
    create("a", GIB, 0, 0, 0);
    Command acquire = new Command.AcquireVolume("a", "g", 1, "h:1", -1);
    Reply first = machine.apply(77, 1, acquire, List.of());
    assertEquals(first, machine.apply(77, 1, acquire, List.of()));
    assertEquals(1, machine.state().volume("a").generation());
    machine.apply(77, 2, acquire, List.of());
    assertEquals(2, machine.state().volume("a").generation());
  }

  @Test
  void aLateCopyOfACommandWhoseAnswerIsForgottenIsRefused() {
    Command create = new Command.CreateVolume("late", GIB, 0, 0, 0, Durability.FLUSH);
    Command delete = new Command.DeleteVolume("late", false);
    machine.apply(77, 1, create, List.of());
    machine.apply(77, 2, delete, List.of());
    machine.apply(77, MetadataMachine.COMMANDS_UNDER_WAY_MAX, delete, List.of());
    assertInstanceOf(Reply.Volume.class, machine.apply(77, 1, create, List.of()));
    machine.apply(77, MetadataMachine.COMMANDS_UNDER_WAY_MAX + 1, delete, List.of());
    assertEquals(ErrorCode.INVALID, refused(machine.apply(77, 1, create, List.of())));
    assertNull(machine.state().volume("late"));
    // One that was overtaken but is within the window is new.
    assertInstanceOf(Reply.Volume.class, machine.apply(77, 3, create, List.of()));
  }

  @Test
  void answersAreForgottenHoweverFarTheNumbersJump() {
    TreeKeyValues keys = new TreeKeyValues();
    RetryTable table = new RetryTable(keys);
    for (long number : new long[] {1, 2, 70, 71, 64, 1000, Long.MAX_VALUE}) {
      table.remember(1, number, new Reply.Ok());
    }
    int[] answers = new int[1];
    keys.scan(
        "retry/answer/",
        "retry/answer0",
        (key, value) -> {
          answers[0]++;
          return true;
        });
    assertEquals(1, answers[0]);
  }

  @Test
  void commandsWithoutTheirContentsAreRefusedAndChangeNothing() {
    cluster(3);
    create("a", GIB, 0, 0, 0);
    acquire("a", "g");
    for (String name : List.of("RegisterNode", "CreateVolume", "ResizeVolume", "DeleteVolume")) {
      Command empty = Codec.decode(json("{\"is\":\"" + name + "\"}"), Command.class);
      assertInstanceOf(Reply.Refused.class, apply(empty), name);
    }
    Command update =
        Codec.decode(
            json(
                "{\"is\":\"UpdateReplicas\",\"volumeId\":1,\"generation\":1,"
                    + "\"changes\":[{\"expectedEpoch\":1}]}"),
            Command.class);
    assertInstanceOf(Reply.ReplicasUpdated.class, apply(update));
    assertEquals(1, machine.state().volumes().size());
    assertEquals(3, machine.state().nodes().size());
  }

  private static byte[] json(String text) {
    byte[] bytes = (" " + text).getBytes(StandardCharsets.UTF_8);
    bytes[0] = Codec.VERSION;
    return bytes;
  }

  @Test
  void clientsBeyondTheLimitAreForgottenOldestFirst() {
    TreeKeyValues keys = new TreeKeyValues();
    RetryTable table = new RetryTable(keys);
    for (long client = 1; client <= RetryTable.CLIENTS_MAX + 1; client++) {
      table.remember(client, 1, new Reply.Ok());
    }
    assertNull(table.find(1, 1));
    assertEquals(new Reply.Ok(), table.find(2, 1));
    assertEquals(new Reply.Ok(), table.find(RetryTable.CLIENTS_MAX + 1, 1));
  }

  private void cluster(int nodes) {
    apply(new Command.InitCluster(5));
    for (int i = 1; i <= nodes; i++) {
      register(0, 100 + i, 1);
    }
  }

  private Reply register(long cluster, long store, long incarnation) {
    return apply(
        new Command.RegisterNode(
            cluster, 0, store, "n" + store, "h", 7000, "z", "r", "h" + store, GIB, 1, incarnation));
  }

  private VolumeRecord create(String name, long size, int chunkSize, int replicas, int min) {
    return ((Reply.Volume)
            apply(new Command.CreateVolume(name, size, chunkSize, replicas, min, Durability.FLUSH)))
        .volume();
  }

  private Reply.VolumeAcquired acquire(String name, String gateway) {
    return (Reply.VolumeAcquired) apply(new Command.AcquireVolume(name, gateway, 1, "h:1", -1));
  }

  private List<ChunkRecord> allocate(
      VolumeRecord volume, long generation, int nodes, Integer... indices) {
    return ((Reply.Chunks)
            apply(
                new Command.AllocateChunks(volume.volumeId(), generation, 0, List.of(indices), ""),
                candidates(nodes)))
        .chunks();
  }

  private Reply.ReplicasUpdated.Outcome update(
      VolumeRecord volume, long epoch, long node, ReplicaState state) {
    return ((Reply.ReplicasUpdated)
            apply(
                new Command.UpdateReplicas(
                    volume.volumeId(),
                    1,
                    List.of(new Command.UpdateReplicas.Change(0, 0, epoch, node, state)))))
        .outcomes()
        .getFirst();
  }

  private static List<Candidate> candidates(int count) {
    List<Candidate> candidates = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      candidates.add(new Candidate(i, "z", "r", "h" + i, 100 * GIB));
    }
    return candidates;
  }

  private Reply applyOf(int level, Command command) {
    return machine.apply(1, ++number, level, command, List.of(), 0);
  }

  private Reply apply(Command command) {
    return apply(command, List.of());
  }

  private Reply apply(Command command, List<Candidate> candidates) {
    return machine.apply(1, ++number, command, candidates);
  }

  private static ErrorCode refused(Reply reply) {
    return assertInstanceOf(Reply.Refused.class, reply).code();
  }
}
