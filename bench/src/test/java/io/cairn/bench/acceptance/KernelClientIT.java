package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real Linux attaches an export by nbd-client, and makes, fills and checks ext4 and xfs on it:
 * the script of {@code docker/kernel-client}. It needs root and a tun device; elsewhere it is
 * skipped.
 */
class KernelClientIT {
  private static final Duration LIMIT = Duration.ofMinutes(8);

  @TempDir private static Path directory;

  @Test
  void linuxUsesExportAndLogicalUnit() {
    assumeTrue(
        "root".equals(System.getProperty("user.name")) && Files.exists(Path.of("/dev/net/tun")),
        "the kernel's client is tried only by root and with /dev/net/tun");
    try (RunningCluster cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), false, Map.of("disk", "512MiB", "lun", "512MiB")))) {
      run("ext4,xfs", cluster.uri("disk"));
      run("ext4", cluster.iscsiUri("lun"));
    }
  }

  private static void run(String fileSystems, String uri) {
    Path script =
        Program.launcher().resolveSibling("docker").resolve("kernel-client/kernel-client");
    System.out.println(
        new Tool("env", "coreutils")
            .run(
                LIMIT,
                "FILE_SYSTEMS=" + fileSystems,
                script.toString(),
                "run",
                uri,
                Long.toString(LIMIT.toSeconds() - 60))
            .ok()
            .output());
  }
}
