package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What operators are told afterwards. */
class HistoryTest {
  private static final long GIB = 1L << 30;
  private static final long BEGIN_MILLIS = 1_000_000;

  private final TreeKeyValues keys = new TreeKeyValues();
  private final MetadataMachine machine = new MetadataMachine(keys);
  private long number;

  private Reply apply(Command command) {
    number++;
    return machine.apply(1, number, Release.level(), command, List.of(), BEGIN_MILLIS + number);
  }

  private void begin() {
    apply(new Command.InitCluster(5, Release.LEVEL_OF_EVENTS));
  }

  private List<ClusterEvent> events() {
    List<ClusterEvent> all = new ArrayList<>();
    Reply.Events page;
    do {
      Query.GetEvents next = new Query.GetEvents(all.isEmpty() ? 0 : all.getLast().number(), 100);
      page = (Reply.Events) MetadataQueries.events(machine.state(), next);
      all.addAll(page.events());
    } while (!page.events().isEmpty());
    return all;
  }

  private List<String> kinds() {
    return events().stream().map(e -> e.kind() + " " + e.subject()).toList();
  }

  private Reply create(String name) {
    return apply(new Command.CreateVolume(name, GIB, 0, 0, 0, Durability.FLUSH));
  }

  private void register(String name, long store, long incarnation) {
    apply(
        new Command.RegisterNode(
            5, 0, store, name, "h", 7000, "z", "r", "h", 100 * GIB, 1, incarnation));
  }

  private static ClusterCondition node(String value) {
    String kind = "node-" + (value == null ? "up" : value);
    return new ClusterCondition("node", "1", "n1", value, kind, "Node n1: " + kind);
  }

  private Reply report(ClusterCondition... conditions) {
    return apply(new Command.ReportConditions(List.of(conditions)));
  }

  @Test
  void theLifeOfAVolumeIsToldWithTheTimesOfTheLog() {
    begin();
    create("v");
    apply(new Command.AcquireVolume("v", "g1", 11, "a", -1));
    apply(new Command.AcquireVolume("v", "g2", 12, "a", -1));
    apply(new Command.ReleaseVolume(1, 2));
    apply(new Command.ResizeVolume("v", 2 * GIB));
    apply(new Command.SetVolume("v", 2, 0));
    apply(new Command.DeleteVolume("v", false));
    assertEquals(
        List.of(
            "cluster-made cluster",
            "level-raised cluster",
            "volume-created v",
            "volume-attached v",
            "volume-taken-over v",
            "volume-detached v",
            "volume-resized v",
            "volume-set v",
            "volume-deleted v"),
        kinds());
    ClusterEvent taken = events().get(4);
    assertEquals("Gateway g2 took volume v over from g1.", taken.text());
    assertEquals(BEGIN_MILLIS + 4, taken.atMillis());
    assertEquals(5, taken.number());
  }

  @Test
  void theLifeOfANodeIsTold() {
    begin();
    register("n1", 101, 1);
    register("n1", 101, 2);
    apply(new Command.DrainNode(1, Departure.DRAINED));
    apply(new Command.DrainNode(1, null));
    apply(new Command.RemoveNode(1));
    assertEquals(
        List.of(
            "node-joined n1",
            "node-started n1",
            "node-leaving n1",
            "node-stays n1",
            "node-removed n1"),
        kinds().subList(2, 7));
  }

  @Test
  void aRetryAndARefusalAreNoEvents() {
    begin();
    create("v");
    machine.apply(
        1,
        number,
        Release.level(),
        new Command.CreateVolume("v", GIB, 0, 0, 0, Durability.FLUSH),
        List.of(),
        9);
    assertInstanceOf(Reply.Refused.class, create("v"));
    assertEquals(3, events().size());
  }

  @Test
  void sessionsThatOnlyMendAreNoOwnersToTellOf() {
    begin();
    create("v");
    apply(new Command.MaintainVolume("v", "g1", 11, "a", 0));
    apply(new Command.AcquireVolume("v", "g2", 12, "a", -1));
    assertEquals("volume-attached v", kinds().getLast());
    assertEquals(4, events().size());
  }

  @Test
  void aConditionIsToldOnceAndTheUsualIsNotKept() {
    begin();
    report(node(null));
    report(node("down"));
    report(node("down"), node("down"));
    report(node("away"));
    assertEquals(
        List.of("away"), machine.state().conditions().stream().map(c -> c.value()).toList());
    report(node(null));
    report(node(null));
    assertEquals(
        List.of("node-down n1", "node-away n1", "node-up n1"), kinds().subList(2, kinds().size()));
    report(node("down"));
    report(node("down").forgotten());
    assertEquals("node-down n1", kinds().getLast());
    assertTrue(machine.state().conditions().isEmpty());
  }

  @Test
  void nothingIsKeptBeforeAllServersKnowEvents() {
    apply(new Command.InitCluster(5, Release.LEVEL_OF_EVENTS - 1));
    create("v");
    assertInstanceOf(Reply.Refused.class, report(node("down")));
    assertInstanceOf(
        Reply.Refused.class, MetadataQueries.events(machine.state(), new Query.GetEvents(0, 10)));
    assertTrue(machine.state().events(0, 10).isEmpty());
    apply(new Command.RaiseLevel(Release.LEVEL_OF_EVENTS));
    assertEquals(List.of("level-raised cluster"), kinds());
  }

  @Test
  void onlyTheLastAreKeptAndNumbersGoOn() {
    begin();
    for (int i = 0; i < MetadataState.EVENTS_MAX; i++) {
      create("v" + i);
    }
    List<ClusterEvent> kept = events();
    assertEquals(MetadataState.EVENTS_MAX, kept.size());
    assertEquals(3, kept.getFirst().number());
    assertEquals(MetadataState.EVENTS_MAX + 2, kept.getLast().number());
    assertEquals(kept, new MetadataMachine(keys).state().events(0, Integer.MAX_VALUE));
  }

  @Test
  void whatSomebodyCallsAThingCannotFillTheMetadata() {
    begin();
    String endless = "x".repeat(1_000_000);
    report(new ClusterCondition("device", "1 d", endless, "failed", "device-failed", endless));
    ClusterEvent told = events().getLast();
    assertEquals(ClusterEvent.TEXT_LENGTH_MAX, told.text().length());
    assertEquals(ClusterEvent.SUBJECT_LENGTH_MAX, told.subject().length());
    assertInstanceOf(
        Reply.Refused.class,
        report(new ClusterCondition("device", endless, "n", "failed", "device-failed", "t")));
    ClusterCondition[] many = new ClusterCondition[Command.ReportConditions.CONDITIONS_MAX + 1];
    Arrays.fill(many, node("down"));
    assertInstanceOf(Reply.Refused.class, report(many));
    for (int i = 0; i < ConditionDecisions.ON_RECORD_MAX + 5; i += many.length - 1) {
      ClusterCondition[] down = new ClusterCondition[many.length - 1];
      for (int j = 0; j < down.length; j++) {
        down[j] = new ClusterCondition("gateway", "g" + (i + j), "g", "down", "gateway-down", "t");
      }
      report(down);
    }
    assertEquals(ConditionDecisions.ON_RECORD_MAX, machine.state().conditions().size());
  }
}
