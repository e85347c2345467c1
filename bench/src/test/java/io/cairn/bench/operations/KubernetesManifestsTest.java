package io.cairn.bench.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cairn.client.gateway.GatewayOptions;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.server.MetadataOptions;
import io.cairn.storage.node.StorageOptions;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The manifests are what Kubernetes takes, and set what the roles take. */
class KubernetesManifestsTest {
  private static List<HasMetadata> base() throws IOException {
    List<HasMetadata> objects = new ArrayList<>();
    JsonNode kustomization =
        new YAMLMapper().readTree(Packaging.text("kubernetes/base/kustomization.yaml"));
    for (JsonNode file : kustomization.path("resources")) {
      for (JsonNode document :
          KubernetesManifests.documents(Packaging.text("kubernetes/base/" + file.asText()))) {
        objects.add(KubernetesManifests.object(document));
      }
    }
    return objects;
  }

  private static <T> List<T> only(Class<T> type) throws IOException {
    return base().stream().filter(type::isInstance).map(type::cast).toList();
  }

  private static List<PodTemplateSpec> pods() throws IOException {
    List<PodTemplateSpec> pods = new ArrayList<>();
    only(StatefulSet.class).forEach(set -> pods.add(set.getSpec().getTemplate()));
    only(DaemonSet.class).forEach(set -> pods.add(set.getSpec().getTemplate()));
    assertEquals(3, pods.size());
    return pods;
  }

  private static Container container(PodTemplateSpec pod) {
    assertEquals(1, pod.getSpec().getContainers().size());
    return pod.getSpec().getContainers().getFirst();
  }

  private static String role(PodTemplateSpec pod) {
    return pod.getMetadata().getLabels().get("app.kubernetes.io/component");
  }

  /** What the process finds in its environment, on a host and in a pod of some name. */
  private static Map<String, String> environment(Container container, String podName) {
    Map<String, String> values = new LinkedHashMap<>();
    for (EnvVar variable : container.getEnv()) {
      String value = variable.getValue();
      if (value == null) {
        String path = variable.getValueFrom().getFieldRef().getFieldPath();
        value =
            switch (path) {
              case "metadata.name" -> podName;
              case "spec.nodeName" -> "host-a";
              default -> throw new AssertionError(path);
            };
      }
      for (Map.Entry<String, String> before : values.entrySet()) {
        value = value.replace("$(" + before.getKey() + ")", before.getValue());
      }
      assertFalse(value.contains("$("), variable + " names what is not set before it");
      values.put(variable.getName(), value);
    }
    return values;
  }

  @Test
  void aFieldThatTheSchemaLacksIsRefused() throws IOException {
    JsonNode service = KubernetesManifests.documents(metadataFile()).getFirst();
    KubernetesManifests.object(service);
    ((ObjectNode) service.path("spec")).put("clusterIp", "None");
    assertThrows(IOException.class, () -> KubernetesManifests.object(service));
  }

  private static String metadataFile() {
    return Packaging.text("kubernetes/base/metadata.yaml");
  }

  @Test
  void everyRoleTakesItsEnvironment() throws IOException {
    for (PodTemplateSpec pod : pods()) {
      String role = role(pod);
      assertEquals(List.of(role), container(pod).getArgs());
      OptionValues values =
          RoleSettings.read(role, environment(container(pod), "cairn-" + role + "-1"));
      switch (role) {
        case "metadata" ->
            assertTrue(
                values.get(MetadataOptions.GROUP).contains(values.get(MetadataOptions.ADDRESS)));
        case "storage" -> {
          assertEquals(
              "cairn-storage-1.cairn-storage:7140",
              values.get(StorageOptions.ADVERTISED_ADDRESS).get().toString());
          assertEquals(3, values.get(StorageOptions.METADATA_ADDRESSES).size());
        }
        default -> assertEquals(3, values.get(GatewayOptions.METADATA_ADDRESSES).size());
      }
    }
  }

