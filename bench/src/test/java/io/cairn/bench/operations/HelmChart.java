package io.cairn.bench.operations;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Helm chart, made from the manifests for kustomize: in these, a scalar that users may want to
 * change ends with a comment {@code # value: some.name}. The chart has a placeholder there, and the
 * scalar as the default.
 */
final class HelmChart {
  private static final Pattern MARKED =
      Pattern.compile("(?m)^( *(?:- )?[\\w./-]+: )(\\S+) # value: ([\\w.]+)$");
  private static final Pattern PLACEHOLDER =
      Pattern.compile("\\{\\{ \\.Values\\.([\\w.]+)( \\| quote)? }}");
  private static final String BASE = "kubernetes/base";

  private HelmChart() {}

  private static boolean isNumber(String scalar) {
    return scalar.matches("\\d+");
  }

  private static String unquoted(String scalar) {
    return scalar.startsWith("\"") ? scalar.substring(1, scalar.length() - 1) : scalar;
  }

  /** The chart's files that follow from the manifests, by their paths within it. */
  static Map<String, String> files() {
    Map<String, String> files = new LinkedHashMap<>();
    Map<String, String> values = new TreeMap<>();
    for (Path manifest : Packaging.files(BASE, ".yaml")) {
      String name = manifest.getFileName().toString();
      if (name.equals("kustomization.yaml")) {
        continue;
      }
      Matcher marked = MARKED.matcher(Packaging.text(manifest));
      StringBuilder template = new StringBuilder();
      while (marked.find()) {
        String scalar = marked.group(2);
        String before = values.put(marked.group(3), scalar);
        if (before != null && !before.equals(scalar)) {
          throw new IllegalStateException(
              marked.group(3) + " is both " + before + " and " + scalar);
        }
        String placeholder =
            "{{ .Values." + marked.group(3) + (isNumber(scalar) ? "" : " | quote") + " }}";
        marked.appendReplacement(template, Matcher.quoteReplacement(marked.group(1) + placeholder));
      }
      marked.appendTail(template);
      files.put(
          "templates/" + name,
          "# Made from docker/kubernetes/base/" + name + "; change that one.\n" + template);
    }
    files.put("values.yaml", values(values));
    return files;
  }

  /** Nested maps, in the order of their names. */
  private static String values(Map<String, String> byPath) {
    StringBuilder text = new StringBuilder("# Made from docker/kubernetes/base; change that.\n");
    String[] open = {};
    for (Map.Entry<String, String> value : byPath.entrySet()) {
      String[] path = value.getKey().split("\\.");
      int common = 0;
      while (common < Math.min(open.length, path.length - 1) && open[common].equals(path[common])) {
        common++;
      }
      for (int depth = common; depth < path.length - 1; depth++) {
        text.append("  ".repeat(depth)).append(path[depth]).append(":\n");
      }
      open = java.util.Arrays.copyOf(path, path.length - 1);
      String scalar = value.getValue();
      text.append("  ".repeat(path.length - 1)).append(path[path.length - 1]).append(": ");
      text.append(isNumber(scalar) ? scalar : '"' + unquoted(scalar) + '"').append('\n');
    }
    return text.toString();
  }

  /** What Helm makes of a template that has nothing but placeholders. */
  static String render(String template, JsonNode values) {
    Matcher placeholder = PLACEHOLDER.matcher(template);
    StringBuilder rendered = new StringBuilder();
    while (placeholder.find()) {
      JsonNode value = values.at("/" + placeholder.group(1).replace('.', '/'));
      if (value.isMissingNode()) {
        throw new IllegalStateException("there is no value " + placeholder.group(1));
      }
      String text = value.asText();
      placeholder.appendReplacement(
          rendered,
          Matcher.quoteReplacement(placeholder.group(2) == null ? text : '"' + text + '"'));
    }
    placeholder.appendTail(rendered);
    if (rendered.indexOf("{{") >= 0) {
      throw new IllegalStateException("more than placeholders: " + rendered);
    }
    return rendered.toString();
  }
}
