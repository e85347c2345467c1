package io.cairn.bench.load;

import io.cairn.metadata.options.Durations;
import java.time.Duration;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of {@code cairn load --repair}. */
final class RepairOptions {
  /** One more than replicas, so that there is another place for each of the lost ones. */
  private static final int NODES_MIN = CairnTarget.REPLICAS + 1;

  private static final int NODES_MAX = 9;
  private static final int SHORT_SLICE_SECONDS = 1;
  private static final int SLICE_SECONDS = 5;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--repair",
      description =
          "Instead of rows: one of the nodes is killed for good under a paced load of 4 KiB, 70 %%"
              + " reads, on a volume of --size that is half full; latencies before and until all is"
              + " in sync again, and the rate of the repair.")
  private boolean repair;

  @Option(
      names = "--repair-nodes",
      paramLabel = "N",
      defaultValue = "5",
      description = "With --repair: storage nodes before, from 4. Default: ${DEFAULT-VALUE}")
  private int nodes;

  @Option(
      names = "--repair-factor",
      paramLabel = "N",
      defaultValue = "2",
      description =
          "The gateway's repair.latency.factor, and the bound that the figures are compared with;"
              + " 0 for a repair that does not give way. Default: ${DEFAULT-VALUE}")
  private int factor;

  @Option(
      names = "--repair-limit",
      paramLabel = "D",
      defaultValue = "30m",
      description = "Longest time until all is in sync again. Default: ${DEFAULT-VALUE}")
  private String limit;

  boolean chosen() {
    return repair;
  }

  /**
   * What to run.
   *
   * @param sizeBytes of the volume.
   * @param iops of the load.
   * @param seconds of the load before, and those before it that do not count.
   */
  RepairRun.Settings settings(
      boolean shortForm, long sizeBytes, int iops, int seconds, int warmUpSeconds) {
    if (nodes < NODES_MIN || nodes > NODES_MAX || factor < 0) {
      throw new ParameterException(
          spec.commandLine(),
          "--repair-nodes is from " + NODES_MIN + " to " + NODES_MAX + ", --repair-factor from 0");
    }
    Duration longest;
    try {
      longest = Durations.parse(limit);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--repair-limit: " + e.getMessage(), e);
    }
    return new RepairRun.Settings(
        nodes,
        sizeBytes,
        iops,
        seconds,
        warmUpSeconds,
        shortForm ? SHORT_SLICE_SECONDS : SLICE_SECONDS,
        !shortForm,
        factor,
        longest);
  }
}
