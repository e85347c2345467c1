package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.client.volume.SessionTimings;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SlowRequestsTest {
  private final List<String> lines = new ArrayList<>();
  private long nowNanos;
  private final SlowRequests slow = new SlowRequests("data", () -> 3, () -> nowNanos, lines::add);

  private static SessionTimings.Slow write(boolean failed) {
    return new SessionTimings.Slow(
        SessionTimings.Kind.WRITE, 2, 134217728, 4096, 5_000_000, 1_200_000_000, failed);
  }

  @Test
  void aLineNamesTheRequestAndTheTimesOfItsStages() {
    slow.ended(write(false));
    assertEquals(
        List.of(
            "slow request: volume=data generation=3 chunk=2 request=write offset=134217728"
                + " length=4096 took=1205ms queue=5ms replicas=1200ms"),
        lines);
  }

  @Test
  void manyAtATimeAreOneLineAndTheirNumberFollows() {
    slow.ended(write(false));
    slow.ended(write(false));
    slow.ended(write(false));
    assertEquals(1, lines.size());
    nowNanos = 1_000_000_000L;
    slow.ended(write(true));
    assertEquals(2, lines.size());
    assertEquals(
        " failed, and 2 more since the last such line",
        lines.get(1).substring(lines.get(1).indexOf(" failed")));
  }
}
