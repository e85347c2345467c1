package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionType;
import io.cairn.metadata.options.OptionValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class RoleCommandTest {
  private static final Option<Integer> WEIGHT =
      Option.of("weight", OptionType.integer(1, 9), "5", "How heavy it is.");
  private static final OptionSet OPTIONS = OptionSet.of("anvil", WEIGHT);

  @TempDir Path directory;

  @Command(name = "anvil")
  private static final class AnvilCommand extends RoleCommand {
    @Override
    OptionSet options() {
      return OPTIONS;
    }

    @Override
    Role.Server start(OptionValues values) throws IOException {
      if (values.get(WEIGHT) == 9) {
        throw values.refuse(WEIGHT, "the floor gives way");
      }
      throw new IOException("no room for\n" + values.get(WEIGHT));
    }
  }

  @Test
  void theOptionsArePrintedFromTheirList() {
    CommandRun run = run("--print-options").succeeds();
    assertTrue(run.out().contains("| `weight` | a whole number from 1 to 9 |"), run.out());
    assertEquals("", run.err());
  }

  @Test
  void aFailedStartIsOneLine() {
    run().fails(1, "cairn: anvil cannot start: no room for 5");
  }

  @Test
  void theFlagWinsOverTheEnvironmentAndThatOverTheFile() throws IOException {
    Path file = Files.writeString(directory.resolve("anvil.yaml"), "weight: 2\n");
    run("--config", file.toString()).fails(1, "cairn: anvil cannot start: no room for 2");
    Map<String, String> environment = Map.of("CAIRN_ANVIL_WEIGHT", "3");
    run(environment, "--config", file.toString())
        .fails(1, "cairn: anvil cannot start: no room for 3");
    run(environment, "--config", file.toString(), "--set", "weight=4")
        .fails(1, "cairn: anvil cannot start: no room for 4");
  }

  @Test
  void wrongSettingsAreRefusedWithTheirPlaceValueAndBound() throws IOException {
    run("--set", "weight=10")
        .fails(
            1, "cairn: --set weight: option weight is '10', expected a whole number from 1 to 9");
    run("--set", "weight=9")
        .fails(1, "cairn: --set weight: option weight is '9': the floor gives way");
    Path file = Files.writeString(directory.resolve("anvil.yaml"), "wieght: 2\n");
    CommandRun run = run("--config", file.toString());
    assertTrue(run.err().endsWith("option wieght is unknown; did you mean weight?\n"), run.err());
    assertEquals(1, run.exitCode());
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    CommandRun run = run("--config", directory.resolve("none.yaml").toString());
    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("none.yaml"), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
  }

  private static CommandRun run(String... arguments) {
    return run(Map.of(), arguments);
  }

  private static CommandRun run(Map<String, String> environment, String... arguments) {
    Cairn cairn = new Cairn((addresses, deadline) -> null, environment);
    CommandLine line = cairn.newCommandLine();
    Cairn.add(line, new AnvilCommand());
    String[] all = new String[arguments.length + 1];
    all[0] = "anvil";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return CommandRun.of(line, all);
  }
}
