package io.cairn.bench.sim;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestReporter;

/**
 * Each promise broken on purpose, one at a time, in the sources themselves: the oracles notice
 * within 200 seeds, and by the right name. How many seeds each took is in the test's report.
 */
class MutantsTest {
  private static final int SEEDS = 200;
  private static final String STORAGE = "io.cairn.storage.replication.";
  private static final String VOLUME = "io.cairn.client.volume.";
  private static final String SIM = "io.cairn.bench.sim.";
  private static final String METADATA = "io.cairn.metadata.machine.";

  private Mutant mutant;
  private String name;
  private TestReporter reporter;

  @BeforeEach
  void prepare(TestInfo info, TestReporter testReporter) {
    name = info.getTestMethod().orElseThrow().getName();
    reporter = testReporter;
    mutant = new Mutant(name);
  }

  /** The first seed that fails must fail by one of these; "exception" is an assertion of ours. */
  private void isCaughtAs(String... invariants) {
    Mutant.Seeds seeds = mutant.load();
    Set<String> others = new TreeSet<>();
    for (long seed = 1; seed <= SEEDS; seed++) {
      String violated = seeds.run(seed);
      if (violated != null && Set.of(invariants).contains(violated)) {
        reporter.publishEntry(name, "caught by seed " + seed + " as " + violated);
        return;
      }
      if (violated != null) {
        others.add(violated);
      }
    }
    fail("not caught as " + String.join(", ", invariants) + " but as " + others);
  }

  @Test
  void replicaThatAcknowledgesBeforeItStores() {
    mutant.with(
        STORAGE + "ReplicaShard",
        "    if (!client.park(header, offset, headerLength, payload)) {",
        """
            if (Frame.type(header, offset) == MessageType.WRITE) {
              ok(client, MessageType.WRITE, Frame.requestId(header, offset), 0, 0);
            }
            if (!client.park(header, offset, headerLength, payload)) {
        """);
    isCaughtAs("I5");
  }

  @Test
  void shardOnAReplacedDeviceThatSaysItNeverHeldAnything() {
    mutant.with(
        STORAGE + "ReplicaShard",
        "chunksLost > 0 ? Reply.STATE_LOST : Reply.STATE_ABSENT",
        "Reply.STATE_ABSENT");
    mutant.with(SIM + "SimRun", "Stores.EITHER, false);", "Stores.EITHER, true);");
    isCaughtAs("I2", "I3", "I4", "I6", "liveness");
  }

  @Test
  void metadataThatPutsNewChunksOnShardsThatAreOutOfService() {
    mutant.with(METADATA + "Takers", "    return node.shardsOut() == null\n", "    return true\n");
    mutant.with(SIM + "SimRun", "Stores.EITHER, false);", "Stores.EITHER, true);");
    isCaughtAs("placement");
  }

  @Test
  void metadataThatTakesEveryDeviceThatIsOutOfServiceForGone() {
    mutant.with(
        METADATA + "LossQueries",
        "(reach.isOnFailedDevice(state, chunk, node) ? shortOnes : mayReturn)",
        "(reach.isUp(node) ? shortOnes : mayReturn)");
    mutant.with(SIM + "SimRun", "Stores.EITHER, false);", "Stores.EITHER, true);");
    isCaughtAs("I3");
  }

  @Test
  void replicaThatAcknowledgesAGap() {
    mutant.with(
        STORAGE + "ReplicaShard",
        "return refuse(client, type, id, Status.GAP, last, last);",
        "return written(client, type, id, durable, last);");
    isCaughtAs("I5");
  }

  @Test
  void replicaThatForgetsItsFenceWhenItStartsAgain() {
    mutant
        .with(
            STORAGE + "ReplicaShard",
            "  private boolean stopping;",
            """
              private boolean stopping;
              private final java.util.Map<Long, Long> fences = new java.util.TreeMap<>();
            """)
        .with(
            STORAGE + "ReplicaShard",
            "    long known = store.fence(volume);",
            "    long known = Math.max(store.fence(volume), fences.getOrDefault(volume, 0L));")
        .with(
            STORAGE + "ReplicaShard",
            "    long fence = store.fence(volume);",
            "    long fence = Math.max(store.fence(volume), fences.getOrDefault(volume, 0L));")
        .with(
            STORAGE + "ReplicaShard",
            "      store.appendFence(volume, generation);",
            "      fences.put(volume, generation);");
    isCaughtAs("I1");
  }