  @Test
  void theGroupIsThePodsOfTheMetadataSetByTheirStableNames() throws IOException {
    StatefulSet set =
        only(StatefulSet.class).stream()
            .filter(s -> s.getMetadata().getName().equals("cairn-metadata"))
            .findFirst()
            .orElseThrow();
    List<String> names = new ArrayList<>();
    for (int ordinal = 0; ordinal < set.getSpec().getReplicas(); ordinal++) {
      names.add(
          set.getMetadata().getName()
              + "-"
              + ordinal
              + "."
              + set.getSpec().getServiceName()
              + ":7120");
    }
    for (PodTemplateSpec pod : pods()) {
      Map<String, String> environment = environment(container(pod), "cairn-metadata-0");
      String group =
          environment.entrySet().stream()
              .filter(e -> e.getKey().matches("CAIRN_\\w+_METADATA_(GROUP|ADDRESSES)"))
              .findFirst()
              .orElseThrow()
              .getValue();
      assertEquals(String.join(",", names), group, role(pod));
    }
  }

  @Test
  void everyStatefulSetHasItsHeadlessServiceBudgetAndClaims() throws IOException {
    for (StatefulSet set : only(StatefulSet.class)) {
      String name = set.getMetadata().getName();
      Map<String, String> labels = set.getSpec().getTemplate().getMetadata().getLabels();
      assertEquals(labels, set.getSpec().getSelector().getMatchLabels());
      Service service =
          only(Service.class).stream()
              .filter(s -> s.getMetadata().getName().equals(set.getSpec().getServiceName()))
              .findFirst()
              .orElseThrow();
      assertEquals("None", service.getSpec().getClusterIP());
      assertTrue(service.getSpec().getPublishNotReadyAddresses(), "names before readiness");
      assertEquals(labels, service.getSpec().getSelector());
      PodDisruptionBudget budget =
          only(PodDisruptionBudget.class).stream()
              .filter(b -> b.getMetadata().getName().equals(name))
              .findFirst()
              .orElseThrow();
      assertEquals(labels, budget.getSpec().getSelector().getMatchLabels());
      assertEquals(1, budget.getSpec().getMaxUnavailable().getIntVal());
      List<String> mounts =
          container(set.getSpec().getTemplate()).getVolumeMounts().stream()
              .map(m -> m.getName())
              .toList();
      set.getSpec()
          .getVolumeClaimTemplates()
          .forEach(claim -> assertTrue(mounts.contains(claim.getMetadata().getName())));
      assertFalse(
          set.getSpec()
              .getTemplate()
              .getSpec()
              .getAffinity()
              .getPodAntiAffinity()
              .getRequiredDuringSchedulingIgnoredDuringExecution()
              .isEmpty(),
          name + ": no two on one host");
      assertFalse(set.getSpec().getTemplate().getSpec().getTopologySpreadConstraints().isEmpty());
    }
  }

  @Test
  void probesAskWhatTheyAreForAndLivenessIsPatient() throws IOException {
    for (PodTemplateSpec pod : pods()) {
      Container container = container(pod);
      List<String> ports = container.getPorts().stream().map(ContainerPort::getName).toList();
      Probe ready = container.getReadinessProbe();
      Probe alive = container.getLivenessProbe();
      assertEquals("/readyz", ready.getHttpGet().getPath());
      // It says "ok" as long as the process can answer, whatever the node repairs or waits for.
      assertEquals("/healthz", alive.getHttpGet().getPath());
      assertTrue(ports.contains(ready.getHttpGet().getPort().getStrVal()));
      assertTrue(ports.contains(alive.getHttpGet().getPort().getStrVal()));
      assertTrue(alive.getPeriodSeconds() * alive.getFailureThreshold() >= 60, role(pod));
    }
  }

