package io.cairn.bench.chaos.nemesis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.client.cli.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PodSettingsTest {
  private static final String MANIFEST =
      """
      kind: Service
      ---
      kind: StatefulSet
      metadata:
        name: cairn-%1$s
      spec:
        template:
          spec:
            terminationGracePeriodSeconds: 7
            containers:
              - args: [%1$s]
                readinessProbe:
                  httpGet: {path: /r}
                livenessProbe:
                  httpGet: {path: /l}
                  initialDelaySeconds: 1
                  periodSeconds: 2
                  timeoutSeconds: 3
                  failureThreshold: 4
      """;

  @TempDir private Path directory;

  @Test
  void readsWhatTheManifestsSayAndWhatKubernetesTakesForTheRest() throws IOException {
    for (Role role : Role.values()) {
      Files.writeString(directory.resolve(role.verb() + ".yaml"), MANIFEST.formatted(role.verb()));
    }
    PodSettings storage = PodSettings.read(directory).get(Role.STORAGE);
    assertEquals(Duration.ofSeconds(7), storage.stopGrace());
    assertEquals(
        new PodSettings.Probe(
            "/r", Duration.ZERO, Duration.ofSeconds(10), Duration.ofSeconds(1), 3),
        storage.readiness());
    assertEquals(
        new PodSettings.Probe(
            "/l", Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(3), 4),
        storage.liveness());
    assertEquals("cairn-storage-0", storage.podName(Role.STORAGE, 0));
  }

  @Test
  void whatHasNoProbeIsRefused() throws IOException {
    for (Role role : Role.values()) {
      Files.writeString(
          directory.resolve(role.verb() + ".yaml"),
          MANIFEST.formatted(role.verb()).replace("livenessProbe", "startupProbe"));
    }
    ChaosFailure refused = assertThrows(ChaosFailure.class, () -> PodSettings.read(directory));
    assertTrue(refused.getMessage().contains("livenessProbe"), refused::toString);
  }

  /** A run treats the processes as this tree's manifests say. */
  @Test
  void theManifestsOfTheTreeHaveThemForEveryRole() {
    Map<Role, PodSettings> pods = PodSettings.ofTree();
    pods.forEach(
        (role, pod) -> {
          assertTrue(pod.stopGrace().isPositive());
          assertEquals("/readyz", pod.readiness().path());
          assertEquals("/healthz", pod.liveness().path());
        });
    assertEquals("cairn-metadata-2", pods.get(Role.METADATA).podName(Role.METADATA, 2));
    assertEquals("gateway-1", pods.get(Role.GATEWAY).podName(Role.GATEWAY, 0));
  }
}
