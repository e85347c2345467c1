package io.cairn.bench.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** The short form of {@code cairn sim --coverage --runs 10000}. */
class SimCoverageTest {
  private static String report(String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream before = System.out;
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    int exitCode;
    try {
      exitCode = SimCommand.execute(arguments);
    } finally {
      System.setOut(before);
    }
    String report = out.toString(StandardCharsets.UTF_8);
    assertEquals(0, exitCode, report);
    return report;
  }

  /** In a few runs not all transitions can be visited, but none may be unknown to the table. */
  @Test
  void knowsEachTransitionThatIsMade() {
    String report = report("--coverage", "--devices", "--seed", "500", "--runs", "40");
    assertTrue(report.contains("  VolumeSession.state SERVING FENCED"), report);
    assertTrue(report.contains("  CatchUp.state PULLING COMPARING"), report);
    assertTrue(report.contains("  replica SYNCING IN_SYNC UpdateReplicas"), report);
    assertTrue(report.contains(", 0 undeclared"), report);
    assertTrue(report.contains("unvisited     "), "what was not visited is not told: " + report);
  }
}