  @Test
  void aGatewayHasTimeToGiveItsVolumesUp() throws IOException {
    for (PodTemplateSpec pod : pods()) {
      if (role(pod).equals("gateway")) {
        long stopSeconds =
            RoleSettings.read("gateway", environment(container(pod), "g"))
                .get(GatewayOptions.STOP_TIMEOUT)
                .toSeconds();
        assertTrue(pod.getSpec().getTerminationGracePeriodSeconds() >= stopSeconds + 15);
      }
    }
  }

  @Test
  void noPodMayMoreThanItMust() throws IOException {
    for (PodTemplateSpec pod : pods()) {
      assertTrue(pod.getSpec().getSecurityContext().getRunAsNonRoot(), role(pod));
      assertEquals(
          "RuntimeDefault", pod.getSpec().getSecurityContext().getSeccompProfile().getType());
      assertFalse(pod.getSpec().getAutomountServiceAccountToken(), role(pod));
      Container container = container(pod);
      assertTrue(container.getSecurityContext().getReadOnlyRootFilesystem(), role(pod));
      assertFalse(container.getSecurityContext().getAllowPrivilegeEscalation(), role(pod));
      assertEquals(
          List.of("ALL"), container.getSecurityContext().getCapabilities().getDrop(), role(pod));
      assertTrue(container.getResources().getRequests().containsKey("memory"), role(pod));
      assertTrue(container.getResources().getLimits().containsKey("memory"), role(pod));
      assertFalse(container.getResources().getLimits().containsKey("cpu"), role(pod));
      assertTrue(
          only(NetworkPolicy.class).stream()
              .anyMatch(
                  policy ->
                      policy
                          .getSpec()
                          .getPodSelector()
                          .getMatchLabels()
                          .equals(pod.getMetadata().getLabels())),
          role(pod) + " has a network policy");
    }
  }

  @Test
  void theJournalsOfANodeFitIntoItsMemoryAndItsCache() throws IOException {
    StatefulSet set =
        only(StatefulSet.class).stream()
            .filter(s -> s.getMetadata().getName().equals("cairn-storage"))
            .findFirst()
            .orElseThrow();
    PodTemplateSpec pod = set.getSpec().getTemplate();
    OptionValues values =
        RoleSettings.read("storage", environment(container(pod), "cairn-storage-0"));
    double journals =
        (double) values.get(StorageOptions.JOURNAL_SIZE) * values.get(StorageOptions.SHARDS);
    Quantity memory =
        pod.getSpec().getVolumes().stream()
            .filter(v -> v.getName().equals("journal-memory"))
            .findFirst()
            .orElseThrow()
            .getEmptyDir()
            .getSizeLimit();
    Quantity cache =
        set.getSpec()
            .getVolumeClaimTemplates()
            .getFirst()
            .getSpec()
            .getResources()
            .getRequests()
            .get("storage");
    assertTrue(memory.getNumericalAmount().doubleValue() > journals);
    assertTrue(cache.getNumericalAmount().doubleValue() > 2 * journals);
  }

  @Test
  void overlaysNameWhatIsThereAndTheirPatchesFitTheSchema() throws IOException {
    for (String overlay : List.of("laptop", "production")) {
      Path directory = Packaging.path("kubernetes/overlays/" + overlay);
      JsonNode kustomization =
          new YAMLMapper().readTree(Packaging.text(directory.resolve("kustomization.yaml")));
      for (JsonNode resource : kustomization.path("resources")) {
        assertTrue(Files.exists(directory.resolve(resource.asText())), resource.asText());
      }
      for (JsonNode patch : kustomization.path("patches")) {
        String text = Packaging.text(directory.resolve(patch.path("path").asText()));
        assertFalse(
            text.contains("value: $("),
            overlay + " names another variable, which kustomize puts behind those of a patch");
        for (JsonNode document : KubernetesManifests.documents(text)) {
          HasMetadata object = KubernetesManifests.object(document);
          assertTrue(
              base().stream()
                  .anyMatch(
                      b ->
                          b.getKind().equals(object.getKind())
                              && b.getMetadata().getName().equals(object.getMetadata().getName())),
              overlay + " patches what is not there");
        }
      }
    }
  }
}
