package io.cairn.bench.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.Yaml;

/** The Compose file runs roles with settings that they take, and mounts what is there. */
class ComposeFileTest {
  private static final Set<String> ROLES = Set.of("metadata", "storage", "gateway");
  private static final Path DIRECTORY = Packaging.path("compose");

  /** With what anchors and merge keys stand for, which Jackson's reader leaves alone. */
  private static JsonNode compose() {
    Object tree = new Yaml().load(Packaging.text("compose/compose.yaml"));
    return new ObjectMapper().valueToTree(tree);
  }

  private static Map<String, JsonNode> services() {
    Map<String, JsonNode> services = new LinkedHashMap<>();
    compose().path("services").properties().forEach(s -> services.put(s.getKey(), s.getValue()));
    return services;
  }

  @Test
  void everyRoleTakesItsEnvironment() {
    List<String> roles = new ArrayList<>();
    services()
        .forEach(
            (name, service) -> {
              String role = service.path("command").path(0).asText();
              if (!ROLES.contains(role)) {
                return;
              }
              roles.add(role);
              Map<String, String> environment = new LinkedHashMap<>();
              service
                  .path("environment")
                  .properties()
                  .forEach(e -> environment.put(e.getKey(), e.getValue().asText()));
              RoleSettings.read(role, environment);
              assertEquals(name, service.path("hostname").asText());
              assertTrue(service.path("read_only").asBoolean(), name);
              assertEquals("ALL", service.path("cap_drop").path(0).asText(), name);
            });
    assertEquals(
        List.of("metadata", "metadata", "metadata", "storage", "storage", "storage", "gateway"),
        roles);
  }

  @Test
  void whatIsMountedIsThere() {
    Set<String> named = new TreeSet<>();
    compose().path("volumes").fieldNames().forEachRemaining(named::add);
    Set<String> used = new TreeSet<>();
    services()
        .forEach(
            (name, service) -> {
              for (JsonNode volume : service.path("volumes")) {
                String source = volume.asText().split(":")[0];
                if (source.startsWith(".")) {
                  assertTrue(Files.exists(DIRECTORY.resolve(source)), name + ": " + source);
                } else {
                  assertTrue(used.add(source), source + " belongs to one container");
                }
              }
            });
    assertEquals(named, used);
  }

  @Test
  void everyRoleIsScrapedUnderTheNameThatTheRulesExpect() throws IOException {
    JsonNode prometheus =
        new ObjectMapper(new YAMLFactory()).readTree(DIRECTORY.resolve("prometheus.yml").toFile());
    Set<String> scraped = new TreeSet<>();
    for (JsonNode job : prometheus.path("scrape_configs")) {
      for (JsonNode target : job.path("static_configs").path(0).path("targets")) {
        String host = target.asText().split(":")[0];
        assertEquals("cairn-" + host.replaceAll("-\\d+$", ""), job.path("job_name").asText());
        scraped.add(host);
      }
    }
    Set<String> expected = new TreeSet<>();
    services()
        .forEach(
            (name, service) -> {
              if (ROLES.contains(service.path("command").path(0).asText())) {
                expected.add(name);
              }
            });
    assertEquals(expected, scraped);
  }
}