  @Test
  void fenceThatIsAnsweredBeforeItIsDurable() {
    mutant.with(
        STORAGE + "ReplicaShard",
        "    whenDurable(client, MessageType.FENCE, id, store.appendedLsn(), 0, generation);",
        "    ok(client, MessageType.FENCE, id, 0, generation);");
    isCaughtAs("I1");
  }

  @Test
  void ownerThatAcknowledgesBeforeARemovalIsCommitted() {
    mutant.with(
        VOLUME + "OwnedReplica",
        "return inSync() || promoting;",
        "return inSync() && node.ready || promoting;");
    isCaughtAs("I2");
  }

  @Test
  void ownerThatAcknowledgesWithFewerThanMinInSync() {
    mutant.with(
        VOLUME + "OwnedChunk",
        "        && (op.ackedMask & required) == required\n",
        "        && Integer.bitCount(op.ackedMask & required) >= session.minInSync() - 1\n");
    isCaughtAs("I2");
  }

  @Test
  void staleOwnerThatReadsWithoutALease() {
    mutant.with(VOLUME + "ReadOp", "if (session.lease.holds(chunk, nowNanos)) {", "if (true) {");
    isCaughtAs("I4");
  }

  @Test
  void staleOwnerThatReadsWhatIsNotAllocated() {
    mutant.with(VOLUME + "Lease", "    if (holdsForUnallocated(nowNanos)) {", "    if (true) {");
    isCaughtAs("I4");
  }

  @Test
  void metadataThatIgnoresTheEpoch() {
    mutant.with(
        METADATA + "ChunkDecisions",
        "if (chunk.epoch() != change.expectedEpoch()) {",
        "if (false) {");
    isCaughtAs("I3");
  }

  @Test
  void metadataThatIgnoresTheGeneration() {
    mutant.with(
        METADATA + "ChunkDecisions",
        "if (volume.generation() != generation || volume.owner() == null) {",
        "if (false) {");
    isCaughtAs("I3");
  }

  @Test
  void takeOverThatPrefersTheShorterPrefix() {
    mutant.with(
        VOLUME + "ChunkReplicas",
        "replica.position > longest.position",
        "replica.position < longest.position");
    isCaughtAs("I6");
  }

  @Test
  void catchUpThatCopiesOlderOverNewer() {
    mutant.with(
        STORAGE + "MergeRule",
        "return Version.generation(local) < ownerGeneration || fetched > local;",
        "return true;");
    isCaughtAs("I2", "I4", "I6");
  }

  @Test
  void catchUpThatSkipsBlocks() {
    mutant.with(
        STORAGE + "CatchUp",
        "        wanted.add(new Run(pageBlock + runStart, i - runStart));",
        "        if (runStart > 0) wanted.add(new Run(pageBlock + runStart, i - runStart));");
    isCaughtAs("I4", "I6");
  }

  @Test
  void promotionBeforeTheCatchUpHasEnded() {
    mutant.with(
        VOLUME + "Membership",
        "replica.phase == OwnedReplica.Phase.LIVE\n            && (chunk.state()",
        "replica.takesWrites()\n            && (chunk.state()");
    isCaughtAs("I2", "I4", "I6");
  }

  @Test
  void flushThatIsAnsweredWithoutBeingDurable() {
    mutant.with(VOLUME + "WriteWindow", "    if (last == 0) {", "    if (last >= 0) {");
    isCaughtAs("I7");
  }

  @Test
  void windowThatForgetsWhatIsNotDurable() {
    mutant
        .with(VOLUME + "OwnedChunk", "        && ops.peek().settled\n", "")
        .with(
            VOLUME + "OwnedChunk",
            "(ops.peek().durableMask & retained) == retained",
            "ops.peek().completed");
    isCaughtAs("I7", "I6", "I4", "liveness", "exception");
  }

