package io.cairn.bench.load;

import io.cairn.metadata.options.Sizes;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of {@code cairn load --tier}. */
final class TierOptions {
  /** Below, the ring has too few segments to be smooth. */
  private static final long JOURNAL_MIN_BYTES = 128L << 20;

  private static final long SHORT_JOURNAL_BYTES = JOURNAL_MIN_BYTES;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--tier",
      description =
          "Instead of rows: loads on a cluster whose capacity tier is as fast as this machine, in"
              + " turn with one that slows it down to --tier-iops and --tier-bandwidth.")
  private boolean tier;

  @Option(
      names = "--tier-rows",
      paramLabel = "ROW",
      split = ",",
      description = "With --tier: of " + TierRow.SYNTAX + ", separated by commas. Default: all")
  private List<String> rows;

  @Option(
      names = "--tier-iops",
      paramLabel = "N",
      defaultValue = "200",
      description = "Random requests a second of the slow tier. Default: ${DEFAULT-VALUE}")
  private int iops;

  @Option(
      names = "--tier-bandwidth",
      paramLabel = "S",
      defaultValue = "100MiB",
      description = "Bytes a second of the slow tier. Default: ${DEFAULT-VALUE}")
  private String bandwidth;

  @Option(
      names = "--tier-journal",
      paramLabel = "S",
      defaultValue = "256MiB",
      description =
          "Journal of each of the three nodes, from 128MiB; a burst writes half of it. Default:"
              + " ${DEFAULT-VALUE}")
  private String journal;

  @Option(
      names = "--tier-cache",
      paramLabel = "S",
      defaultValue = "16MiB",
      description =
          "Read cache of each node; half of it is read by Zipf's law. Default: ${DEFAULT-VALUE}")
  private String cache;

  @Option(
      names = "--tier-hot",
      paramLabel = "S",
      defaultValue = "32MiB",
      description = "What is overwritten again and again. Default: ${DEFAULT-VALUE}")
  private String hot;

  @Option(
      names = "--tier-warm-up",
      paramLabel = "N",
      defaultValue = "120",
      description =
          "Most seconds for which the read caches warm up; they are warm when all but one of a"
              + " thousand blocks are hits. Default: ${DEFAULT-VALUE}")
  private int warmUpSeconds;

  boolean chosen() {
    return tier;
  }

  /** What to run on which clusters. */
  TierRun.Settings settings(boolean shortForm, long regionBytes, int seconds, int repeat) {
    if (iops < 1 || warmUpSeconds < 1) {
      throw new ParameterException(spec.commandLine(), "--tier-iops and --tier-warm-up are from 1");
    }
    TierRun.Settings settings =
        new TierRun.Settings(
            shortForm,
            TierRow.parse(rows),
            iops,
            bytes("--tier-bandwidth", bandwidth),
            shortForm ? SHORT_JOURNAL_BYTES : bytes("--tier-journal", journal),
            bytes("--tier-cache", cache),
            bytes("--tier-hot", hot),
            regionBytes,
            seconds,
            repeat,
            warmUpSeconds);
    if (settings.journalBytes() < JOURNAL_MIN_BYTES) {
      throw new ParameterException(spec.commandLine(), "--tier-journal is from 128MiB");
    }
    if (settings.hotBytes() > regionBytes || settings.cacheBytes() / 2 > regionBytes) {
      throw new ParameterException(
          spec.commandLine(), "--size holds neither --tier-hot nor half of --tier-cache");
    }
    return settings;
  }

  private long bytes(String option, String text) {
    try {
      return Sizes.parseBytes(text) >> 20 << 20;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), option + ": " + e.getMessage(), e);
    }
  }
}
