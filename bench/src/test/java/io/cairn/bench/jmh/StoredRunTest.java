package io.cairn.bench.jmh;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.machine.Machine;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StoredRunTest {
  @Test
  void whatWasStoredIsReadAgain() throws Exception {
    StoredRun run = run("c1", figure("a", "thrpt", 3), figure("a", "sample", 4));
    assertEquals(run, StoredRun.parse(run.json()));
  }

  @Test
  void aSecondPartAddsItsFiguresAndReplacesThoseThatItMeasuredAgain() {
    StoredRun first = run("c1", figure("a", "thrpt", 3), figure("b", "thrpt", 5));
    StoredRun second = run("c1", figure("b", "thrpt", 6), figure("a", "sample", 9));
    assertEquals(
        List.of(figure("a", "sample", 9), figure("a", "thrpt", 3), figure("b", "thrpt", 6)),
        second.joined(first).figures());
  }

  @Test
  void anotherCommitIsNoPartOfTheRun() {
    StoredRun second = run("c2", figure("b", "thrpt", 6));
    assertEquals(second, second.joined(run("c1", figure("a", "thrpt", 3))));
  }

  @Test
  void theChangeStandsBesideTheFigureOfTheSameBenchmarkInTheSameMode() {
    StoredRun before = run("c1", figure("a", "thrpt", 4), figure("a", "sample", 100));
    String text =
        String.join(
            "\n", run("c2", figure("a", "thrpt", 5), figure("c", "thrpt", 1)).beside(before));
    assertTrue(text.contains("before 4.000 8.0 B: +25.0 %"), text);
    assertTrue(text.contains("not measured before"), text);
  }

  private static StoredRun.Figure figure(String name, String mode, double score) {
    return new StoredRun.Figure(name, mode, Map.of("p", "1"), score, 0.5, "ns/op", 8, Map.of());
  }

  private static StoredRun run(String commit, StoredRun.Figure... figures) {
    Machine machine =
        new Machine("cpu", 2, 1, "k", "v", "f", "ext4", "jdk", commit, false, List.of(), "now");
    return new StoredRun(machine, "2 forks", Arrays.asList(figures));
  }
}
