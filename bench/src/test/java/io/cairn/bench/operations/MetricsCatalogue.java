package io.cairn.bench.operations;

import io.cairn.bench.chaos.Metrics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Every metric of every role with its type, unit, labels and meaning: read from what the processes
 * of a running cluster say, and from the page {@code docker/docs/metrics.md}, which is made of
 * that.
 */
final class MetricsCatalogue {
  static final String PAGE = "docs/metrics.md";

  /** Metrics of the process, which all roles have. */
  private static final String EVERY_ROLE = "Every role";

  private static final Pattern HEAD = Pattern.compile("# (HELP|TYPE) (\\S+) ?(.*)");
  private static final Pattern SAMPLE =
      Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)\\})? \\S+");
  private static final Pattern LABEL = Pattern.compile("([a-zA-Z_]\\w*)=\"");
  private static final Pattern ROW = Pattern.compile("\\| `(\\S+)` \\| (\\w+) \\|.*");

  /** One metric. */
  static final class Family {
    private final Set<String> labels = new TreeSet<>();
    private String type = "";
    private String meaning = "";

    private String row(String name) {
      return "| `%s` | %s | %s | %s | %s |"
          .formatted(name, type, unit(name, type), String.join(", ", labels), sentence(meaning));
    }

    private static String sentence(String text) {
      String trimmed = text.trim();
      return trimmed.isEmpty() || trimmed.endsWith(".") ? trimmed : trimmed + ".";
    }
  }

  private final Map<String, Map<String, Family>> byRole = new LinkedHashMap<>();

  /** Adds what one process of a role says. */
  void add(String role, Metrics metrics) {
    for (String line : metrics.page().lines().toList()) {
      Matcher head = HEAD.matcher(line);
      Matcher sample = SAMPLE.matcher(line);
      if (head.matches()) {
        Family family = family(role, head.group(2));
        if ("TYPE".equals(head.group(1))) {
          family.type = head.group(3);
        } else {
          family.meaning = head.group(3);
        }
      } else if (sample.matches()) {
        Family family = family(role, base(role, sample.group(1)));
        Matcher label = LABEL.matcher(sample.group(2) == null ? "" : sample.group(2));
        while (label.find()) {
          if (!Set.of("le", "quantile").contains(label.group(1))) {
            family.labels.add(label.group(1));
          }
        }
      }
    }
  }

  private Family family(String role, String name) {
    String section = name.startsWith("cairn_") ? role : EVERY_ROLE;
    return byRole
        .computeIfAbsent(section, key -> new TreeMap<>())
        .computeIfAbsent(name, key -> new Family());
  }

  /** The family that a sample belongs to: histograms and summaries have several samples. */
  private String base(String role, String sample) {
    Map<String, Family> known =
        byRole.getOrDefault(sample.startsWith("cairn_") ? role : EVERY_ROLE, Map.of());
    for (String suffix : List.of("_bucket", "_sum", "_count")) {
      String base = sample.substring(0, Math.max(0, sample.length() - suffix.length()));
      if (sample.endsWith(suffix) && known.containsKey(base)) {
        return base;
      }
    }
    return sample;
  }

  private static String unit(String name, String type) {
    String[] words = name.split("_");
    String last = words[words.length - ("counter".equals(type) ? 2 : 1)];
    return switch (last) {
      case "max" -> "seconds";
      case "seconds", "bytes", "blocks" -> last;
      case "ns" -> "nanoseconds";
      case "usage" -> "ratio";
      default -> "1";
    };
  }

  /** The page. */
  String page() {
    StringBuilder page = new StringBuilder();
    page.append("# Metrics\n");
    page.append(
        "What `/metrics` of each role says. Made by `mvn verify -Dcairn.catalogue=write` from a");
    page.append(" running cluster; a test\nholds this page and the program to each other.");
    page.append(" Histograms have `_bucket`, `_sum` and `_count`.\n");
    byRole.forEach(
        (role, families) -> {
          page.append("\n## ").append(role).append("\n");
          page.append("| name | type | unit | labels | meaning |\n");
          page.append("| --- | --- | --- | --- | --- |\n");
          families.forEach((name, family) -> page.append(family.row(name)).append('\n'));
        });
    return page.toString();
  }

  /**
   * The names that samples may have according to the stored page: those of queries in dashboards
   * and rules are among them.
   */
  static Set<String> documentedSamples() {
    Set<String> names = new TreeSet<>();
    for (String line : Packaging.text(PAGE).lines().toList()) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        switch (row.group(2)) {
          case "histogram" ->
              names.addAll(List.of(row.group(1) + "_bucket", row.group(1) + "_sum"));
          case "summary" -> names.add(row.group(1) + "_sum");
          default -> names.add(row.group(1));
        }
        if (Set.of("histogram", "summary").contains(row.group(2))) {
          names.add(row.group(1) + "_count");
        }
      }
    }
    return names;
  }
}
