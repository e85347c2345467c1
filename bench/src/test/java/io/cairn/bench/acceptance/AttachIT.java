package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RollingUpgrade;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code cairn attach} in a real Linux: the gateway is stopped and started, then killed and
 * started, under a file system that fio writes to and verifies; what keeps the device connected is
 * killed as well. Then every server of the cluster is upgraded below that file system. It needs
 * root and a tun device; elsewhere it is skipped.
 */
class AttachIT {
  private static final Duration LIMIT = Duration.ofMinutes(8);

  private static final String UPGRADE =
      "now: restart every server, one at a time, then make the file ";

  @TempDir private static Path directory;

  @Test
  void fileSystemGoesOnWhileServersAreRestartedAndUpgraded() throws IOException {
    assumeTrue(
        "root".equals(System.getProperty("user.name")) && Files.exists(Path.of("/dev/net/tun")),
        "the kernel's client is tried only by root and with /dev/net/tun");
    Path launcher = Program.launcher();
    Path script =
        RollingUpgrade.nextLauncher()
            .resolveSibling("docker")
            .resolve("kernel-client/kernel-client");
    try (RunningCluster cluster =
            RunningCluster.start(
                new RunningCluster.Settings(
                    directory.resolve("cluster"), true, Map.of("disk", "512MiB")));
        Tool.Running guest =
            new Tool(script.toString(), "this project")
                .start(
                    directory.resolve("guest.out"),
                    "attach",
                    cluster.uri("disk"),
                    launcher.toString(),
                    Long.toString(LIMIT.toSeconds() - 60))) {
      Member gateway = cluster.member("gateway-1");
      guest.awaitSaid("now: stop the gateway", LIMIT);
      gateway.terminate();
      gateway.restart();
      guest.awaitSaid("now: kill the gateway", LIMIT);
      gateway.kill();
      gateway.restart();
      guest.awaitSaid(UPGRADE, LIMIT);
      if (guest.isAlive()) {
        RollingUpgrade.play(cluster, "disk");
        Files.createFile(fileToMake(guest.outputSoFar()));
      }
      Tool.Result result = guest.await(LIMIT);
      System.out.println(result.output());
      assertEquals(0, result.exitCode(), result.toString());
    }
  }

  private static Path fileToMake(String output) {
    int begin = output.indexOf(UPGRADE) + UPGRADE.length();
    return Path.of(output.substring(begin, output.indexOf('\n', begin)).strip());
  }
}
