package io.cairn.client.dev;

import io.cairn.client.cli.Cairn;
import io.cairn.client.cli.Role;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A dev cluster with one process per member. For each member the run directory holds {@code
 * NAME.pid}, {@code NAME.cmd} and {@code NAME.log}. The command starts the member again, in the
 * foreground of whoever runs it by {@code sh}, with its output in the log and its process id in the
 * pid file. A member that somebody kills stays dead until somebody starts it; whoever runs under
 * the recorded pid when the cluster stops is stopped with it, if it is still that member.
 */
final class ProcessCluster implements DevCluster {
  /** For each kind of member to stop; after it the member is killed. */
  private static final long STOP_MILLIS = 7_000;

  private static final int LOG_TAIL_BYTES = 4_096;

  private final DevLayout layout;

  private ProcessCluster(DevLayout layout) {
    this.layout = layout;
  }

  /** Starts all members. */
  static ProcessCluster start(DevLayout layout) throws IOException {
    ProcessCluster cluster = new ProcessCluster(layout);
    try {
      layout.writeSettings();
      for (DevLayout.Member member : layout.members()) {
        cluster.launch(member);
      }
      return cluster;
    } catch (IOException | RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  /** The members of an earlier run that are still alive, like "storage-1 (pid 42)". */
  static List<String> survivors(DevLayout layout) {
    ProcessCluster cluster = new ProcessCluster(layout);
    List<String> alive = new ArrayList<>();
    for (DevLayout.Member member : layout.members()) {
      cluster
          .process(member)
          .ifPresent(process -> alive.add(member.name() + " (pid " + process.pid() + ")"));
    }
    return alive;
  }

  private void launch(DevLayout.Member member) throws IOException {
    List<String> java = javaCommand(member);
    String line =
        java.stream().map(ProcessCluster::quoted).reduce((a, b) -> a + " " + b).orElseThrow();
    String run =
        "echo $$ > "
            + quoted(pidFile(member).toString())
            + "; exec "
            + line
            + " >> "
            + quoted(logFile(member).toString())
            + " 2>&1 < /dev/null";
    // A shell of its own: whoever reads the line into his shell keeps that shell.
    Files.writeString(
        layout.runDirectory().resolve(member.name() + ".cmd"), "sh -c " + quoted(run) + "\n");
    // Ctrl-C and a closed terminal are for cairn dev, which stops the members in good order.
    Process process = new ProcessBuilder("sh", "-c", "trap '' INT HUP; " + run).start();
    // The shell writes the same, but perhaps only after somebody has looked.
    Files.writeString(pidFile(member), process.pid() + "\n");
  }

  /** The command line of a member, with the flags of this very JVM and a heap that fits. */
  private List<String> javaCommand(DevLayout.Member member) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String argument : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (argument.startsWith("--")
          || argument.startsWith("-Dcairn.")
          || argument.startsWith("-Dio.netty.")
          || argument.startsWith("-Djava.library.path=")
          || argument.startsWith("-XX:SharedArchiveFile=")
          || argument.startsWith("-Xlog:")) {
        command.add(argument);
      }
    }
    command.addAll(jvmFlags(member.role()));
    command.add("-cp");
    // The launcher's is one directory, much shorter than all that is in it.
    command.add(System.getProperty("cairn.class.path", System.getProperty("java.class.path")));
    command.add(Cairn.class.getName());
    command.add(member.role().verb());
    command.add("--config");
    command.add(layout.configFile(member).toString());
    return command;
  }