  @Test
  void recoveryThatKeepsRecordsBehindAHole() {
    mutant.with(
        SIM + "StoreModel",
        "List<Entry> gone = log.subList(keep, log.size());",
        "List<Entry> gone = log.subList(keep, Math.min(keep + 1, log.size()));");
    isCaughtAs("I1", "I2", "I4", "I5", "I6", "I7");
  }

  @Test
  void journalThatReadsOnBehindABadRecord() {
    mutant.with(
        "io.cairn.storage.journal.Journal",
        "      if (endReason != null) {\n        headLsn = at;\n        return;\n      }\n",
        """
              if (endReason != null) {
                long next = at + 8;
                while (offset(next) != 0
                    && record.problem(segment(next), offset(next), segmentBytes, next, lifeMin)
                        != null) {
                  next += 8;
                }
                if (offset(next) == 0) {
                  headLsn = at;
                  return;
                }
                at = next;
                continue;
              }
        """);
    isCaughtAs("I1", "I5", "I6", "I7", "I8", "exception");
  }

  @Test
  void journalThatBeginsASegmentInAnyRegionThoughOneClaimsIt() {
    mutant.with(
        "io.cairn.storage.journal.SegmentPool", "if (serial <= newestClaim) {", "if (false) {");
    isCaughtAs("I7", "exception");
  }

  @Test
  void journalThatGivesASegmentAwayThatIsNotDestaged() {
    mutant.with(
        "io.cairn.storage.journal.Journal",
        "return pool.takeFree(left, tailLsn / segmentBytes);",
        "return pool.takeFree(Math.max(wantedCount, SEGMENTS_MIN), headLsn / segmentBytes);");
    isCaughtAs("I7", "exception");
  }

  @Test
  void journalThatIsDurableBeforeItIsSynced() {
    mutant.with(
        "io.cairn.storage.journal.JournaledStore",
        "  public long durableLsn() {\n    return journal.durableLsn();",
        "  public long durableLsn() {\n    return journal.headLsn();");
    isCaughtAs("I7");
  }

  @Test
  void rotThatIsServedUnchecked() {
    mutant
        .with(
            SIM + "ModelStore", "if (!StoreModel.sound(chunk, blockOffset + i)) {", "if (false) {")
        .with(
            "io.cairn.storage.journal.StoreReads",
            "      if (crc.of(bytes, start, Frame.BLOCK_BYTES) != expected[i]) {",
            "      if (false) {")
        .with(
            VOLUME + "ReadOp",
            "        || !intact(header, offset, payload)) {",
            "        || false) {");
    isCaughtAs("I8");
  }

  @Test
  void writeThatRecreatesADeletedChunk() {
    mutant
        .with(
            STORAGE + "ReplicaShard",
            "    if (chunk == null) {\n      return refuse(client, type, id, Status.ABSENT, 0, 0);",
            "    if (chunk == null) {\n      chunk = store.create(volume, layer, index, 256);")
        .with(
            STORAGE + "ReplicaShard",
            "    if (generation == fence && generation > 0) {",
            "    if (generation == fence && generation > 0 || fence == Version.GENERATION_MAX) {");
    isCaughtAs("I9");
  }

  @Test
  void maintenanceThatTakesTheVolumeFromALaterOwner() {
    mutant.with(
        METADATA + "VolumeDecisions",
        "if (c.expectedGeneration() != volume.generation()) {",
        "if (false) {");
    isCaughtAs("I1");
  }

  @Test
  void maintenanceAfterWhichNobodyWaitsForTheOwnerBefore() {
    mutant.with(METADATA + "VolumeDecisions", "true, volume.mayBeTakenAtOnce()", "true, true");
    isCaughtAs("I4");
  }

  @Test
  void newReplicaThatCountsBeforeItHasCaughtUp() {
    mutant.with(
        METADATA + "PlacingDecisions",
        "new Replica(chosen, ReplicaState.SYNCING)",
        "new Replica(chosen, ReplicaState.IN_SYNC)");
    isCaughtAs("I3");
  }

