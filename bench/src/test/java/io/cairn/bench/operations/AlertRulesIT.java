package io.cairn.bench.operations;

import io.cairn.bench.chaos.Tool;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Prometheus' own tool takes the rules, and every alert fires when it should. */
class AlertRulesIT {
  private static final Tool PROMTOOL = new Tool("promtool", "prometheus");
  private static final Duration LIMIT = Duration.ofMinutes(2);

  @Test
  void rulesPassTheirTests() {
    PROMTOOL
        .run(LIMIT, "check", "rules", Packaging.path("prometheus/cairn-rules.yml").toString())
        .ok();
    PROMTOOL
        .run(LIMIT, "test", "rules", Packaging.path("prometheus/cairn-rules-test.yml").toString())
        .ok();
  }
}
