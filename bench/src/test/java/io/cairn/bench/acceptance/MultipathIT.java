package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.SecondGateway;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Linux's dm-multipath and multipathd over two gateways: both are killed, one after the other,
 * under a file system that fio writes to and verifies. In the long form only ({@code
 * -Dcairn.acceptance=long}), as the kernel runs without hardware support; by root. What the target
 * does at a failover is in every build: {@link IscsiIT}.
 */
class MultipathIT {
  private static final Duration LIMIT = Duration.ofMinutes(10);

  @TempDir private static Path directory;

  @Test
  void hostGoesOnWhileEitherGatewayDies() throws IOException {
    assumeTrue("long".equals(System.getProperty("cairn.acceptance")), "of the long form");
    assumeTrue("root".equals(System.getProperty("user.name")), "the guest reads the host's root");
    Path script = Program.launcher().resolveSibling("docker").resolve("kernel-client/multipath");
    try (RunningCluster cluster =
            RunningCluster.start(
                new RunningCluster.Settings(
                    directory.resolve("cluster"), true, Map.of("disk", "256MiB")));
        Tool.Running second = SecondGateway.start(cluster, directory, true)) {
      Await.until(
          "the second gateway serves",
          LIMIT,
          () -> second.outputSoFar().contains("gateway runs"),
          second::outputSoFar);
      play(cluster.member("gateway-1"), second, script, cluster);
    }
  }

  private static void play(Member first, Tool.Running second, Path script, RunningCluster cluster) {
    try (Tool.Running guest =
        new Tool(script.toString(), "this project")
            .start(
                directory.resolve("guest.out"),
                "run",
                "iqn.2026-11.io.cairn:disk",
                Integer.toString(cluster.iscsiPort()),
                Integer.toString(cluster.secondIscsiPort()),
                Long.toString(LIMIT.toSeconds() - 60))) {
      guest.awaitSaid("now: kill the first gateway", LIMIT);
      first.kill();
      guest.awaitSaid("now: start the first gateway again", LIMIT);
      first.restart();
      guest.awaitSaid("now: kill the second gateway", LIMIT);
      second.handle().destroyForcibly();
      Tool.Result result = guest.await(LIMIT);
      System.out.println(result.output());
      assertEquals(0, result.exitCode(), result.toString());
    }
  }
}
