package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Namespaces of network, mounts and processes in which a whole run lives: whatever it makes there,
 * and whatever it starts, ends with it, also when it is killed.
 */
public final class Namespaces {
  private static final Tool UNSHARE = new Tool("unshare", "util-linux");
  private static final List<String> ALL =
      List.of("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc");
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private Namespaces() {}

  /** Null when they can be made here, else why not. */
  public static String hindrance() {
    List<String> probe = new ArrayList<>(ALL);
    probe.addAll(List.of("sh", "-c", "ip link add cairn0 type bridge && iptables --list INPUT"));
    Tool.Result result = UNSHARE.run(LIMIT, probe.toArray(String[]::new));
    return result.exitCode() == 0 ? null : result.output().strip();
  }

  /** Runs a command in new ones, with this program's output; returns its exit code. */
  public static int run(List<String> command) throws IOException {
    List<String> line = new ArrayList<>();
    line.add(UNSHARE.path().toString());
    line.addAll(ALL);
    line.addAll(command);
    // The command's input is a pipe that ends with this program: then it ends as well.
    ProcessBuilder builder =
        new ProcessBuilder(line)
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    Process process = builder.start();
    Thread end = Thread.ofPlatform().unstarted(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(end);
    try {
      int exitCode = process.waitFor();
      Runtime.getRuntime().removeShutdownHook(end);
      return exitCode;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }

  /** Ends this program when the one that made the namespaces is gone. */
  static void endWithTheMaker() {
    Thread.ofPlatform()
        .daemon()
        .name("maker")
        .start(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  continue;
                }
              } catch (IOException e) {
                // It is gone as well.
                System.err.println("the program that made the namespaces: " + e.getMessage());
              }
              Runtime.getRuntime().halt(1);
            });
  }
}
