package io.cairn.bench.chaos.nemesis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.cli.Role;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimelinePageTest {
  private final NemesisRun.Settings settings =
      new NemesisRun.Settings(
          Path.of("data"),
          false,
          Duration.ofSeconds(10),
          3,
          1,
          1,
          EnumSet.allOf(FaultKind.class),
          42,
          Duration.ofSeconds(20),
          Path.of("page"),
          null);
  private final Timeline timeline = new Timeline(List.of("volume-1"));

  private Fault killed() {
    Fault fault =
        new Fault(FaultKind.KILL, "storage-1", EnumSet.of(Role.STORAGE), 1, () -> {}, () -> {});
    fault.begin(System.nanoTime());
    return fault;
  }

  @Test
  void namesEachFaultAndHowLongClientsWaited() {
    Fault fault = killed();
    fault.observeSilence(1.25);
    fault.end(System.nanoTime());
    long now = System.nanoTime();
    var unready = new Kubelet.Unready("storage-1", now, now + 500_000_000);
    timeline.add(0, new Timeline.Second(1, 1000, 2.5, 0.1));
    String page =
        new TimelinePage(timeline, List.of(fault), List.of(unready), settings, null).html();
    assertTrue(page.contains("1 faults in 1 s, seed 42"), page);
    assertTrue(page.contains("<td>kill storage-1<td>1.25"), page);
    assertTrue(page.contains("Nothing was wrong"), page);
    assertEquals(2, page.split("#c08000\"/>", -1).length);
  }

  @Test
  void saysWhatWasWrongAndDrawsAFaultThatNeverEnded() {
    String page =
        new TimelinePage(timeline, List.of(killed()), List.of(), settings, "a < b").html();
    assertTrue(page.contains("a &lt; b"), page);
    assertFalse(page.contains("Nothing was wrong"), page);
    assertEquals(2, page.split("#b01030\"/>", -1).length);
  }
}
