package io.cairn.bench.jmh;

import io.cairn.bench.chaos.Program;
import io.cairn.bench.machine.Machine;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn bench}: runs the microbenchmarks of the hot rooms. */
@Command(
    name = "bench",
    description = {
      "Measures the hot rooms: journal, destaging, wire, checksums, NBD, session, a replicated"
          + " write, each with the bytes that it allocates.",
      "What invalidates a figure stands in bench/docs/measuring.md."
    },
    mixinStandardHelpOptions = true)
public final class BenchCommand implements Callable<Integer> {
  private static final int WARM_UPS = 3;
  private static final int MEASUREMENTS = 5;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "REGEX",
      description = "Which benchmarks; all unless given.",
      defaultValue = "io.cairn.bench.jmh.*")
  private String pattern;

  @Option(
      names = "--mode",
      paramLabel = "average|throughput|latency",
      defaultValue = "average",
      description =
          "Mean time of an operation, operations in a time, or the percentiles of single ones."
              + " Default: ${DEFAULT-VALUE}")
  private Form form;

  @Option(
      names = "--seconds",
      description = "Seconds of one iteration; there are 3 to warm up and 5 to measure.",
      defaultValue = "1")
  private int seconds;

  @Option(names = "--forks", description = "JVMs per benchmark, one after the other.")
  private int forks = 1;

  @Option(
      names = "--directory",
      description = "Where the journals lie: the device that is measured.")
  private Path directory;

  @Option(
      names = "--save",
      paramLabel = "FILE",
      description = "Stores the run as JSON, with the machine and the commit.")
  private Path save;

  @Option(
      names = "--against",
      paramLabel = "FILE",
      description = "A stored run, to print the change beside.")
  private Path against;

  /** What is measured of an operation. */
  enum Form {
    /** Mean time. */
    AVERAGE(Mode.AverageTime),
    /** Operations in a time. */
    THROUGHPUT(Mode.Throughput),
    /** Percentiles of single operations. */
    LATENCY(Mode.SampleTime);

    private final Mode mode;

    Form(Mode mode) {
      this.mode = mode;
    }
  }

  @Override
  public Integer call() throws RunnerException, IOException {
    StoredRun before = against == null ? null : read();
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(pattern)
            .mode(form.mode)
            .forks(forks)
            .warmupIterations(WARM_UPS)
            .warmupTime(TimeValue.seconds(seconds))
            .measurementIterations(MEASUREMENTS)
            .measurementTime(TimeValue.seconds(seconds))
            .addProfiler(GCProfiler.class)
            .shouldFailOnError(true);
    if (directory != null) {
      options.jvmArgsAppend("-D" + ScratchStore.DIRECTORY + "=" + directory.toAbsolutePath());
    }
    Collection<RunResult> results = new Runner(options.build()).run();
    Path data = directory == null ? Path.of(System.getProperty("java.io.tmpdir")) : directory;
    StoredRun now =
        StoredRun.of(
            Machine.here(Program.launcher().getParent(), data),
            String.format(
                Locale.ROOT,
                "%d forks, %d x %d s to warm up, %d x %d s",
                forks,
                WARM_UPS,
                seconds,
                MEASUREMENTS,
                seconds),
            results);
    if (save != null) {
      Files.writeString(save, now.json());
    }
    PrintWriter out = spec.commandLine().getOut();
    List<String> lines = now.beside(before);
    lines.forEach(out::println);
    out.flush();
    return 0;
  }

  private StoredRun read() {
    try {
      return StoredRun.parse(Files.readString(against));
    } catch (IOException e) {
      throw new CommandFailure("--against " + against + ": " + e.getMessage(), e);
    }
  }
}