  @Test
  void movedReplicaThatCountsBeforeItHasCaughtUp() {
    mutant.with(
        METADATA + "MoveDecisions",
        "new Replica(move.toNodeId(), ReplicaState.SYNCING)",
        "new Replica(move.toNodeId(), ReplicaState.IN_SYNC)");
    isCaughtAs("I3");
  }

  @Test
  void replicaThatIsTakenAwayWhileItIsInSync() {
    mutant
        .with(VOLUME + "Placing", "if (!replica.required() && isSurplus", "if (isSurplus")
        .with(
            METADATA + "PlacingDecisions",
            "return replica.state() == ReplicaState.SYNCING && chunk",
            "return chunk");
    isCaughtAs("I3");
  }

  @Test
  void writesThatRememberReplicasByTheirPlaceInTheList() {
    mutant.with(
        VOLUME + "ChunkReplicas",
        """
              if (replica.required()) {
                mask |= 1 << replica.bit;
        """,
        """
              if (replica.required()) {
                mask |= 1 << i;
        """);
    isCaughtAs("I2", "liveness");
  }

  @Test
  void replicaOffTheRecordWhoseAcknowledgementsAreTakenForAnothers() {
    mutant
        .with(VOLUME + "ChunkReplicas", "lastBit = freeBit();", "lastBit = 0;")
        .with(
            VOLUME + "OwnedChunk",
            "op.ackedMask &= ~(1 << replica.bit);\n"
                + "      op.durableMask &= ~(1 << replica.bit);\n"
                + "    }\n"
                + "  }",
            "}\n  }");
    isCaughtAs("I2");
  }

  @Test
  void hedgedReadFromAReplicaThatIsStillSyncing() {
    mutant
        .with(
            VOLUME + "ReadOp",
            "      if (replica.inSync() == inSync\n          && replica.phase == Phase.LIVE\n",
            "      if (replica.takesWrites()\n")
        .with(
            VOLUME + "ReadOp",
            "replica.phase == Phase.LIVE && replica.era == era && stillHoldsAll(replica)",
            "replica.era == era")
        .with(
            STORAGE + "ReplicaReads",
            "    return chunk.syncing() ? Status.SYNCING : null;",
            "    return null;")
        .with(STORAGE + "ReplicaReads", "problem == null && chunk.syncing()", "false");
    isCaughtAs("I4");
  }

  @Test
  void metadataThatCountsAReplicaOnAFailedDevice() {
    mutant.with(
        METADATA + "PlacingDecisions",
        "&& node.lacks(Shards.shardOf(chunk, state.node(node.nodeId())));",
        "&& false;");
    mutant.with(SIM + "SimRun", "Stores.EITHER, false);", "Stores.EITHER, true);");
    isCaughtAs("liveness");
  }

  @Test
  void metadataThatDoesNotHearOfReplacedDevicesOfUnattachedVolumes() {
    mutant.with(
        METADATA + "Maintenance",
        "state.counts().inSync(volumeId, nodeId, refill.shard()) > refill.chunks()",
        "false");
    mutant.with(SIM + "SimRun", "Stores.EITHER, false);", "Stores.EITHER, true);");
    isCaughtAs("liveness");
  }

  @Test
  void scrubThatTakesAnOlderCopyForGood() {
    mutant.with(
        VOLUME + "ScrubVerdict",
        "      newest = Math.max(newest, copy.version());",
        "      newest = newest == 0 ? copy.version() : Math.min(newest, copy.version());");
    isCaughtAs("I2", "I4", "scrub");
  }

  @Test
  void nodeThatGivesBackByAnOldRecord() {
    mutant.with(STORAGE + "Strays", "chunk == null || !unused.contains(name)", "chunk == null");
    isCaughtAs("I2", "I3", "I4", "I6");
  }

  @Test
  void recoveryThatGivesUpWhatCouldComeBack() {
    mutant.with(
        METADATA + "LossDecisions",
        "        if (!isLost(state, replica.nodeId(), isUp)) {",
        "        if (isUp) {");
    isCaughtAs("I3");
  }
}
