package io.cairn.bench.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.metadata.release.Release;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A rolling upgrade as an operator does it: every server is stopped and started from the next
 * release, one at a time, the metadata servers first, and each only when everything is in sync;
 * then the cluster's level is raised.
 *
 * <p>The next release is this build, which says that it is of the next level. Two real ones are
 * played when {@code cairn.launcher} names the launcher of an older tree, from which the cluster
 * runs, and {@value #NEXT} that of the newer one.
 */
public final class RollingUpgrade {
  private static final String NEXT = "cairn.next.launcher";

  /** Servers tell their release every ten seconds. */
  private static final Duration HEARD_OF = Duration.ofSeconds(60);

  private static final Duration IN_SYNC = Duration.ofSeconds(120);

  private RollingUpgrade() {}

  /**
   * Plays it; returns when the level is that of the next release.
   *
   * @param volume what is to be in sync before a storage node is stopped.
   */
  public static void play(RunningCluster cluster, String volume) {
    for (Member member : cluster.members()) {
      if (!member.name().startsWith("metadata")) {
        cluster.awaitInSync(volume, IN_SYNC);
      }
      long begin = System.nanoTime();
      member.install(nextLauncher(), javaOptions(member));
      member.terminate();
      member.restart();
      System.out.printf(
          "%s upgraded, away for %.1f s%n", member.name(), (System.nanoTime() - begin) / 1e9);
    }
    Await.until(
        "every server says that it is new",
        HEARD_OF,
        () -> Program.ask(verb(cluster, "--finalize")) != null,
        () -> String.valueOf(releases(cluster)));
    JsonNode releases = releases(cluster);
    for (JsonNode server : releases.path("servers")) {
      if (server.path("level").asInt() != releases.path("level").asInt()) {
        throw new ChaosFailure("after the upgrade is finalized: " + releases);
      }
    }
    System.out.println("finalized: level " + releases.path("level"));
  }

  private static JsonNode releases(RunningCluster cluster) {
    return Program.ask(verb(cluster));
  }

  private static String[] verb(RunningCluster cluster, String... more) {
    List<String> verb =
        new ArrayList<>(
            List.of("upgrade", "-o", "json", "--metadata", cluster.metadataAddresses()));
    verb.addAll(List.of(more));
    return verb.toArray(String[]::new);
  }

  /** The launcher of the release that the cluster is upgraded to. */
  public static Path nextLauncher() {
    String named = System.getProperty(NEXT);
    return named == null ? Program.launcher() : Path.of(named);
  }

  /** Seven processes share the machine with whoever looks at them. */
  private static List<String> javaOptions(Member member) {
    List<String> options = new ArrayList<>(List.of("-Xss512k"));
    options.add(member.name().startsWith("metadata") ? "-Xmx128m" : "-Xmx256m");
    if (System.getProperty(NEXT) == null) {
      options.add("-Dcairn.release.level=" + (Release.level() + 1));
    }
    return options;
  }
}
