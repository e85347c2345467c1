package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.util.List;
import org.junit.jupiter.api.Test;

class SoftStateTest {
  private static final long SECOND = 1_000_000_000L;
  private final SoftState soft = new SoftState();

  @Test
  void aNodeIsDownBeforeItIsHeardAndAfterTheGraceTime() {
    assertFalse(soft.isUp(1, 0));
    soft.heard(beat(1), 10 * SECOND);
    assertTrue(soft.isUp(1, 10 * SECOND + SoftState.UP_NANOS - 1));
    assertFalse(soft.isUp(1, 10 * SECOND + SoftState.UP_NANOS));
    soft.heard(beat(1), 20 * SECOND);
    assertTrue(soft.isUp(1, 20 * SECOND));
  }

  @Test
  void onlyNodesThatAreUpAreCandidatesAndTheStatusSaysHowLongTheOthersAreSilent() {
    soft.heard(beat(1), 0);
    soft.heard(beat(2), 4 * SECOND);
    List<NodeRecord> nodes = List.of(node(1), node(2), node(3));
    assertEquals(
        List.of(2L), soft.candidates(nodes, 1, 6 * SECOND).stream().map(c -> c.nodeId()).toList());
    Reply.NodeStatus silent = soft.status(node(1), List.of(7L), 1, 6 * SECOND);
    assertFalse(silent.up());
    assertEquals(6000, silent.lastSeenAgoMillis());
    assertEquals(7, silent.replicaCount());
    assertEquals(-1, soft.status(node(3), List.of(), 1, 6 * SECOND).lastSeenAgoMillis());
  }

  @Test
  void aReleaseIsKnownForThreeAnnouncementsAndOneWithoutALevelIsOfTheFirst() {
    assertNull(soft.release("storage", "n1", 0).release());
    soft.heard(new Query.Announce("storage", "n1", "1.2.0", 2, "h1:7240"), SECOND);
    soft.heard(new Query.Announce("gateway", "n1", "1.1.0", 0, null), SECOND);
    assertEquals(
        new Reply.ServerRelease("storage", "n1", "1.2.0", 2, "h1:7240"),
        soft.release("storage", "n1", 31 * SECOND));
    assertEquals(
        new Reply.ServerRelease("gateway", "n1", "1.1.0", 1, null),
        soft.release("gateway", "n1", 31 * SECOND));
    assertEquals(
        new Reply.ServerRelease("storage", "n1", null, 0, null),
        soft.release("storage", "n1", 31 * SECOND + 1));
  }

  @Test
  void gatewaysBeyondTheLimitAreForgottenLongestSilentFirst() {
    for (int i = 0; i <= SoftState.GATEWAYS_MAX; i++) {
      soft.heard(new Query.GatewayHeartbeat("g" + i, 1, "h:1", List.of()), i);
    }
    List<Reply.GatewayStatus> gateways = soft.gateways(SECOND);
    assertEquals(SoftState.GATEWAYS_MAX, gateways.size());
    assertTrue(gateways.stream().noneMatch(g -> g.gateway().equals("g0")));
  }

  @Test
  void anOwnerIsGoneWhenItsGatewayBeganAnewAndNotWhenItIsOnlySilent() {
    soft.leads(0);
    soft.heard(new Query.GatewayHeartbeat("g", 1, "h:1", List.of()), 10 * SECOND);
    VolumeRecord owned = owned(1, false);
    assertFalse(soft.isGone(owned, 100 * SECOND));
    soft.heard(new Query.GatewayHeartbeat("g", 2, "h:1", List.of()), 39 * SECOND);
    assertFalse(soft.isGone(owned, 40 * SECOND));
    assertTrue(soft.isGone(owned, 41 * SECOND));
    assertFalse(soft.isGone(owned(2, false), 41 * SECOND));
  }

  @Test
  void aMaintenanceSessionIsGoneWhenItsGatewayIsSilentOrDoesNotKnowOfIt() {
    soft.leads(0);
    VolumeRecord maintained = owned(1, true);
    assertFalse(soft.isGone(maintained, SoftState.UP_NANOS));
    assertTrue(soft.isGone(maintained, SoftState.UP_NANOS + 1));
    Query.VolumeMend mend = new Query.VolumeMend("v", true, 1, 0, 0, -1);
    soft.heard(
        new Query.GatewayHeartbeat("g", 1, "h:1", List.of(), List.of(mend), true, List.of()),
        10 * SECOND);
    assertFalse(soft.isGone(maintained, 11 * SECOND));
    soft.heard(
        new Query.GatewayHeartbeat("g", 1, "h:1", List.of(), List.of(), true, List.of()),
        12 * SECOND);
    assertTrue(soft.isGone(maintained, 12 * SECOND));
  }