  /**
   * What the launcher would start the role with, if it started this JVM; and sizes, so that three
   * metadata servers, three nodes and a gateway fit into 4 GiB.
   */
  private static List<String> jvmFlags(Role role) {
    List<String> flags = new ArrayList<>();
    String launcher = System.getProperty("cairn.jvm.flags");
    if (launcher != null) {
      flags.add("@" + Path.of(launcher, ".jvm-flags-server"));
      if (role == Role.METADATA) {
        flags.add("@" + Path.of(launcher, ".jvm-flags-metadata"));
      } else {
        flags.add("@" + Path.of(launcher, ".jvm-flags-data"));
        flags.add("-XX:CompilerDirectivesFile=" + Path.of(launcher, ".jvm-compiler"));
      }
    }
    flags.add("-Xss512k");
    switch (role) {
      case METADATA -> flags.addAll(List.of("-Xms16m", "-Xmx128m", "-XX:MaxDirectMemorySize=64m"));
      // Its live data are 110 MiB with the most of pages that it keeps; the rest is for bursts.
      case STORAGE ->
          flags.addAll(
              List.of(
                  "-Xms32m",
                  "-Xmx256m",
                  "-XX:SoftMaxHeapSize=160m",
                  "-XX:ZUncommitDelay=60",
                  "-XX:MaxDirectMemorySize=256m"));
      case GATEWAY -> flags.addAll(List.of("-Xms32m", "-Xmx256m", "-XX:MaxDirectMemorySize=512m"));
    }
    return flags;
  }

  private static String quoted(String word) {
    return word.matches("[A-Za-z0-9_@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  @Override
  public String failure() {
    for (DevLayout.Member member : layout.members()) {
      if (process(member).isEmpty()) {
        return member.name()
            + " ended while the cluster started: "
            + lastLine(logFile(member))
            + " (all of it is in "
            + logFile(member)
            + ")";
      }
    }
    return null;
  }

  private static String lastLine(Path log) {
    try {
      byte[] all = Files.readAllBytes(log);
      int from = Math.max(0, all.length - LOG_TAIL_BYTES);
      String tail =
          new String(all, from, all.length - from, java.nio.charset.StandardCharsets.UTF_8);
      return tail.isBlank() ? "it said nothing" : tail.strip().lines().toList().getLast();
    } catch (IOException e) {
      return "its log cannot be read";
    }
  }

  /** The gateway goes first, so that it can give its volumes up while the others still serve. */
  @Override
  public void close() {
    for (Role role : List.of(Role.GATEWAY, Role.STORAGE, Role.METADATA)) {
      List<DevLayout.Member> members =
          layout.members().stream().filter(member -> member.role() == role).toList();
      List<ProcessHandle> stopping = new ArrayList<>();
      for (DevLayout.Member member : members) {
        process(member).ifPresent(stopping::add);
      }
      stopping.forEach(ProcessHandle::destroy);
      awaitEnd(stopping);
      for (DevLayout.Member member : members) {
        try {
          Files.deleteIfExists(pidFile(member));
        } catch (IOException e) {
          System.err.println("cairn: " + pidFile(member) + " cannot be removed: " + e.getMessage());
        }
      }
    }
  }

  private static void awaitEnd(List<ProcessHandle> processes) {
    long deadlineNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(STOP_MILLIS);
    for (ProcessHandle process : processes) {
      try {
        long leftNanos = Math.max(0, deadlineNanos - System.nanoTime());
        process.onExit().get(leftNanos, TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (ExecutionException | TimeoutException e) {
        process.destroyForcibly();
        process.onExit().join();
      }
    }
  }

  /** The member's live process; a pid that now belongs to another program does not count. */
  private Optional<ProcessHandle> process(DevLayout.Member member) {
    try {
      long pid = Long.parseLong(Files.readString(pidFile(member)).trim());
      String config = layout.configFile(member).toString();
      return ProcessHandle.of(pid)
          .filter(ProcessHandle::isAlive)
          .filter(process -> commandLine(process).contains(config));
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static String commandLine(ProcessHandle process) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"))
          .replace('\0', ' ');
    } catch (IOException e) {
      return process.info().commandLine().orElse("");
    }
  }

  private Path pidFile(DevLayout.Member member) {
    return layout.runDirectory().resolve(member.name() + ".pid");
  }

  private Path logFile(DevLayout.Member member) {
    return layout.runDirectory().resolve(member.name() + ".log");
  }
}
