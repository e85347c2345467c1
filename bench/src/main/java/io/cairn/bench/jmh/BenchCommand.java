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
          + " write and read, each with the bytes that it allocates.",
      "What invalidates a figure stands in bench/docs/measuring.md."
    },
    mixinStandardHelpOptions = true)
public final class BenchCommand implements Callable<Integer> {
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
      split = ",",
      defaultValue = "throughput,latency",
      description =
          "Mean time of an operation, operations in a time, or the percentiles of single ones;"
              + " several by commas. Default: ${DEFAULT-VALUE}")
  private List<Form> forms;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Of one iteration. Default: ${DEFAULT-VALUE}",
      defaultValue = "1")
  private int seconds;

  @Option(
      names = "--warm-ups",
      paramLabel = "N",
      description = "Iterations of each JVM that do not count. Default: ${DEFAULT-VALUE}",
      defaultValue = "2")
  private int warmUps;

  @Option(
      names = "--iterations",
      paramLabel = "N",
      description = "Of each JVM that count. Default: ${DEFAULT-VALUE}",
      defaultValue = "3")
  private int iterations;

  @Option(
      names = "--forks",
      paramLabel = "N",
      description = "JVMs per benchmark, one after the other. Default: ${DEFAULT-VALUE}",
      defaultValue = "2")
  private int forks;

  @Option(
      names = "--directory",
      description = "Where the journals lie: the device that is measured.")
  private Path directory;

  @Option(
      names = "--save",
      paramLabel = "FILE",
      description =
          "Stores the run as JSON, with the machine and the commit. What the file has of the same"
              + " machine and commit stays, unless it was measured again: a long run may be made in"
              + " parts.")
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
    StoredRun before = against == null ? null : read(against);
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(pattern)
            .forks(forks)
            .warmupIterations(warmUps)
            .warmupTime(TimeValue.seconds(seconds))
            .measurementIterations(iterations)
            .measurementTime(TimeValue.seconds(seconds))
            .addProfiler(GCProfiler.class)
            .shouldFailOnError(true);
    forms.forEach(form -> options.mode(form.mode));
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
                warmUps,
                seconds,
                iterations,
                seconds),
            results);
    if (now.figures().isEmpty()) {
      throw new CommandFailure("no benchmark is called like '" + pattern + "'");
    }
    if (save != null) {
      Files.writeString(save, (Files.exists(save) ? now.joined(read(save)) : now).json());
    }
    PrintWriter out = spec.commandLine().getOut();
    List<String> lines = now.beside(before);
    lines.forEach(out::println);
    out.flush();
    return 0;
  }

  private static StoredRun read(Path file) {
    try {
      return StoredRun.parse(Files.readString(file));
    } catch (IOException e) {
      throw new CommandFailure(file + " is no stored run: " + e.getMessage(), e);
    }
  }
}
