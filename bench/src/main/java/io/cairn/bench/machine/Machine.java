package io.cairn.bench.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The machine, the JDK and the commit of a run.
 *
 * @param processor the model's name as the kernel tells it.
 * @param cores processors that this JVM may use.
 * @param memoryBytes of the whole machine; 0 when it is not known.
 * @param kernel its release.
 * @param virtualization what the processor says about a hypervisor, or "none seen".
 * @param frequency the governor of the first processor, or "not visible".
 * @param fileSystem type of the file system that the data was written to.
 * @param jdk name and version of the JVM.
 * @param commit of the tree; "unknown" outside of one.
 * @param dirty whether the tree had changes that are in no commit.
 * @param jvmFlags what the project's flag file holds.
 * @param began UTC, to the second.
 */
public record Machine(
    String processor,
    int cores,
    long memoryBytes,
    String kernel,
    String virtualization,
    String frequency,
    String fileSystem,
    String jdk,
    String commit,
    boolean dirty,
    List<String> jvmFlags,
    String began) {
  private static final int GIT_SECONDS = 10;

  /**
   * This machine, now.
   *
   * @param root of the source tree, where the flag file lies.
   * @param data a directory on the file system that is measured.
   */
  public static Machine here(Path root, Path data) {
    String cpuInfo = text(Path.of("/proc/cpuinfo"));
    Optional<String> head = git(root, "rev-parse", "HEAD");
    return new Machine(
        field(cpuInfo, "model name").orElse(System.getProperty("os.arch")),
        Runtime.getRuntime().availableProcessors(),
        totalMemoryBytes(),
        text(Path.of("/proc/sys/kernel/osrelease")).strip(),
        cpuInfo.contains(" hypervisor") ? "hypervisor" : "none seen",
        governor(),
        typeOf(data),
        System.getProperty("java.vm.vendor")
            + " "
            + System.getProperty("java.vm.name")
            + " "
            + System.getProperty("java.runtime.version"),
        head.orElse("unknown"),
        git(root, "status", "--porcelain", "--untracked-files=no")
            .map(s -> !s.isEmpty())
            .orElse(false),
        text(root.resolve(".jvm-flags")).lines().filter(line -> !line.isBlank()).toList(),
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
  }

  /** One line for people. */
  public String line() {
    return String.format(
        Locale.ROOT,
        "%s, %d cores, %.1f GiB, %s; %s; commit %s%s",
        processor,
        cores,
        memoryBytes / (double) (1 << 30),
        fileSystem,
        jdk,
        commit.length() > 12 ? commit.substring(0, 12) : commit,
        dirty ? " with changes" : "");
  }

  private static long totalMemoryBytes() {
    return field(text(Path.of("/proc/meminfo")), "MemTotal")
        .map(value -> Long.parseLong(value.split(" ")[0]) * 1024)
        .orElse(0L);
  }

  private static String governor() {
    String governor = text(Path.of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    return governor.isBlank() ? "not visible" : governor.strip();
  }

  private static String typeOf(Path data) {
    try {
      return Files.getFileStore(data).type();
    } catch (IOException e) {
      return "unknown";
    }
  }

  private static Optional<String> field(String text, String name) {
    return text.lines()
        .filter(line -> line.startsWith(name) && line.contains(":"))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst();
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }

  private static Optional<String> git(Path root, String... arguments) {
    ProcessBuilder builder = new ProcessBuilder("git", "-C", root.toString());
    builder.command().addAll(List.of(arguments));
    try {
      Process process = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
      String output =
          new String(
              process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      boolean done = process.waitFor(GIT_SECONDS, TimeUnit.SECONDS);
      return done && process.exitValue() == 0 ? Optional.of(output.strip()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }
}