  @Test
  void anOwnerIsSilentOnlyAfterItWasListenedForAndWhoeverElseUsesItsName() {
    soft.leads(10 * SECOND);
    VolumeRecord.Owner owner = owned(1, false).owner();
    assertFalse(soft.isSilent(owner, 16 * SECOND));
    assertTrue(soft.isSilent(owner, 16 * SECOND + 1));
    soft.heard(new Query.GatewayHeartbeat("g", 1, "h:1", List.of()), 17 * SECOND);
    soft.heard(new Query.GatewayHeartbeat("g", 2, "h:1", List.of()), 18 * SECOND);
    assertFalse(soft.isSilent(owner, 23 * SECOND));
    assertTrue(soft.isSilent(owner, 24 * SECOND));
    assertTrue(soft.isGatewayUp("g", 19 * SECOND));
    assertFalse(soft.isGatewayUp("h", 19 * SECOND));
  }

  private static VolumeRecord owned(long instance, boolean maintenance) {
    VolumeRecord.Owner owner =
        new VolumeRecord.Owner("g", instance, "h:1", maintenance, maintenance);
    return new VolumeRecord(1, "v", 4096, 1 << 20, 3, 2, Durability.FLUSH, 5, owner);
  }

  /** What a node says of a flush that was ended is no answer to one that began since. */
  @Test
  void howFarAFlushIsCountsForTheLastRequestOnly() {
    NodeRecord first = node(1).flushing(true);
    soft.heard(flushed(first.flushRequest()), SECOND);
    assertEquals(0, soft.status(first, List.of(), 1, SECOND).flushLeftBytes());
    NodeRecord second = first.flushing(false).flushing(true);
    assertNull(soft.status(second, List.of(), 1, SECOND).flushLeftBytes());
    soft.heard(flushed(second.flushRequest()), SECOND);
    assertEquals(0, soft.status(second, List.of(), 1, SECOND).flushLeftBytes());
    soft.heard(flushed(0), SECOND);
    assertEquals(
        0,
        soft.status(second, List.of(), 1, SECOND).flushLeftBytes(),
        "a node of an older release");
  }

  private static Query.NodeHeartbeat flushed(long request) {
    return new Query.NodeHeartbeat(
        1, 1, 0, 1, 0, 0, 0, List.of(), null, 0L, request, List.of(), List.of(), null, null, null);
  }

  @Test
  void aShardIsAwayWhenItsNodeSaidForSoLongThatItIsOutSinceThisServerLeads() {
    soft.heard(beat(1, 2, 5), SECOND);
    soft.heard(beat(1, 5), 10 * SECOND);
    soft.heard(beat(1, 2, 5), 12 * SECOND);
    assertEquals(List.of(2, 5), soft.shardsOut(1));
    assertEquals(List.of(), soft.shardsAway(1, 20 * SECOND, 21 * SECOND));
    assertEquals(List.of(5), soft.shardsAway(1, 20 * SECOND, 22 * SECOND));
    assertEquals(List.of(2, 5), soft.shardsAway(1, 20 * SECOND, 33 * SECOND));
    assertEquals(List.of(), soft.shardsAway(2, 0, 33 * SECOND));
    assertEquals(
        List.of(2, 5), soft.candidates(List.of(node(1)), 1, 13 * SECOND).getFirst().shardsOut());
    soft.heard(beat(1), 34 * SECOND);
    assertEquals(List.of(), soft.shardsOut(1));
    assertNull(soft.candidates(List.of(node(1)), 1, 34 * SECOND).getFirst().shardsOut());
    soft.heard(beat(1, 5), 35 * SECOND);
    soft.leads(90 * SECOND);
    soft.heard(beat(1, 5), 91 * SECOND);
    assertEquals(List.of(), soft.shardsAway(1, 20 * SECOND, 100 * SECOND));
  }

