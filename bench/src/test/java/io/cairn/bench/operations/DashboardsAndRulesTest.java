package io.cairn.bench.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Dashboards, alert rules and runbook name only what exists, and every alert is explained. */
class DashboardsAndRulesTest {
  private static final Pattern METRIC =
      Pattern.compile("\\b(?:cairn|jvm|process|system)_[a-z0-9_]*[a-z0-9]\\b");

  private static final Path RULES = Packaging.path("prometheus/cairn-rules.yml");

  private static List<String> dashboardQueries(Path dashboard) throws IOException {
    List<String> queries = new ArrayList<>();
    JsonNode root = new ObjectMapper().readTree(dashboard.toFile());
    for (JsonNode panel : root.path("panels")) {
      assertTrue(panel.path("targets").size() > 0, dashboard + ": " + panel.path("title"));
      panel.path("targets").forEach(target -> queries.add(target.path("expr").asText()));
    }
    root.path("templating").path("list").forEach(v -> queries.add(v.path("query").asText()));
    return queries;
  }

  private static List<JsonNode> rules() throws IOException {
    List<JsonNode> rules = new ArrayList<>();
    for (JsonNode group : new YAMLMapper().readTree(RULES.toFile()).path("groups")) {
      group.path("rules").forEach(rules::add);
    }
    return rules;
  }

  private static Set<String> unknown(String text) {
    Set<String> names = new TreeSet<>();
    Matcher metric = METRIC.matcher(text);
    while (metric.find()) {
      names.add(metric.group());
    }
    names.removeAll(MetricsCatalogue.documentedSamples());
    return names;
  }

  @Test
  void everyMetricOfADashboardIsInTheCatalogue() throws IOException {
    List<Path> dashboards = Packaging.files("grafana", ".json");
    assertEquals(3, dashboards.size());
    Set<String> uids = new HashSet<>();
    for (Path dashboard : dashboards) {
      assertTrue(uids.add(new ObjectMapper().readTree(dashboard.toFile()).path("uid").asText()));
      for (String query : dashboardQueries(dashboard)) {
        assertEquals(Set.of(), unknown(query), dashboard.getFileName() + ": " + query);
      }
    }
  }

  @Test
  void everyMetricOfARuleIsInTheCatalogue() throws IOException {
    for (JsonNode rule : rules()) {
      String query = rule.path("expr").asText();
      assertEquals(Set.of(), unknown(query), rule.path("alert") + ": " + query);
    }
  }

  @Test
  void everyMetricThatTheRunbookNamesIsInTheCatalogue() {
    assertEquals(Set.of(), unknown(Packaging.text("docs/runbook.md")));
  }

  @Test
  void everyAlertHasItsSectionInTheRunbookAndATest() throws IOException {
    Set<String> alerts = new TreeSet<>();
    for (JsonNode rule : rules()) {
      String alert = rule.path("alert").asText();
      alerts.add(alert);
      assertEquals(
          "docs/runbook.md#" + alert.toLowerCase(Locale.ROOT),
          rule.path("annotations").path("runbook").asText());
      assertTrue(
          Set.of("warning", "critical").contains(rule.path("labels").path("severity").asText()),
          alert);
    }
    Set<String> sections = new TreeSet<>();
    for (String line : Packaging.text("docs/runbook.md").lines().toList()) {
      if (line.startsWith("## ")) {
        sections.add(line.substring(3));
      }
    }
    assertEquals(alerts, sections);
    Set<String> tested = new TreeSet<>();
    JsonNode tests =
        new YAMLMapper().readTree(Packaging.path("prometheus/cairn-rules-test.yml").toFile());
    for (JsonNode test : tests.path("tests")) {
      for (JsonNode expectation : test.path("alert_rule_test")) {
        if (expectation.path("exp_alerts").size() > 0) {
          tested.add(expectation.path("alertname").asText());
        }
      }
    }
    assertEquals(alerts, tested, "each alert fires once in the rules' tests");
  }
}
