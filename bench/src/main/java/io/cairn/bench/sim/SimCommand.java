package io.cairn.bench.sim;

import io.cairn.bench.sim.coverage.Coverage;
import io.cairn.bench.sim.coverage.RecordingLoader;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cairn sim}: runs the whole-cluster simulator from seeds. */
@Command(
    name = "sim",
    description = "Simulates whole clusters with faults, one per seed, and checks the invariants.",
    mixinStandardHelpOptions = true)
public final class SimCommand implements Callable<Integer> {
  private static final int PROGRESS = 1000;

  @Option(names = "--seed", description = "The first seed.", defaultValue = "1")
  private long seed;

  @Option(
      names = "--runs",
      description = "How many seeds, one after the other.",
      defaultValue = "1")
  private long runs;

  @Option(names = "--trace", description = "Prints every event.")
  private boolean trace;

  @Option(names = "--keep-going", description = "Goes on after a failure: one line for each.")
  private boolean keepGoing;

  @Option(
      names = "--stores",
      description =
          "What the nodes store to: ${COMPLETION-CANDIDATES}; by default the seed decides.",
      defaultValue = "EITHER")
  private SimRun.Stores stores;

  @Option(
      names = "--devices",
      description =
          "Devices hang, fail for good and are replaced by empty ones as well, and blocks rot on"
              + " all replicas.")
  private boolean devices;

  @Option(
      names = "--coverage",
      description =
          "Reports how often each transition of the protocol's state machines was visited; one"
              + " that is not declared is a failure, one that was not visited is told.")
  private boolean coverage;

  @Spec private CommandSpec spec;

  /** The command by itself. */
  public static void main(String[] args) {
    System.exit(execute(args));
  }

  /** The command without an exit; returns its exit code. */
  public static int execute(String... args) {
    return new CommandLine(new SimCommand()).execute(args);
  }

  @Override
  public Integer call() {
    return coverage ? runRecorded() : runSeeds();
  }

  /** The same command in classes that record. */
  private int runRecorded() {
    String[] same =
        spec.commandLine().getParseResult().originalArgs().stream()
            .filter(argument -> !argument.equals("sim") && !argument.equals("--coverage"))
            .toArray(String[]::new);
    int exitCode;
    try {
      exitCode =
          (Integer)
              new RecordingLoader()
                  .loadClass(SimCommand.class.getName())
                  .getMethod("execute", String[].class)
                  .invoke(null, (Object) same);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
    Coverage reached = new Coverage();
    reached.lines().forEach(System.out::println);
    return exitCode == 0 && reached.undeclared().isEmpty() ? 0 : 1;
  }

  private int runSeeds() {
    long begin = System.nanoTime();
    long events = 0;
    long requests = 0;
    long failures = 0;
    for (long i = 0; i < runs; i++) {
      try {
        SimRun.Result result = new SimRun(seed + i, trace, stores, devices).run();
        events += result.events();
        requests += result.requests();
      } catch (SimFailure e) {
        failures++;
        if (!keepGoing) {
          System.out.println(e.getMessage());
          if (e.invariant().equals("exception")) {
            e.getCause().printStackTrace(System.out);
          }
          return 1;
        }
        System.out.println(e.getMessage().lines().findFirst().orElseThrow());
      }
      if ((i + 1) % PROGRESS == 0 && i + 1 < runs) {
        System.err.printf("%d seeds, %d failed%n", i + 1, failures);
      }
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    System.out.printf(
        "%d seeds from %d, %d failed, %d requests, %d events in %.1f s: %.1f seeds/s%n",
        runs, seed, failures, requests, events, seconds, runs / seconds);
    return failures == 0 ? 0 : 1;
  }
}
