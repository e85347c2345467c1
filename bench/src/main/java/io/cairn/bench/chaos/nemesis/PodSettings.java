package io.cairn.bench.chaos.nemesis;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.Program;
import io.cairn.client.cli.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;

/**
 * What Kubernetes is told to do with a role's pods: read from the manifests, so that the processes
 * of a run are treated as they say, and a setting that kills who is well is found.
 *
 * @param kind StatefulSet or DaemonSet.
 * @param name of that.
 * @param stopGrace from SIGTERM to SIGKILL.
 */
record PodSettings(String kind, String name, Duration stopGrace, Probe readiness, Probe liveness) {
  private static final String MANIFESTS = "docker/kubernetes/base";

  /**
   * One probe; what a manifest leaves out is as Kubernetes has it.
   *
   * @param initialDelay from the start of the container to the first one.
   * @param failureThreshold so many failures in a row count.
   */
  record Probe(
      String path, Duration initialDelay, Duration period, Duration timeout, int failureThreshold) {
    private static Probe read(JsonNode container, String name) {
      JsonNode probe = container.path(name);
      String path = probe.path("httpGet").path("path").asText();
      if (path.isEmpty()) {
        throw new ChaosFailure(MANIFESTS + " has a container without a " + name + " by HTTP");
      }
      return new Probe(
          path,
          Duration.ofSeconds(probe.path("initialDelaySeconds").asLong(0)),
          Duration.ofSeconds(probe.path("periodSeconds").asLong(10)),
          Duration.ofSeconds(probe.path("timeoutSeconds").asLong(1)),
          probe.path("failureThreshold").asInt(3));
    }

    /** The longest time from the end of a server's answers to what that leads to. */
    Duration worst() {
      return initialDelay.plus(period.plus(timeout).multipliedBy(failureThreshold));
    }
  }

  /** The settings of each role, by the manifests of this tree. */
  static Map<Role, PodSettings> ofTree() {
    return read(Program.launcher().resolveSibling(MANIFESTS));
  }

  /** The settings of each role, by the manifests of a directory. */
  static Map<Role, PodSettings> read(Path directory) {
    Map<Role, PodSettings> settings = new EnumMap<>(Role.class);
    for (Role role : Role.values()) {
      settings.put(role, read(role, directory.resolve(role.verb() + ".yaml")));
    }
    return settings;
  }

  private static PodSettings read(Role role, Path file) {
    try (var documents =
        new YAMLMapper().readerFor(JsonNode.class).<JsonNode>readValues(file.toFile())) {
      while (documents.hasNext()) {
        JsonNode document = documents.next();
        JsonNode pod = document.path("spec").path("template").path("spec");
        for (JsonNode container : pod.path("containers")) {
          if (container.path("args").path(0).asText().equals(role.verb())) {
            return new PodSettings(
                document.path("kind").asText(),
                document.path("metadata").path("name").asText(),
                Duration.ofSeconds(pod.path("terminationGracePeriodSeconds").asLong(30)),
                Probe.read(container, "readinessProbe"),
                Probe.read(container, "livenessProbe"));
          }
        }
      }
    } catch (IOException e) {
      throw new ChaosFailure(file + " cannot be read", e);
    }
    throw new ChaosFailure(file + " has no container that runs the role " + role.verb());
  }

  /**
   * What the pod is called: a StatefulSet's by their ordinals, from 0; a DaemonSet's servers go by
   * the names of their hosts, which count from 1.
   */
  String podName(Role role, int ordinal) {
    return kind.equals("StatefulSet") ? name + "-" + ordinal : role.verb() + "-" + (ordinal + 1);
  }
}
