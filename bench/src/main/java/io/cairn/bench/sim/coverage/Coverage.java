package io.cairn.bench.sim.coverage;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;

/**
 * The transitions that are declared beside the ones that were seen. The declared ones are a table
 * of this package, from what the state machines say of themselves: a line each, with a # before
 * what is said to people.
 */
public final class Coverage {
  private static final String TABLE = "transitions.txt";

  private final SortedMap<String, Long> seen = Transitions.counts();
  private final Set<String> declared = declared();

  /** How it stands now. */
  public Coverage() {}

  private static Set<String> declared() {
    try (InputStream in = Coverage.class.getResourceAsStream(TABLE)) {
      Set<String> names = new TreeSet<>();
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
        String name = line.replaceFirst("#.*", "").strip();
        if (!name.isEmpty() && !names.add(name)) {
          throw new IllegalStateException(TABLE + " declares twice: " + name);
        }
      }
      return names;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Declared, and not seen; sorted. */
  public Set<String> unvisited() {
    Set<String> names = new TreeSet<>(declared);
    names.removeAll(seen.keySet());
    return names;
  }

  /** Seen, and not declared: the table does not know the protocol; sorted. */
  public Set<String> undeclared() {
    Set<String> names = new TreeSet<>(seen.keySet());
    names.removeAll(declared);
    return names;
  }

  /** The report: how often each transition was seen, and what is wrong. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    seen.forEach((name, count) -> lines.add(String.format("%12d  %s", count, name)));
    unvisited().forEach(name -> lines.add("unvisited     " + name));
    undeclared().forEach(name -> lines.add("undeclared    " + name));
    lines.add(
        String.format(
            "%d of %d transitions visited, %d undeclared",
            declared.size() - unvisited().size(), declared.size(), undeclared().size()));
    return lines;
  }
}
