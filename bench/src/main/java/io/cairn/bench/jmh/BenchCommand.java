package io.cairn.bench.jmh;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn bench}: runs the microbenchmarks of the hot rooms. */
@Command(
    name = "bench",
    description = "Measures the hot rooms: journal, wire, checksums, NBD.",
    mixinStandardHelpOptions = true)
public final class BenchCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "REGEX",
      description = "Which benchmarks; all unless given.",
      defaultValue = "io.cairn.bench.jmh.*")
  private String pattern;

  @Option(
      names = "--allocations",
      description = "Shows bytes allocated per operation (gc.alloc.rate.norm).")
  private boolean allocations;

  @Option(
      names = "--seconds",
      description = "Seconds of one iteration; there are 3 to warm up and 5 to measure.",
      defaultValue = "1")
  private int seconds;

  @Option(names = "--forks", description = "JVMs per benchmark, one after the other.")
  private int forks = 1;

  @Option(
      names = "--directory",
      description = "Where the journal's benchmarks write: the device that is measured.")
  private Path directory;

  @Override
  public Integer call() throws RunnerException {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(pattern)
            .forks(forks)
            .warmupIterations(3)
            .warmupTime(TimeValue.seconds(seconds))
            .measurementIterations(5)
            .measurementTime(TimeValue.seconds(seconds))
            .shouldFailOnError(true);
    if (allocations) {
      options.addProfiler(GCProfiler.class);
    }
    if (directory != null) {
      options.jvmArgsAppend("-D" + JournalBenchmark.DIRECTORY + "=" + directory.toAbsolutePath());
    }
    new Runner(options.build()).run();
    return 0;
  }
}
