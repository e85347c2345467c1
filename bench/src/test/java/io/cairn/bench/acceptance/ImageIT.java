package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.Tool;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/**
 * The image is built of this build's jars and a cluster of its containers serves a volume: the
 * script {@code docker/image/check} in its short form. Where containers cannot be run, it is
 * skipped, and says why.
 */
class ImageIT {
  private static final Duration LIMIT = Duration.ofMinutes(8);

  /** The script's exit code where it cannot run. */
  private static final int UNABLE = 77;

  @Test
  void clusterOfContainersServesAVolumeWhileOneOfThemDies() {
    Path script = Program.launcher().resolveSibling("docker").resolve("image/check");
    Tool.Result result = new Tool(script.toString(), "this project").run(LIMIT, "--short");
    System.out.println(result);
    assumeTrue(result.exitCode() != UNABLE, result::toString);
    result.ok();
  }
}