  @Test
  void aNodeThatLacksShardsHasRoomOnceAllServersLookWhich() {
    soft.heard(
        new Query.NodeHeartbeat(
            1, 1, 0, 0, 0, 0, 0, List.of(), null, null, 0, List.of(), List.of(2), null, null, 7L),
        SECOND);
    int level = Release.LEVEL_OF_SERVING_SHARDS;
    assertEquals(0, soft.candidates(List.of(node(1)), level - 1, SECOND).getFirst().freeBytes());
    assertEquals(7, soft.candidates(List.of(node(1)), level, SECOND).getFirst().freeBytes());
    assertEquals(7, soft.status(node(1), List.of(), level, SECOND).freeBytes());
    soft.heard(beat(1), 2 * SECOND);
    assertEquals(
        1 << 30, soft.candidates(List.of(node(1)), level, 2 * SECOND).getFirst().freeBytes());
  }

  @Test
  void theCapacityOfShardsThatServeIsThatOfTheDevicesThatHaveOne() {
    assertEquals(-1, soft.servingCapacityBytes(1));
    soft.heard(beat(1, 2), SECOND);
    assertEquals(-1, soft.servingCapacityBytes(1), "it says nothing of devices");
    soft.heard(
        new Query.NodeHeartbeat(
            1,
            1,
            0,
            0,
            0,
            0,
            0,
            List.of(),
            null,
            null,
            0,
            List.of(
                new Query.NodeDevice("cache", "/c", "good", null, List.of(0, 1, 2), 0, 1_000),
                new Query.NodeDevice("capacity", "/a", "good", null, List.of(0, 1), 0, 100),
                new Query.NodeDevice("capacity", "/b", "failed", "no", List.of(2), 0, 10)),
            List.of(1, 2),
            null,
            null,
            null),
        SECOND);
    assertEquals(100, soft.servingCapacityBytes(1));
  }

  @Test
  void whatShardsHaveThatBeganAnewIsWhatTheNodeSaidLast() {
    Query.NodeHeartbeat plain = beat(1);
    soft.heard(refilled(new Query.Refill(0, 7, 3), new Query.Refill(2, 7, 0)), SECOND);
    assertEquals(2, soft.refills(1, 7).size());
    assertEquals(List.of(), soft.refills(1, 8));
    assertEquals(List.of(), soft.refills(2, 7));
    soft.heard(refilled(new Query.Refill(2, 7, 1)), 2 * SECOND);
    assertEquals(List.of(new Query.Refill(2, 7, 1)), soft.refills(1, 7));
    soft.heard(plain, 3 * SECOND);
    assertEquals(List.of(), soft.refills(1, 7));
  }

  @Test
  void chunksWithoutAnEndedCatchUpAreThoseThatTheNodeNamedLast() {
    Query.Unfinished one = new Query.Unfinished(7, 0, 3);
    soft.heard(unfinished(one, new Query.Unfinished(8, 0, 0)), SECOND);
    assertEquals(List.of(one), soft.unfinished(1, 7));
    assertEquals(List.of(), soft.unfinished(2, 7));
    soft.heard(beat(1), 2 * SECOND);
    assertEquals(List.of(), soft.unfinished(1, 7));
  }

  private static Query.NodeHeartbeat unfinished(Query.Unfinished... names) {
    return new Query.NodeHeartbeat(
        1, 1, 0, 1, 0, 0, 0, List.of(), null, null, 0, List.of(), null, null, List.of(names), null);
  }

  private static Query.NodeHeartbeat refilled(Query.Refill... refills) {
    return new Query.NodeHeartbeat(
        1,
        1,
        0,
        1,
        0,
        0,
        0,
        List.of(),
        null,
        null,
        0,
        List.of(),
        List.of(),
        List.of(refills),
        null,
        null);
  }

  private static Query.NodeHeartbeat beat(long node, Integer... shardsOut) {
    return new Query.NodeHeartbeat(
        node,
        1,
        0,
        1 << 30,
        0,
        0,
        0,
        List.of(),
        null,
        null,
        0,
        List.of(),
        List.of(shardsOut),
        null,
        null,
        null);
  }

  private static NodeRecord node(long id) {
    return new NodeRecord(id, 0, id, "n" + id, "h", 7000, "z", "r", "h" + id, 1 << 30, 1, 1);
  }
}
