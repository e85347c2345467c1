package io.cairn.client.dev;

import io.cairn.client.cli.CommandFailure;
import io.cairn.client.cli.Logging;
import io.cairn.client.cli.StopSignal;
import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;

/**
 * {@code cairn train}: starts a cluster for a moment, so that the JVM sees every class that a start
 * needs. The launcher runs it after a build with {@code -XX:ArchiveClassesAtExit}: all later starts
 * take these classes from the archive, which halves what they cost.
 */
@Command(name = "train", hidden = true, description = "Starts a cluster for a moment.")
public final class TrainCommand implements Callable<Integer> {
  private static final int BASE_PORT_MIN = 20_000;
  private static final int BASE_PORT_RANGE = 10_000;
  private static final int ATTEMPTS = 20;

  @Override
  public Integer call() throws Exception {
    Path directory = Files.createTempDirectory("cairn-train");
    try (StopSignal signal = new StopSignal()) {
      DevLayout layout = freeLayout(directory);
      Files.createDirectories(layout.runDirectory());
      Logging.ofProcess(layout.runDirectory().resolve("dev.log"));
      try (DevCluster cluster = EmbeddedCluster.start(layout, Map.of());
          MetadataClient client =
              RatisMetadataClient.connect(
                  new SecureRandom().nextLong(),
                  layout.metadataAddresses(),
                  Duration.ofSeconds(10))) {
        signal.started();
        new DevReadiness(layout, cluster, client, signal)
            .await(List.of(new DevVolume("train", 64 << 20)), note -> {});
      }
      return 0;
    } finally {
      delete(directory);
    }
  }

  /** A layout with ports of which none is in use. */
  static DevLayout freeLayout(Path directory) {
    SecureRandom random = new SecureRandom();
    for (int attempt = 1; ; attempt++) {
      int basePort = BASE_PORT_MIN + random.nextInt(BASE_PORT_RANGE);
      DevLayout layout =
          new DevLayout(
              directory,
              3,
              new Address("127.0.0.1", basePort + DevLayout.PORT_SPAN + 1),
              Optional.empty(),
              basePort);
      try {
        FreePorts.check(layout);
        return layout;
      } catch (CommandFailure e) {
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
