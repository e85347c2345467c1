package io.cairn.bench;

import io.cairn.bench.sim.SimCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command {@code cairn}. It lives in the module that sees all others. */
@Command(
    name = "cairn",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Distributed block storage.",
    subcommands = SimCommand.class)
public final class Main {
  private Main() {}

  /** Exit codes: 0 done, 1 refused or failed, 2 wrong usage. */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Main()).execute(arguments));
  }
}
