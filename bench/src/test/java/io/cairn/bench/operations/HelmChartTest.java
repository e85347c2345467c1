package io.cairn.bench.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Chart and manifests are the same cluster. */
class HelmChartTest {
  private static final String CHART = "helm/cairn";

  @Test
  void chartIsMadeFromTheManifests() throws IOException {
    for (Map.Entry<String, String> file : HelmChart.files().entrySet()) {
      Path path = Packaging.path(CHART).resolve(file.getKey());
      if ("write".equals(System.getProperty("cairn.chart"))) {
        Files.createDirectories(path.getParent());
        Files.writeString(path, file.getValue());
      }
      assertEquals(
          file.getValue(),
          Packaging.text(path),
          "mvn test -Dtest=HelmChartTest -Dcairn.chart=write writes it anew");
    }
    List<Path> templates = Packaging.files(CHART + "/templates", ".yaml");
    assertEquals(HelmChart.files().size() - 1, templates.size(), templates.toString());
  }

  @Test
  void chartWithItsDefaultsIsTheManifests() throws IOException {
    JsonNode values = new YAMLMapper().readTree(Packaging.text(CHART + "/values.yaml"));
    for (Path template : Packaging.files(CHART + "/templates", ".yaml")) {
      String rendered = HelmChart.render(Packaging.text(template), values);
      String manifest = Packaging.text("kubernetes/base/" + template.getFileName());
      assertEquals(
          KubernetesManifests.documents(manifest),
          KubernetesManifests.documents(rendered),
          template.toString());
    }
  }

  @Test
  void aValueReachesTheObject() throws IOException {
    JsonNode values =
        new YAMLMapper()
            .readTree(
                Packaging.text(CHART + "/values.yaml")
                    .replace("\"nvme\"", "\"fast\"")
                    .replace("replicas: 3", "replicas: 7"));
    String rendered = HelmChart.render(Packaging.text(CHART + "/templates/storage.yaml"), values);
    assertTrue(rendered.contains("storageClassName: \"fast\""), rendered);
    assertTrue(rendered.contains("replicas: 7"), rendered);
  }

  @Test
  void chartHasItsName() throws IOException {
    JsonNode chart = new YAMLMapper().readTree(Packaging.text(CHART + "/Chart.yaml"));
    assertEquals("v2", chart.path("apiVersion").asText());
    assertEquals("cairn", chart.path("name").asText());
  }
}
