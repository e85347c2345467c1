package io.cairn.metadata.options;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The declared list of a role's options. A value comes from the file, over it the environment, over
 * that the command line; what is unknown, doubled, missing or out of bounds is refused with its
 * place, its key, its value and its bound, whichever of the three it stands in, even when another
 * one overrides it.
 */
public final class OptionSet {
  /**
   * What Kubernetes puts into a container's environment for a service named like the role. These
   * are no settings, and they must not stop the start.
   */
  private static final Pattern SERVICE_VARIABLE =
      Pattern.compile(
          "(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)");

  private final String role;
  private final Map<String, Option<?>> options = new LinkedHashMap<>();
  private final Map<String, Option<?>> byVariable = new LinkedHashMap<>();

  private OptionSet(String role) {
    this.role = role;
  }

  /**
   * Declares a role's options, in the order in which the reference lists them.
   *
   * @param role lower-case word; part of the variables' names.
   */
  public static OptionSet of(String role, Option<?>... options) {
    OptionSet set = new OptionSet(role);
    for (Option<?> option : options) {
      if (set.options.put(option.key(), option) != null
          || set.byVariable.put(set.variable(option), option) != null) {
        throw new IllegalArgumentException("option " + option.key() + " is declared twice");
      }
    }
    return set;
  }

  /** The role's name. */
  public String role() {
    return role;
  }

  /** The environment variable that sets an option. */
  public String variable(Option<?> option) {
    return prefix() + option.key().replace('.', '_').toUpperCase(Locale.ROOT);
  }

  private String prefix() {
    return "CAIRN_" + role.toUpperCase(Locale.ROOT) + "_";
  }

  /** All of them, in the order of the reference. */
  List<Option<?>> options() {
    return List.copyOf(options.values());
  }

  boolean holds(Option<?> option) {
    return options.get(option.key()) == option;
  }

  /**
   * Reads and checks all options.
   *
   * @param configFileOrNull flat YAML.
   * @param environment all variables of the process; those of other roles are left alone.
   * @param overrides key and value of each {@code --set}.
   * @throws OptionException at the first thing that is wrong.
   */
  public OptionValues read(
      Path configFileOrNull, Map<String, String> environment, Map<String, String> overrides) {
    List<GivenOption> all = new ArrayList<>();
    if (configFileOrNull != null) {
      all.addAll(OptionFile.read(configFileOrNull).values());
    }
    new TreeMap<>(environment).forEach((name, value) -> addVariable(all, name, value));
    overrides.forEach((key, value) -> all.add(new GivenOption("--set " + key, key, value)));

    Map<String, GivenOption> given = new LinkedHashMap<>();
    Map<String, Object> values = new LinkedHashMap<>();
    for (GivenOption one : all) {
      Option<?> option = options.get(one.key());
      if (option == null) {
        throw new OptionException(
            one.source() + ": option " + one.key() + " is unknown" + suggestion(one.key()));
      }
      values.put(one.key(), checked(option, one));
      given.put(one.key(), one);
    }
    for (Option<?> option : options.values()) {
      if (!given.containsKey(option.key())) {
        if (option.isRequired()) {
          throw new OptionException(
              "option "
                  + option.key()
                  + " is required: set it in the configuration file, by "
                  + variable(option)
                  + " or by --set "
                  + option.key()
                  + "=…; expected "
                  + option.type().bound());
        }
        values.put(option.key(), option.absentValue());
      }
    }
    return new OptionValues(this, given, values);
  }

  private void addVariable(List<GivenOption> all, String name, String value) {
    if (!name.startsWith(prefix())) {
      return;
    }
    Option<?> option = byVariable.get(name);
    String rest = name.substring(prefix().length());
    if (option != null) {
      all.add(new GivenOption("environment variable " + name, option.key(), value));
    } else if (!SERVICE_VARIABLE.matcher(rest).matches()) {
      all.add(
          new GivenOption(
              "environment variable " + name,
              rest.toLowerCase(Locale.ROOT).replace('_', '.'),
              value));
    }
  }

  private static Object checked(Option<?> option, GivenOption given) {
    try {
      return option.type().read(given.text());
    } catch (IllegalArgumentException e) {
      throw new OptionException(
          given.source()
              + ": option "
              + option.key()
              + " is '"
              + printable(given.text())
              + "', expected "
              + option.type().bound());
    }
  }

  /** A value goes to a terminal and into logs: on one line, and not at any length. */
  private static String printable(String text) {
    String visible = text.replaceAll("\\p{Cntrl}", "?");
    return visible.length() <= 200 ? visible : visible.substring(0, 200) + "…";
  }

  private String suggestion(String key) {
    String nearest = null;
    // Beyond a third of its letters a key is another word rather than a mistyped one.
    int distance = 1 + key.length() / 3;
    for (String known : options.keySet()) {
      int edits = edits(key, known);
      if (edits < distance || (nearest == null && known.endsWith("." + key))) {
        nearest = known;
        distance = edits;
      }
    }
    return nearest == null
        ? "; the role " + role + " knows " + String.join(", ", options.keySet())
        : "; did you mean " + nearest + "?";
  }

  /** Letters to insert, delete or replace between two words. */
  private static int edits(String from, String to) {
    int[] row = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[to.length()];
  }

  /** The role's page of the reference, in Markdown. */
  public String reference() {
    StringBuilder page = new StringBuilder("## " + role + "\n");
    for (boolean clusterWide : new boolean[] {true, false}) {
      List<Option<?>> rows =
          options.values().stream().filter(o -> o.isClusterWide() == clusterWide).toList();
      if (!rows.isEmpty()) {
        page.append(
            clusterWide ? "\nThe same on all servers of a cluster:\n" : "\nOf each server:\n");
        page.append("\n| key | value | default | environment | meaning |\n");
        page.append("| --- | --- | --- | --- | --- |\n");
        rows.forEach(option -> page.append(row(option)));
      }
    }
    return page.toString();
  }

  private String row(Option<?> option) {
    String absent =
        option.defaultText() != null
            ? "`" + option.defaultText() + "`"
            : option.isRequired() ? "(required)" : "(none)";
    return "| `"
        + option.key()
        + "` | "
        + option.type().bound()
        + " | "
        + absent
        + " | `"
        + variable(option)
        + "` | "
        + option.text()
        + " |\n";
  }
}
