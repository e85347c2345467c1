package io.cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTest {
  private static List<CommandLine> withSubcommands(CommandLine command) {
    List<CommandLine> all = new ArrayList<>(List.of(command));
    command.getSubcommands().values().forEach(one -> all.addAll(withSubcommands(one)));
    return all;
  }

  /** A percent sign that is not written twice makes picocli warn in the middle of the help. */
  @Test
  void eachHelpTextIsPrintedWithoutAWarning() {
    List<CommandLine> all = withSubcommands(Main.commandLine());
    assertTrue(all.size() > 20, all.size() + " commands");
    ByteArrayOutputStream warnings = new ByteArrayOutputStream();
    PrintStream before = System.err;
    System.setErr(new PrintStream(warnings, true, StandardCharsets.UTF_8));
    try {
      all.forEach(CommandLine::getUsageMessage);
    } finally {
      System.setErr(before);
    }
    assertEquals("", warnings.toString(StandardCharsets.UTF_8));
  }
}
