package io.cairn.bench;

import io.cairn.bench.chaos.cli.ChaosCommand;
import io.cairn.bench.jmh.BenchCommand;
import io.cairn.bench.load.LoadCommand;
import io.cairn.bench.sim.SimCommand;
import io.cairn.client.cli.Cairn;
import io.cairn.client.dev.DevCommand;
import io.cairn.client.dev.TrainCommand;
import picocli.CommandLine;

/** The program. It lives in the module that sees all others, so that it has all verbs. */
public final class Main {
  private Main() {}

  /** Exit codes: 0 done, 1 refused or failed, 2 wrong usage. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  /** All verbs. */
  static CommandLine commandLine() {
    CommandLine cairn = Cairn.commandLine();
    Cairn.add(cairn, new DevCommand());
    Cairn.add(cairn, new TrainCommand());
    Cairn.add(cairn, new SimCommand());
    Cairn.add(cairn, new BenchCommand());
    Cairn.add(cairn, new ChaosCommand());
    Cairn.add(cairn, new LoadCommand());
    return cairn;
  }
}
