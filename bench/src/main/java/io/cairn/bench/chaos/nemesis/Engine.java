package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.Tool;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a server's command runs in: nothing, or a container of the product's image on its host's
 * network, with a read-only root file system and no capabilities, whose first process is the server
 * itself.
 *
 * @param image null for none.
 * @param mounts what of this machine a container sees, under the same names.
 */
record Engine(String image, List<Path> mounts) {
  private static final Tool PODMAN = new Tool("podman", "podman");
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /**
   * What docker/Dockerfile sets for a container with volumes; it would count more than the file.
   */
  private static final List<String> DEFAULTS =
      List.of(
          "CAIRN_METADATA_DATA_DIRECTORY",
          "CAIRN_METADATA_HTTP_ADDRESS",
          "CAIRN_STORAGE_DATA_DIRECTORY",
          "CAIRN_STORAGE_HTTP_ADDRESS",
          "CAIRN_GATEWAY_NBD_ADDRESS",
          "CAIRN_GATEWAY_HTTP_ADDRESS");

  Engine {
    mounts = List.copyOf(mounts);
  }

  private boolean isPlain() {
    return image == null;
  }

  /**
   * A command that lasts as long as the server.
   *
   * @param name of this life of the server, never used again.
   * @param javaOptions such as sizes of the heap.
   */
  List<String> command(String name, String javaOptions, String... arguments) {
    if (isPlain()) {
      return Program.command(arguments);
    }
    List<String> command =
        new ArrayList<>(List.of(PODMAN.path().toString(), "run", "--rm", "--name", name));
    command.addAll(List.of("--label", "cairn-chaos", "--no-healthcheck", "--network", "host"));
    command.addAll(List.of("--read-only", "--cap-drop", "all"));
    command.addAll(List.of("--security-opt", "no-new-privileges"));
    // What this program makes for them belongs to root, who has no more rights than that in there.
    command.addAll(List.of("--user", "0:0"));
    for (Path mount : mounts) {
      command.addAll(List.of("--volume", mount + ":" + mount));
    }
    for (String variable : DEFAULTS) {
      command.addAll(List.of("--unsetenv", variable));
    }
    command.addAll(List.of("--env", "CAIRN_JAVA_OPTS=" + javaOptions, image));
    command.addAll(List.of(arguments));
    return command;
  }

  /** The server's own process; waits until there is one. Empty when the command ended. */
  Optional<ProcessHandle> server(String name, Process command) {
    if (isPlain()) {
      return Optional.of(command.toHandle());
    }
    long[] pid = new long[1];
    Await.until(
        name + " has a process",
        LIMIT,
        () -> {
          pid[0] = containerPid(name);
          return pid[0] > 0 || !command.isAlive();
        });
    return ProcessHandle.of(pid[0]);
  }

  /** 0 while there is none. */
  private static long containerPid(String name) {
    Tool.Result answer =
        PODMAN.run(LIMIT, "inspect", "--type", "container", "--format", "{{.State.Pid}}", name);
    return answer.exitCode() == 0 ? Long.parseLong(answer.output().strip()) : 0;
  }
}
